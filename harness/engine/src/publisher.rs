//! Changing config at Nacos, straight at a server: by HTTP or, as the SDKs do, by gRPC.

mod ceiling;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_load::mutator::{PublishError, Publisher, Step};
use shakedown_model::Plan;
use shakedown_model::plan::{ItemKey, PublishBy, ServerSpec};
use shakedown_nacos::ConfigKey;
use shakedown_nacos::Peer;
use shakedown_nacos::admin::rpc::RpcAdmin;
use shakedown_nacos::admin::{AdminClient, Publication, PublishAnswer};
use shakedown_topology::NodeAddress;

pub(crate) use self::ceiling::Ceiling;

/// A step of a mutation without an answer for this long is ambiguous.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// The control plane's client of one node, for its generation and under the scenario's account.
pub(crate) fn admin(server: &ServerSpec, node: &NodeAddress, timeout: Duration) -> AdminClient {
    admin_at(server, node.http_peer(), timeout)
}

/// The same at an address of its own.
pub(crate) fn admin_at(server: &ServerSpec, peer: Peer, timeout: Duration) -> AdminClient {
    let admin = AdminClient::new(peer, timeout);
    admin.speaking(server.generation()).logging_in(server.login.as_ref())
}

/// Publishes to one node, and to the next one once that cannot be connected to or leaves an answer open.
///
/// A change that could not be sent goes to the next node at once; its intended time stays. One whose answer is open is
/// not sent again, because it may still be carried out; but those after it go to the next node, as an operator's would.
#[derive(Debug)]
pub(crate) struct NacosPublisher {
    nodes: Vec<Node>,
    current: AtomicUsize,
    ceiling: Option<Arc<Ceiling>>,
}

#[derive(Debug)]
struct Node {
    admin: AdminClient,
    /// Where writes and deletes travel by gRPC.
    rpc: Option<RpcAdmin>,
}

impl NacosPublisher {
    /// A publisher with connections of its own.
    pub(crate) fn new(plan: &Plan, nodes: &[NodeAddress]) -> Self {
        Self::to(&plan.server, plan.mutator.by, nodes)
    }

    fn to(server: &ServerSpec, by: PublishBy, nodes: &[NodeAddress]) -> Self {
        let node = |address: &NodeAddress| {
            let admin = admin(server, address, PUBLISH_TIMEOUT);
            let rpc = match by {
                PublishBy::Http => None,
                PublishBy::Grpc => Some(RpcAdmin::new(address.grpc_peer(), admin.clone())),
            };
            Node { admin, rpc }
        };
        Self { nodes: nodes.iter().map(node).collect(), current: AtomicUsize::new(0), ceiling: None }
    }

    /// The same below a ceiling that it may share with others.
    pub(crate) fn below(self, ceiling: Option<Arc<Ceiling>>) -> Self {
        Self { ceiling, ..self }
    }

    fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed) % self.nodes.len()
    }

    async fn change(&self, key: &ConfigKey, step: &Step) -> PublishAnswer {
        let mut answer = PublishAnswer::Ambiguous { text: "no node was asked".to_owned() };
        for _ in &self.nodes {
            // A change that is given up (the mutator's patience ends first) leaves its answer open, too.
            let mut course = Course { publisher: self, node: self.current(), moves_on: true };
            answer = self.nodes[course.node].change(key, step).await;
            let was_not_sent = matches!(answer, PublishAnswer::Refused { status: None, .. });
            course.moves_on = was_not_sent || matches!(answer, PublishAnswer::Ambiguous { .. });
            if !was_not_sent {
                break;
            }
        }
        answer
    }

    /// Lets the next changes go to the node after this one. Another change may have moved on already.
    fn move_on(&self, from: usize) {
        let next = (from + 1) % self.nodes.len();
        let _has_moved =
            self.current.compare_exchange(from, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    }
}

/// A change on its way to a node.
struct Course<'a> {
    publisher: &'a NacosPublisher,
    node: usize,
    /// Whether the next changes go elsewhere.
    moves_on: bool,
}

impl Drop for Course<'_> {
    fn drop(&mut self) {
        if self.moves_on {
            self.publisher.move_on(self.node);
        }
    }
}

impl Node {
    async fn change(&self, key: &ConfigKey, step: &Step) -> PublishAnswer {
        match step {
            Step::Write { content, replaces } => {
                self.publish(Publication { cas_md5: replaces.as_deref(), ..Publication::new(key, content) })
                    .await
            }
            Step::WriteGray { content, ips } => {
                self.publish(Publication { beta_ips: Some(ips), ..Publication::new(key, content) }).await
            }
            // No request of the SDKs ends a gray release (nacos-facts.md §2.2).
            Step::EndGray => self.admin.stop_beta(key).await,
            Step::Delete => match &self.rpc {
                Some(rpc) => rpc.delete(key).await,
                None => self.admin.delete(key).await,
            },
        }
    }

    async fn publish(&self, publication: Publication<'_>) -> PublishAnswer {
        match &self.rpc {
            Some(rpc) => rpc.publish(publication).await,
            None => self.admin.publish(publication).await,
        }
    }
}

impl Publisher for NacosPublisher {
    fn turn(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(ceiling) = &self.ceiling {
                ceiling.turn().await;
            }
        })
    }

    fn take<'a>(&'a self, key: &'a ItemKey, step: Step) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            match self.change(&config_key(key), &step).await {
                PublishAnswer::Acked => Ok(()),
                PublishAnswer::Conflict { text } => Err(PublishError::Conflict(text)),
                PublishAnswer::Refused { status, text } => {
                    let status = status.map_or_else(String::new, |status| format!("status {status}: "));
                    Err(PublishError::Refused(format!("{status}{text}")))
                }
                PublishAnswer::Ambiguous { text } => Err(PublishError::Ambiguous(text)),
            }
        })
    }

    fn read<'a>(&'a self, key: &'a ItemKey) -> BoxFuture<'a, Result<Option<String>, String>> {
        Box::pin(async move {
            let admin = &self.nodes[self.current()].admin;
            admin.get(&config_key(key)).await.map_err(|error| error.to_string())
        })
    }
}

/// The key of an item of the run.
pub(crate) fn config_key(key: &ItemKey) -> ConfigKey {
    ConfigKey::new(key.data_id.clone(), key.group.clone(), key.namespace.clone())
}

#[cfg(test)]
mod tests;
