//! nacos-sdk 0.8.3 for Rust.

use std::time::Duration;

use shakedown_model::backoff::Backoff;
use shakedown_model::plan::{
    Abilities, Cache, ClientSpec, FirstContact, Habits, Handshake, HealthCheck, Identity, Leaving,
    LoginHabit, NodeOrder, Noticing, Probing, Protocol, SnapshotHabit, SnapshotOnDelete, SnapshotWrite,
};

pub(super) fn rust() -> ClientSpec {
    let minute = Duration::from_secs(60);
    let every = Duration::from_secs(5);
    let mut identity = Identity { abilities: Abilities::Old, ..Identity::grpc("Nacos-Rust-Client:0.8.3") };
    // `ConfigWorker::new` sends no task.
    identity.labels.remove("taskId");
    ClientSpec {
        // §3.4: read only with `config_load_cache_at_start`, which is off.
        cache: Cache::WriteOnly,
        // §3.1, §2.4: no time-out of its own; a dead link shows when an HTTP/2 ping (360 s) is not answered (20 s).
        connect_timeout: Duration::from_secs(380),
        request_timeout: Duration::from_secs(3),
        health_check: Some(HealthCheck { every, timeout: Duration::from_secs(3), tries: 3 }),
        resync: Some(minute),
        lists_around_query: false,
        habits: Habits {
            identity,
            handshake: Handshake::StreamThenCheck,
            // §3.1: `max_retries`; an application that starts again at once is one more life.
            startup_tries: 1,
            node_order: NodeOrder::RandomStart,
            noticing: Noticing::Late,
            // `State::Idle`: the service is replaced when the next one is made.
            leaving: Leaving::WithNextAttempt,
            probing: Probing::WhenIdle,
            // `last_active` is stored for pushes as well (`nacos_grpc_connection.rs`).
            pushes_prove_life: true,
            requests_time_out: false,
            // What fails is asked again by the loop that lists everything.
            retry: minute,
            // `ConfigWorker::add_listener`.
            first_contact: FirstContact::Query,
            relists_on_reconnect: false,
            hears_deletes: false,
            login: LoginHabit::Token { after_denial: None },
            snapshot: SnapshotHabit {
                write: SnapshotWrite::Atomic,
                on_delete: SnapshotOnDelete::Removed,
                is_listed: false,
            },
            ..Habits::default()
        },
        ..ClientSpec::new(Protocol::NacosGrpc, Backoff::NacosRust { probe: every })
    }
}
