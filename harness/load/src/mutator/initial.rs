//! The set-up: version 1 of every item, before the run.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use shakedown_model::event::{Event, Publish, PublishOutcome};
use shakedown_model::payload::{self, Identity};
use shakedown_model::schedule::MutationKind;
use shakedown_model::{ItemId, Offset, Plan, Version};
use shakedown_record::Recorder;
use tokio::time::{sleep, timeout};

use super::{MutatorError, PublishError, Publisher, Step};

/// Publishes at once.
const AT_ONCE: usize = 16;
/// A publish without an answer for this long is an error.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a publish that was answered without a clear word is sent in all, and the pause before it is sent again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// Publishes [`Version::INITIAL`] of every item and records it, all at offset zero: the run's clock has not begun.
///
/// # Errors
/// [`MutatorError::Initial`] names the first item that failed and says how many did; all were tried.
pub async fn publish_initial(
    plan: &Plan,
    run_id: u64,
    publisher: &dyn Publisher,
    recorder: &Recorder,
) -> Result<(), MutatorError> {
    let all = plan.item_count();
    let publishes = (0..all).map(|item| -> BoxFuture<'_, Option<(ItemId, PublishError)>> {
        let item = ItemId(item);
        Box::pin(async move {
            let result = publish_one(plan, run_id, publisher, item).await;
            let outcome = result.as_ref().err().map_or(PublishOutcome::Acked, PublishError::outcome);
            recorder.record(Event::Publish(initial(item, outcome)));
            result.err().map(|error| (item, error))
        })
    });
    let mut failures: Vec<_> =
        stream::iter(publishes).buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
    failures.sort_by_key(|(item, _)| *item);
    let failed = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some((item, source)) => {
            Err(MutatorError::Initial { failed, all, data_id: plan.key_of(item).data_id, source })
        }
    }
}

async fn publish_one(
    plan: &Plan,
    run_id: u64,
    publisher: &dyn Publisher,
    item: ItemId,
) -> Result<(), PublishError> {
    let identity = Identity::new(run_id, item, Version::INITIAL);
    let content =
        payload::encode(identity, plan.payload_bytes(item, Version::INITIAL), plan.seed.child("payload"));
    let key = plan.key_of(item);
    let mut tries = 1;
    loop {
        let step = Step::Write { content: content.clone(), replaces: None };
        publisher.turn().await;
        match timeout(PATIENCE, publisher.take(&key, step)).await {
            // Nothing comes after it yet, so it can be sent again: a real server with Derby rolls some of many writes
            // at once back, as they wait for each other's locks.
            Ok(Err(PublishError::Ambiguous(_))) if tries < TRIES => tries += 1,
            Ok(result) => return result,
            Err(_) => return Err(PublishError::Ambiguous(format!("no answer for {PATIENCE:?}"))),
        }
        sleep(PAUSE).await;
    }
}

const fn initial(item: ItemId, outcome: PublishOutcome) -> Publish {
    let at = Offset::ZERO;
    Publish {
        mutation: None,
        item,
        version: Version::INITIAL,
        kind: MutationKind::Write,
        intended: at,
        ready: at,
        sent: at,
        done: at,
        outcome,
    }
}
