//! nacos-sdk-python: 3.2.0 over gRPC (`v2.nacos`), and 1.0.0 over HTTP long polls (`nacos`).

use std::time::Duration;

use shakedown_model::backoff::Backoff;
use shakedown_model::plan::{
    Abilities, Cache, ClientSpec, Habits, Handshake, HealthCheck, Identity, Leaving, LoginHabit, NodeOrder,
    Noticing, Probing, Protocol, ReadHabit, SnapshotHabit, SnapshotOnDelete, SnapshotWrite,
};

pub(super) fn python_3() -> ClientSpec {
    // `SDK_ABILITY_TABLE`.
    let abilities = Abilities::Table(["mcp", "agent"].map(str::to_owned).into());
    let health = HealthCheck { every: Duration::from_secs(5), timeout: Duration::from_secs(3), tries: 1 };
    let backoff = Backoff::NacosPython { probe: health.every, nodes: 1 };
    ClientSpec {
        // §3.4: the file is read on error 400 only, so that a server which cannot be reached raises.
        cache: Cache::WriteOnly,
        // §3.1: the channel has 3 s to be ready, which takes the server's first bytes; then the set-up's ack 5 s, and 100 ms.
        connect_timeout: Duration::from_millis(8_100),
        request_timeout: Duration::from_secs(3),
        health_check: Some(health),
        resync: Some(Duration::from_secs(300)),
        lists_around_query: true,
        habits: Habits {
            identity: Identity { abilities, ..Identity::grpc("Nacos-Python-Client:v3.2.0") },
            handshake: Handshake::CheckThenAckAndPause,
            check_timeout: Some(Duration::from_secs(3)),
            reads: ReadHabit::Server,
            startup_tries: 3,
            node_order: NodeOrder::RandomStart,
            noticing: Noticing::CleanEndLate,
            // `channel.close()` leaves a connection that waits for the server's first bytes to gRPC's own time-out, 20 s.
            leaving: Leaving::OnceAnswered { at_most: Duration::from_secs(20) },
            probing: Probing::WhenIdle,
            // `rpc_client.request` catches no `AioRpcError`: only a health check ends a connection that does not answer.
            stays_after_timeout: true,
            takes_3xx_for_health: true,
            relists_quiet: true,
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

pub(super) fn python_1() -> ClientSpec {
    let second = Duration::from_secs(1);
    ClientSpec {
        cache: Cache::Snapshot,
        request_timeout: 3 * second,
        connect_timeout: 3 * second,
        poll_timeout: 30 * second,
        poll_grace: 10 * second,
        habits: Habits {
            // `_inject_version_info`.
            identity: Identity::http("user-agent", "Nacos-Python-Client:v1.0.0"),
            // `self.current_server = self.server_list[0]`.
            node_order: NodeOrder::Listed,
            reads: ReadHabit::Server,
            retry: second,
            // `urlopen` asks for the connection to be closed.
            keeps_alive: false,
            asks_to_close: true,
            login: LoginHabit::Token { after_denial: None },
            snapshot: SnapshotHabit {
                write: SnapshotWrite::InPlace,
                on_delete: SnapshotOnDelete::Removed,
                is_listed: true,
            },
            ..Habits::default()
        },
        ..ClientSpec::new(Protocol::NacosHttp, Backoff::Rounds { pause: second, nodes: 1 })
    }
}
