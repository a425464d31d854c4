//! The floor: the fan-out of a mutation over bare sockets, with nothing of a config server or a client in it.
//!
//! What a run measured is then also a multiple of it, which compares across machines.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::gate::Stat;
use crate::plan::{Plan, Protocol};
use crate::{ItemId, Version};

/// The messages between a change and a watcher that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chain {
    /// The content, and nothing else: no protocol can do with less.
    OneMessage,
    /// The answer to a long poll, the query for the content, the content: three messages.
    LongPoll,
    /// Nacos' push over gRPC: notify, its ack, the list request, its answer, the query, the content: six messages
    /// (nacos-facts.md §2.4). Ack and list request leave in one write.
    GrpcPush,
}

impl Chain {
    /// The chain that a protocol needs.
    #[must_use]
    pub const fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::NacosHttp => Self::LongPoll,
            Protocol::NacosGrpc => Self::GrpcPush,
        }
    }

    /// How many messages it has.
    #[must_use]
    pub const fn messages(self) -> u32 {
        match self {
            Self::OneMessage => 1,
            Self::LongPoll => 3,
            Self::GrpcPush => 6,
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneMessage => "one message",
            Self::LongPoll => "long poll, three messages",
            Self::GrpcPush => "gRPC push, six messages",
        })
    }
}

/// Whose floor is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FloorShape {
    /// The messages.
    pub chain: Chain,
    /// To how many connections they go.
    pub connections: u32,
    /// The content in bytes; envelopes come on top.
    pub payload_bytes: u32,
}

/// What a fan-out took over bare sockets, from its begin to each connection's last message, all rounds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// What was measured.
    pub shape: FloorShape,
    /// How often, not counting the round that warms up.
    pub rounds: u32,
    /// How many deliveries: connections times rounds.
    pub count: u64,
    /// p50, p90, p99, p999 and max in nanoseconds, in [`Stat::ALL`]'s order.
    pub stats_ns: [u64; 5],
    /// The median of the rounds' last deliveries, in nanoseconds: the floor of T-all.
    pub last_ns: u64,
}

impl Floor {
    /// The floor of one statistic, in nanoseconds.
    #[must_use]
    pub fn stat_ns(&self, stat: Stat) -> u64 {
        self.stats_ns[stat.index()]
    }
}

impl Plan {
    /// The shapes of this plan's fan-outs: for each protocol of simulated watchers, the item with the most listeners that
    /// speak it, and the median payload. Groups of real clients have none, for a process of theirs may hold many.
    #[must_use]
    pub fn floor_shapes(&self) -> Vec<FloorShape> {
        let payload_bytes = self.median_payload();
        [Protocol::NacosHttp, Protocol::NacosGrpc]
            .into_iter()
            .filter_map(|protocol| {
                let connections = self.most_listeners(protocol);
                let shape = FloorShape { chain: Chain::of(protocol), connections, payload_bytes };
                (connections > 0).then_some(shape)
            })
            .collect()
    }

    fn most_listeners(&self, protocol: Protocol) -> u32 {
        let mut shared = vec![0_u32; self.items.shared as usize];
        let mut most = 0;
        for group in self.groups.iter().filter(|g| g.client.protocol == protocol && g.client.driver.is_none())
        {
            most = most.max(u32::from(group.own > 0 && group.count > 0));
            for nth in 0..group.count {
                for item in self.items_of(crate::WatcherId(group.first.0 + nth)) {
                    if let Some(listeners) = shared.get_mut(item.index()) {
                        *listeners += 1;
                    }
                }
            }
        }
        shared.into_iter().max().unwrap_or_default().max(most)
    }

    fn median_payload(&self) -> u32 {
        let items = self.item_count().clamp(1, 100);
        let mut sizes: Vec<usize> = (0..items)
            .flat_map(|item| (1..=10).map(move |version| (ItemId(item), Version(version))))
            .map(|(item, version)| self.payload_bytes(item, version))
            .collect();
        sizes.sort_unstable();
        u32::try_from(sizes[sizes.len() / 2]).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backoff::Backoff;
    use crate::plan::{ClientSpec, DriverSpec, PayloadSize};
    use crate::testing::{group, plan};

    fn client(protocol: Protocol) -> ClientSpec {
        ClientSpec::new(protocol, Backoff::NACOS_JAVA)
    }

    #[test]
    fn a_plan_has_a_shape_for_each_protocol_of_its_simulated_watchers() {
        let mut plan = plan();
        assert_eq!(plan.floor_shapes(), Vec::new(), "nobody watches");
        plan.groups =
            vec![group(0, 40, client(Protocol::NacosGrpc)), group(40, 25, client(Protocol::NacosHttp))];
        plan.groups[0].shared = 1;
        plan.groups[1].shared = 2;
        let real = DriverSpec { name: "go".into(), command: None, clients_per_process: 1 };
        let mut driven = client(Protocol::NacosGrpc);
        driven.driver = Some(real);
        plan.groups.push(group(65, 500, driven));
        plan.groups[2].shared = 10;
        let shape = |chain, connections| FloorShape { chain, connections, payload_bytes: 256 };
        assert_eq!(
            plan.floor_shapes(),
            [shape(Chain::LongPoll, 5), shape(Chain::GrpcPush, 4)],
            "25 watchers with 2 of 10 items each, and 40 with one"
        );
    }

    #[test]
    fn own_items_have_one_listener_and_payloads_count_by_their_median() {
        let mut plan = plan();
        plan.items.shared = 0;
        plan.items.payload = PayloadSize::Uniform { min: 100, max: 300 };
        plan.groups = vec![group(0, 40, client(Protocol::NacosGrpc))];
        plan.groups[0].own = 3;
        let [shape] = plan.floor_shapes()[..] else { panic!("one protocol") };
        assert_eq!((shape.chain, shape.connections), (Chain::GrpcPush, 1));
        assert!((150..=250).contains(&shape.payload_bytes), "{}", shape.payload_bytes);
        assert_eq!(plan.delivery_timeout, Duration::from_secs(20));
    }
}
