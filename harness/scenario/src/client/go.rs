//! nacos-sdk-go 2.3.5.

use std::time::Duration;

use shakedown_model::backoff::Backoff;
use shakedown_model::plan::{
    Abilities, Cache, ClientSpec, Habits, Handshake, HealthCheck, Identity, LoginHabit, NodeOrder, Noticing,
    Probing, Protocol, ReadHabit, SnapshotHabit, SnapshotOnDelete, SnapshotWrite,
};

pub(super) fn go_2() -> ClientSpec {
    // §3.1: as Java, but the first turn has no pause.
    let backoff =
        Backoff::Turns { step: Duration::from_millis(100), cap: Duration::from_secs(5), nodes: 1, lead: 0 };
    ClientSpec {
        cache: Cache::Snapshot,
        // §3.1: the server check takes up to 3 s, and nothing is waited for after it but 100 ms.
        connect_timeout: Duration::from_millis(3_100),
        request_timeout: Duration::from_secs(3),
        health_check: Some(HealthCheck {
            every: Duration::from_secs(5),
            timeout: Duration::from_secs(3),
            tries: 1,
        }),
        resync: Some(Duration::from_secs(300)),
        lists_around_query: true,
        habits: Habits {
            identity: Identity { abilities: Abilities::Client, ..Identity::grpc("Nacos-Go-Client:v2.3.5") },
            handshake: Handshake::CheckThenPause,
            // §3.2: listening does not ring the bell, so that the first round of the loop connects.
            idle_start: Duration::from_secs(5),
            check_timeout: Some(Duration::from_secs(3)),
            // §3.2: three tries, 100 ms after each.
            reads: ReadHabit::Server,
            offline_read: Duration::from_millis(300),
            startup_tries: 3,
            node_order: NodeOrder::RandomStart,
            noticing: Noticing::AtOnce,
            probing: Probing::WhenIdle,
            // `reconnect`, when a request failed.
            checks_before_leaving: true,
            takes_3xx_for_health: true,
            queries_per_second: Some(5),
            login: LoginHabit::Token { after_denial: None },
            snapshot: SnapshotHabit {
                write: SnapshotWrite::InPlace,
                on_delete: SnapshotOnDelete::Emptied,
                is_listed: true,
            },
            ..Habits::default()
        },
        ..ClientSpec::new(Protocol::NacosGrpc, backoff)
    }
}
