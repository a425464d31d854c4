//! The control plane as strangers call it: straight at the nodes, beside the mutator.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_faults::control::{ControlPlane, StrayAnswer};
use shakedown_model::fault::StrayWrite;
use shakedown_model::{ItemId, NodeId, Plan};
use shakedown_nacos::ConfigKey;
use shakedown_nacos::admin::{AdminClient, Publication, PublishAnswer};
use shakedown_topology::NodeAddress;

use crate::publisher::{admin, config_key};

/// How long a stranger waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many items strangers publish among themselves.
const OWN_ITEMS: u64 = 16;
/// The length of what they publish there, about that of a small config.
const OWN_BYTES: usize = 1024;
/// One more than a server takes (nacos-facts.md §1.2: 10 MiB).
const OVERSIZE: usize = 10 * 1024 * 1024 + 1;
/// The MD5 that nothing has.
const NO_MD5: &str = "00000000000000000000000000000000";
/// Where strangers write by mistake.
const ELSEWHERE: &str = "shakedown-elsewhere";

/// Strangers' clients of every node.
#[derive(Debug)]
pub(crate) struct Strangers {
    nodes: Vec<(NodeId, AdminClient)>,
    /// The items of the run.
    items: Vec<ConfigKey>,
    /// The beginning of the strangers' own data ids.
    prefix: String,
    /// What strangers may have left, each named before it is written.
    left: Mutex<BTreeSet<ConfigKey>>,
}

impl Strangers {
    pub(crate) fn new(plan: &Plan, nodes: &[NodeAddress]) -> Self {
        let client = |address: &NodeAddress| (address.node, admin(&plan.server, address, PATIENCE));
        let items = (0..plan.item_count()).map(|item| config_key(&plan.key_of(ItemId(item))));
        Self {
            nodes: nodes.iter().map(client).collect(),
            items: items.collect(),
            prefix: format!("{}stranger-", plan.items.prefix),
            left: Mutex::default(),
        }
    }

    fn left(&self) -> MutexGuard<'_, BTreeSet<ConfigKey>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client(&self, node: NodeId) -> &AdminClient {
        &self.nodes[node.index()].1
    }

    fn item(&self, nth: u64) -> &ConfigKey {
        let count = self.items.len() as u64;
        &self.items[usize::try_from(nth % count).expect("below the number of items")]
    }

    fn own(&self, nth: u64) -> ConfigKey {
        ConfigKey { data_id: format!("{}{}", self.prefix, nth % OWN_ITEMS), ..self.items[0].clone() }
    }

    /// Where a stray write goes, and what it says.
    fn stray_key(&self, what: StrayWrite, nth: u64) -> ConfigKey {
        let key = self.item(nth).clone();
        match what {
            StrayWrite::Oversize | StrayWrite::LostRace => key,
            StrayWrite::WrongGroup => ConfigKey { group: ELSEWHERE.to_owned(), ..key },
            StrayWrite::WrongNamespace => ConfigKey { tenant: ELSEWHERE.to_owned(), ..key },
        }
    }
}

impl ControlPlane for Strangers {
    fn nodes(&self) -> Vec<NodeId> {
        self.nodes.iter().map(|(node, _)| *node).collect()
    }

    fn read(&self, node: NodeId, nth: u64) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            self.client(node).get(self.item(nth)).await.map(drop).map_err(|error| error.to_string())
        })
    }

    fn publish(&self, node: NodeId, nth: u64) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let (key, content) = (self.own(nth), format!("{nth:0>OWN_BYTES$}"));
            self.left().insert(key.clone());
            match self.client(node).publish(Publication::new(&key, &content)).await {
                PublishAnswer::Acked => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
    }

    fn login(&self, node: NodeId) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            // A session of its own: others go on with their token.
            let client = self.client(node).with_new_session();
            match client.token().await {
                Ok(Some(_)) => Ok(()),
                Ok(None) => Err("this server has no login".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    fn stray(&self, what: StrayWrite, nth: u64) -> BoxFuture<'_, StrayAnswer> {
        Box::pin(async move {
            let key = self.stray_key(what, nth);
            let content = match what {
                StrayWrite::Oversize => "x".repeat(OVERSIZE),
                _ => format!("stray {nth}"),
            };
            if !what.must_be_refused() {
                self.left().insert(key.clone());
            }
            let mut publication = Publication::new(&key, &content);
            if what == StrayWrite::LostRace {
                publication.cas_md5 = Some(NO_MD5);
            }
            let node = self.nodes[usize::try_from(nth).unwrap_or(0) % self.nodes.len()].0;
            match self.client(node).publish(publication).await {
                PublishAnswer::Acked => StrayAnswer::Stored,
                PublishAnswer::Refused { status: Some(_), .. } | PublishAnswer::Conflict { .. } => {
                    StrayAnswer::Refused
                }
                other => StrayAnswer::Unclear(format!("{other:?}")),
            }
        })
    }

    fn clean(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some((_, client)) = self.nodes.first() else { return };
            let left = std::mem::take(&mut *self.left());
            for key in left {
                if !matches!(client.delete(&key).await, PublishAnswer::Acked) {
                    tracing::warn!(data_id = %key.data_id, group = %key.group, "a stranger's item was not removed");
                    return;
                }
            }
        })
    }
}
