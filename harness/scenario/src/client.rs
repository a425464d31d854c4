//! Clients: what each imitated SDK does, and what an explicit client does by default.
//!
//! The figures of the SDKs are facts of their sources (nacos-facts.md §3.1 and §3.2); a change there needs a new fact.

use std::time::Duration;

use shakedown_model::backoff::Backoff;
use shakedown_model::plan::{Cache, ClientSpec, HealthCheck, Protocol};

/// An SDK that can be imitated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sdk {
    /// nacos-client 2.x for Java, over gRPC.
    NacosJava2,
    /// nacos for Node, over HTTP long polls.
    NacosNode,
}

impl Sdk {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NacosJava2 => "nacos-java-2",
            Self::NacosNode => "nacos-node",
        }
    }

    /// The client as that SDK has it.
    pub(crate) fn client(self) -> ClientSpec {
        let client = match self {
            Self::NacosJava2 => ClientSpec {
                health_check: Some(HealthCheck { tries: 4, ..HEALTH_CHECK }),
                lists_around_query: true,
                ..explicit(Protocol::NacosGrpc, Backoff::NacosJava)
            },
            // A request retries inside until its own time-out, a poll's being 40 s, and then pauses for 2 s.
            Self::NacosNode => explicit(
                Protocol::NacosHttp,
                Backoff::NacosNode { spin: Duration::from_secs(40), pause: Duration::from_secs(2) },
            ),
        };
        ClientSpec { like: Some(self.name().to_owned()), cache: Cache::Snapshot, ..client }
    }
}

/// The health check of an explicit gRPC client: as often as every SDK checks, and one try as Go and Python have it.
pub(crate) const HEALTH_CHECK: HealthCheck =
    HealthCheck { every: Duration::from_secs(5), timeout: Duration::from_secs(3), tries: 1 };

/// A client with a backoff of its own, and for the rest what the SDKs of its protocol agree on.
pub(crate) fn explicit(protocol: Protocol, backoff: Backoff) -> ClientSpec {
    let is_grpc = protocol == Protocol::NacosGrpc;
    ClientSpec {
        like: None,
        protocol,
        backoff,
        cache: Cache::None,
        request_timeout: Duration::from_secs(if is_grpc { 3 } else { 5 }),
        // gRPC: 3 s for the server check and 5 s for the set-up's ack.
        connect_timeout: Duration::from_secs(if is_grpc { 8 } else { 5 }),
        poll_timeout: Duration::from_secs(30),
        poll_grace: Duration::from_secs(10),
        health_check: is_grpc.then_some(HEALTH_CHECK),
        resync: is_grpc.then_some(Duration::from_secs(180)),
        lists_around_query: false,
        defect: None,
    }
}
