//! What each imitated SDK does beyond [`ClientSpec::new`].
//!
//! The figures are facts of the SDKs' sources (nacos-facts.md §3.1 and §3.2); a change there needs a new fact.

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
                health_check: Some(HealthCheck { tries: 4, ..HealthCheck::default() }),
                lists_around_query: true,
                ..ClientSpec::new(Protocol::NacosGrpc, Backoff::NacosJava)
            },
            // A request retries inside until its own time-out, a poll's being 40 s, and then pauses for 2 s.
            Self::NacosNode => ClientSpec::new(
                Protocol::NacosHttp,
                Backoff::NacosNode { spin: Duration::from_secs(40), pause: Duration::from_secs(2) },
            ),
        };
        ClientSpec { like: Some(self.name().to_owned()), cache: Cache::Snapshot, ..client }
    }
}
