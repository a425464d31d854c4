//! Fresh reads of every item from every node, straight and not through a proxy: before the run, until the first
//! versions can be read, and after it, for the record.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt as _};
use shakedown_model::event::{Event, Found};
use shakedown_model::payload::{self, Identity};
use shakedown_model::plan::Backend;
use shakedown_model::{ItemId, Plan, Version};
use shakedown_nacos::admin::{AdminClient, AdminError};
use shakedown_record::{Clock, Recorder};
use shakedown_topology::NodeAddress;
use tokio::time::Instant;

use crate::publisher::{admin, config_key};

/// Reads at once.
const AT_ONCE: usize = 16;
/// A read may take this long.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// A read that failed is tried again this often: right after a fault a server may still be busy.
const READ_TRIES: u32 = 3;
/// A server answers a publish before it can be read, normally for up to 100 ms (nacos-facts.md §1.3, §5.1).
const VISIBLE_WITHIN: Duration = Duration::from_secs(10);

/// A node is asked again after this.
const LOOK_PERIOD: Duration = Duration::from_millis(10);

/// The first versions were published, but cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{data_id}` was published, but node {node} did not serve it in time: {found}")]
pub struct NotVisible {
    /// The item.
    data_id: String,
    /// The node.
    node: u16,
    /// What it answered instead.
    found: String,
}

/// Reads the items of a run.
pub(crate) struct NodeReads<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) run_id: u64,
}

impl NodeReads<'_> {
    /// Waits until every node serves the first version of every item. A node of several learns of a write a little
    /// later than the one that took it, or much later when it was not told.
    pub(crate) async fn wait_for_initial(&self, nodes: &[NodeAddress]) -> Result<(), NotVisible> {
        let deadline = Instant::now() + VISIBLE_WITHIN + self.told_within();
        stream::iter(nodes)
            .map(|address| self.wait_on(address, deadline))
            .buffer_unordered(nodes.len().max(1))
            .try_collect()
            .await
    }

    async fn wait_on(&self, address: &NodeAddress, deadline: Instant) -> Result<(), NotVisible> {
        let not_visible =
            |item, found| NotVisible { data_id: self.plan.key_of(item).data_id, node: address.node.0, found };
        let admin = self.admin(address);
        let waits = (0..self.plan.item_count()).map(|n| -> BoxFuture<'_, Result<(), NotVisible>> {
            let (item, admin) = (ItemId(n), &admin);
            Box::pin(async move {
                while let Some(found) = self.other_than_initial(admin, item).await {
                    if Instant::now() >= deadline {
                        return Err(not_visible(item, found));
                    }
                    tokio::time::sleep(LOOK_PERIOD).await;
                }
                Ok(())
            })
        });
        stream::iter(waits).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// How long an embedded node may need to find a write that it was not told of.
    fn told_within(&self) -> Duration {
        let server = &self.plan.server;
        let is_cluster = server.backend == Backend::Embedded && server.nodes > 1;
        if is_cluster { server.embedded.cluster.change_scan * 2 } else { Duration::ZERO }
    }

    fn admin(&self, address: &NodeAddress) -> AdminClient {
        admin(&self.plan.server, address, READ_TIMEOUT)
    }

    async fn other_than_initial(&self, admin: &AdminClient, item: ItemId) -> Option<String> {
        match self.found(admin, item).await {
            Ok(Found::Version(Version::INITIAL)) => None,
            Ok(Found::Version(version)) => Some(format!("it has version {version}")),
            Ok(Found::Absent) => Some("it has none".into()),
            Ok(Found::Unfit) => Some("it has content that is not this run's".into()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Reads every item from every node and records what it found; gives what could not be read.
    pub(crate) async fn record_all(
        &self,
        nodes: &[NodeAddress],
        clock: Clock,
        recorder: &Recorder,
    ) -> Vec<String> {
        let mut failures = Vec::new();
        for address in nodes {
            let admin = self.admin(address);
            let reads = (0..self.plan.item_count()).map(|n| -> BoxFuture<'_, Option<AdminError>> {
                let (item, node, admin) = (ItemId(n), address.node, &admin);
                Box::pin(async move {
                    let found = match self.found_in_tries(admin, item).await {
                        Ok(found) => found,
                        Err(error) => return Some(error),
                    };
                    recorder.record(Event::FinalRead { at: clock.now(), node, item, found });
                    None
                })
            });
            let failed: Vec<AdminError> =
                stream::iter(reads).buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
            if let Some(first) = failed.first() {
                let (failed, all) = (failed.len(), self.plan.item_count());
                failures.push(format!(
                    "{failed} of {all} final reads from node {} failed: {first}",
                    address.node
                ));
            }
        }
        failures
    }

    async fn found_in_tries(&self, admin: &AdminClient, item: ItemId) -> Result<Found, AdminError> {
        let mut tries = 1;
        loop {
            match self.found(admin, item).await {
                Err(_) if tries < READ_TRIES => tries += 1,
                result => return result,
            }
        }
    }

    /// What a node serves.
    async fn found(&self, admin: &AdminClient, item: ItemId) -> Result<Found, AdminError> {
        let Some(content) = admin.get(&config_key(&self.plan.key_of(item))).await? else {
            return Ok(Found::Absent);
        };
        Ok(match payload::decode(&content) {
            Ok(Identity { run, item: of, version, .. }) if run == self.run_id && of == item => {
                Found::Version(version)
            }
            Ok(_) | Err(_) => Found::Unfit,
        })
    }
}
