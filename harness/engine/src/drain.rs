//! The end of a run: waiting until every watcher holds the newest, then reading everything once more.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use shakedown_model::event::Event;
use shakedown_model::payload::{self, Identity};
use shakedown_model::{ItemId, NodeId, Plan, Version};
use shakedown_nacos::admin::AdminClient;
use shakedown_record::{Clock, Recorder};
use shakedown_topology::NodeAddress;

use crate::publisher::config_key;

/// Final reads at once.
const AT_ONCE: usize = 16;
/// A final read may take this long.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// A read that failed is tried again this often: right after a fault a server may still be busy.
const READ_TRIES: u32 = 3;

/// What the final reads need.
pub(crate) struct FinalReads<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) run_id: u64,
    pub(crate) clock: Clock,
    pub(crate) recorder: &'a Recorder,
}

impl FinalReads<'_> {
    /// Reads every item from every node and records what it found; gives what could not be read.
    pub(crate) async fn read_all(&self, nodes: &[NodeAddress]) -> Vec<String> {
        let mut failures = Vec::new();
        for address in nodes {
            let admin = match AdminClient::new(address.http, READ_TIMEOUT) {
                Ok(admin) => admin,
                Err(error) => {
                    failures.push(error.to_string());
                    continue;
                }
            };
            let reads = (0..self.plan.item_count()).map(|n| self.read(&admin, address.node, ItemId(n)));
            let failed: Vec<String> = stream::iter(reads)
                .buffer_unordered(AT_ONCE)
                .filter_map(|read| std::future::ready(read.err()))
                .collect()
                .await;
            if let Some(first) = failed.first() {
                failures.push(format!(
                    "{} of {} final reads from node {} failed: {first}",
                    failed.len(),
                    self.plan.item_count(),
                    address.node
                ));
            }
        }
        failures
    }

    async fn read(&self, admin: &AdminClient, node: NodeId, item: ItemId) -> Result<(), String> {
        let key = config_key(&self.plan.items, &self.plan.data_id(item));
        let mut tries = 1;
        let content = loop {
            match admin.get(&key).await {
                Ok(content) => break content,
                Err(_) if tries < READ_TRIES => tries += 1,
                Err(error) => return Err(error.to_string()),
            }
        };
        let version = content.and_then(|content| self.version_of(item, &content));
        self.recorder.record(Event::FinalRead { at: self.clock.now(), node, item, version });
        Ok(())
    }

    fn version_of(&self, expected: ItemId, content: &str) -> Option<Version> {
        let Identity { run, item, version } = payload::decode(content).ok()?;
        (run == self.run_id && item == expected).then_some(version)
    }
}
