//! The set-up: version 1 of every item, before the run.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use shakedown_model::event::{Event, Publish, PublishOutcome};
use shakedown_model::payload::{self, Identity};
use shakedown_model::{ItemId, Plan, Version};
use shakedown_record::{Clock, Recorder};
use tokio::time::timeout;

use super::{PublishError, Publisher};

/// Publishes at once.
const AT_ONCE: usize = 16;

/// What publishing the initial versions works with.
#[derive(Clone)]
pub struct InitialPublish {
    /// The plan; its items and seed are used.
    pub plan: Arc<Plan>,
    /// The number that payloads carry.
    pub run_id: u64,
    /// The run's clock.
    pub clock: Clock,
    /// Where publishes are recorded.
    pub recorder: Recorder,
    /// How they travel.
    pub publisher: Arc<dyn Publisher>,
    /// A publish without an answer for this long is an error.
    pub publish_timeout: Duration,
}

/// Not every item has its initial version: the run cannot begin.
#[derive(Debug, thiserror::Error)]
#[error(
    "{failed} of {all} items have no initial version, `{data_id}` first; check that the server is ready and takes writes"
)]
pub struct InitialError {
    /// How many failed.
    pub failed: usize,
    /// How many there are.
    pub all: usize,
    /// The data id of the first that failed.
    pub data_id: String,
    /// Why it failed.
    pub source: PublishError,
}

/// Publishes [`Version::INITIAL`] of every item and records it.
///
/// # Errors
/// [`InitialError`] names the first item that failed and says how many did; all were tried.
pub async fn publish_initial(setup: InitialPublish) -> Result<(), InitialError> {
    let all = setup.plan.item_count();
    let setup = &setup;
    let mut failures: Vec<(ItemId, PublishError)> = stream::iter((0..all).map(ItemId))
        .map(|item| async move { publish_one(setup, item).await.err().map(|error| (item, error)) })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    failures.sort_by_key(|(item, _)| *item);
    let failed = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some((item, source)) => {
            let data_id = setup.plan.data_id(item);
            Err(InitialError { failed, all: all as usize, data_id, source })
        }
    }
}

async fn publish_one(setup: &InitialPublish, item: ItemId) -> Result<(), PublishError> {
    let identity = Identity { run: setup.run_id, item, version: Version::INITIAL };
    let content = payload::encode(identity, setup.plan.items.payload_bytes, setup.plan.seed.child("payload"));
    let data_id = setup.plan.data_id(item);
    let sent = setup.clock.now();
    let result = timeout(setup.publish_timeout, setup.publisher.publish(item, &data_id, content))
        .await
        .unwrap_or_else(|_| {
            Err(PublishError::Ambiguous(format!("no answer for {:?}", setup.publish_timeout)))
        });
    let outcome = result.as_ref().err().map_or(PublishOutcome::Acked, PublishError::outcome);
    setup.recorder.record(Event::Publish(Publish {
        mutation: None,
        item,
        version: Version::INITIAL,
        intended: sent,
        ready: sent,
        sent,
        done: setup.clock.now(),
        outcome,
    }));
    result
}
