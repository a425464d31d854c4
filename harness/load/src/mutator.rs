//! The mutator: publishes the plan's mutations in an open loop, on a thread of its own.
//!
//! Intended times come from the plan and never move: a mutation that must wait, because its item's publish before is
//! still in flight, keeps its own. The ack is stamped on this thread, right after the answer, since a late stamp
//! would flatter propagation. What a mutation asks of a server is in `change`, what the server then holds in
//! `holding`; how that travels is the [`Publisher`]'s business. Nothing is judged here.

mod board;
mod change;
mod holding;
mod initial;
mod open_loop;
mod publisher;
mod queue;
mod timer;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use shakedown_model::Plan;
use shakedown_model::event::Publish;
use shakedown_record::{Clock, Recorder};
use tokio::sync::{oneshot, watch};

pub use board::{AckBoard, Newest};
pub use initial::publish_initial;
use open_loop::OpenLoop;
pub use publisher::{PublishError, Publisher, Step};
use timer::FdTimer;

/// Called on the mutator's thread with every publish that ended. It must not block.
pub type PublishSink = Arc<dyn Fn(&Publish) + Send + Sync>;

/// What the mutator works with.
#[derive(Clone)]
pub struct MutatorConfig {
    /// The plan; its mutations, items and seed are used.
    pub plan: Arc<Plan>,
    /// The number that payloads carry.
    pub run_id: u64,
    /// The run's clock.
    pub clock: Clock,
    /// Where publishes are recorded.
    pub recorder: Recorder,
    /// How they travel.
    pub publisher: Arc<dyn Publisher>,
    /// Told of every publish that ended.
    pub on_publish: PublishSink,
    /// Publishes in flight at once, over all items.
    pub max_in_flight: usize,
    /// A step of a mutation without an answer for this long is ambiguous.
    pub publish_timeout: Duration,
    /// After a stop, publishes in flight may take this long; then they are ambiguous.
    pub drain: Duration,
}

/// What the mutator did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MutatorReport {
    /// Publishes that were sent.
    pub sent: u64,
    /// Of them, acked.
    pub acked: u64,
    /// Of them, refused.
    pub refused: u64,
    /// Of the refused, those that lost a compare-and-set.
    pub conflicts: u64,
    /// Of them, without a clear answer.
    pub ambiguous: u64,
    /// Of them, those that a read showed to be stored after their answer was lost.
    pub settled: u64,
    /// Planned mutations that were never sent: stopped before they were due or could go, or no room to wait.
    pub unsent: u64,
    /// Of the unsent, those for which there was no room to wait.
    pub dropped: u64,
    /// The most mutations that waited at once.
    pub most_waiting: u64,
    /// How often all places in flight were taken.
    pub times_full: u64,
    /// Why the first that was not acked was not.
    pub first_failure: Option<PublishError>,
}

/// The items could not be set up, or the mutator's thread could not be started or broke.
#[derive(Debug, thiserror::Error)]
pub enum MutatorError {
    /// Not every item has its first version: the run cannot begin.
    #[error(
        "{failed} of {all} items have no first version, `{data_id}` first; check that the server takes writes"
    )]
    Initial {
        /// How many items failed.
        failed: usize,
        /// How many there are.
        all: u32,
        /// The data id of the first that failed.
        data_id: String,
        /// Why it failed.
        source: PublishError,
    },
    /// No thread, runtime or timer.
    #[error("cannot start the mutator's thread; check the limits of threads and open files")]
    Start(#[source] io::Error),
    /// The thread panicked: a defect of the harness.
    #[error("the mutator's thread broke; its publishes after that are missing")]
    Broken,
}

/// A mutator at work. Dropping it stops it.
#[derive(Debug)]
pub struct MutatorHandle {
    stop: watch::Sender<bool>,
    report: oneshot::Receiver<MutatorReport>,
    board: Arc<AckBoard>,
}

/// Starts publishing the plan's mutations at their intended times.
///
/// # Errors
/// [`MutatorError::Start`].
pub fn start(config: MutatorConfig) -> Result<MutatorHandle, MutatorError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(MutatorError::Start)?;
    let timer = {
        let _inside = runtime.enter();
        FdTimer::new(config.clock).map_err(MutatorError::Start)?
    };
    let board = Arc::new(AckBoard::new(config.plan.item_count()));
    let (stop, stopped) = watch::channel(false);
    let (done, report) = oneshot::channel();
    let acks = Arc::clone(&board);
    std::thread::Builder::new()
        .name("mutator".into())
        .spawn(move || {
            let result = runtime.block_on(OpenLoop::new(config, acks).run(timer, stopped));
            // Nobody waits for the report of a mutator whose handle was dropped.
            let _is_awaited = done.send(result).is_ok();
        })
        .map_err(MutatorError::Start)?;
    Ok(MutatorHandle { stop, report, board })
}

impl MutatorHandle {
    /// Sends nothing more; publishes in flight get the drain's time. Returns at once.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until every mutation was sent and answered, or until a stop is through.
    ///
    /// # Errors
    /// [`MutatorError::Broken`].
    pub async fn join(self) -> Result<MutatorReport, MutatorError> {
        let Self { stop, report, board: _ } = self;
        let report = report.await.map_err(|_| MutatorError::Broken);
        drop(stop);
        report
    }

    /// As [`Self::join`], but stops the mutator when it is not through within `limit`.
    ///
    /// # Errors
    /// [`MutatorError::Broken`].
    pub async fn join_within(mut self, limit: Duration) -> Result<MutatorReport, MutatorError> {
        if let Ok(report) = tokio::time::timeout(limit, &mut self.report).await {
            return report.map_err(|_| MutatorError::Broken);
        }
        self.stop();
        self.join().await
    }

    /// The newest acked version of every item.
    #[must_use]
    pub fn newest_acked(&self) -> Arc<AckBoard> {
        Arc::clone(&self.board)
    }
}

#[cfg(test)]
mod store;
#[cfg(test)]
mod tests;
