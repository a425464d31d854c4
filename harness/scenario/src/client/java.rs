//! nacos-client for Java: 2.5.1 and 3.2.1. Config traffic is the same but for what the client says of itself and the
//! name of the default namespace.

use std::time::Duration;

use shakedown_model::backoff::Backoff;
use shakedown_model::plan::{
    Abilities, Cache, ClientSpec, Habits, Handshake, HealthCheck, Identity, LoginHabit, NodeOrder, Noticing,
    Probing, Protocol, ReadHabit, SnapshotHabit, SnapshotOnDelete, SnapshotWrite,
};

pub(super) fn java_2() -> ClientSpec {
    // `AbilityKey`, the ones of an SDK client.
    java("Nacos-Java-Client:v2.5.1", &["supportPersistentInstanceByGrpc"])
}

pub(super) fn java_3() -> ClientSpec {
    let client =
        java("Nacos-Java-Client:v3.2.1", &["fuzzyWatch", "lock", "mcp", "supportPersistentInstanceByGrpc"]);
    // `ClientBasicParamUtil` (§1.6).
    let habits = Habits { names_public: true, ..client.habits };
    ClientSpec { habits, ..client }
}

fn java(version: &str, abilities: &[&str]) -> ClientSpec {
    let abilities = abilities.iter().map(|ability| (*ability).to_owned()).collect();
    ClientSpec {
        cache: Cache::Snapshot,
        // §3.1: the server check takes up to 3 s, the set-up's ack up to 5 s.
        connect_timeout: Duration::from_secs(8),
        request_timeout: Duration::from_secs(3),
        health_check: Some(HealthCheck {
            every: Duration::from_secs(5),
            timeout: Duration::from_secs(3),
            tries: 4,
        }),
        resync: Some(Duration::from_secs(180)),
        lists_around_query: true,
        habits: Habits {
            identity: Identity { abilities: Abilities::Table(abilities), ..Identity::grpc(version) },
            handshake: Handshake::CheckThenAck,
            check_timeout: Some(Duration::from_secs(3)),
            // §3.2: four tries, 100 ms after each.
            reads: ReadHabit::Server,
            offline_read: Duration::from_millis(400),
            startup_tries: 4,
            node_order: NodeOrder::Shuffled,
            noticing: Noticing::AtOnce,
            probing: Probing::WhenIdle,
            // `reconnect`, when a request failed.
            checks_before_leaving: true,
            queries_per_second: Some(5),
            // §1.8: a denial is honoured at most every 60 s.
            login: LoginHabit::Token { after_denial: Some(Duration::from_secs(60)) },
            snapshot: SnapshotHabit {
                write: SnapshotWrite::InPlace,
                on_delete: SnapshotOnDelete::Removed,
                is_listed: true,
            },
            ..Habits::default()
        },
        ..ClientSpec::new(Protocol::NacosGrpc, Backoff::NACOS_JAVA)
    }
}
