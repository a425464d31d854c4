//! The open loop: what is due goes, whatever became of what went before.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use shakedown_model::event::{Event, Publish, PublishOutcome};
use shakedown_model::payload::{self, Identity};
use shakedown_model::{ItemId, Offset, Seed};
use tokio::sync::watch;
use tokio::time::timeout;

use super::queue::{Going, Queues};
use super::timer::Timer;
use super::{AckBoard, MutatorConfig, MutatorReport};

/// How a publish ended and when; the instant was taken right after the answer.
struct Ended {
    item: ItemId,
    done: Offset,
    outcome: PublishOutcome,
}

/// A publish in flight.
struct Sent {
    going: Going,
    at: Offset,
}

/// The loop's state.
pub(super) struct OpenLoop {
    config: MutatorConfig,
    payloads: Seed,
    board: Arc<AckBoard>,
    queues: Queues,
    sent: BTreeMap<ItemId, Sent>,
    report: MutatorReport,
}

type InFlight = FuturesUnordered<LocalBoxFuture<'static, Ended>>;

impl OpenLoop {
    pub(super) fn new(config: MutatorConfig, board: Arc<AckBoard>) -> Self {
        let queues = Queues::new(config.plan.item_count(), config.max_in_flight);
        let payloads = config.plan.seed.child("payload");
        Self { config, payloads, board, queues, sent: BTreeMap::new(), report: MutatorReport::default() }
    }

    pub(super) async fn run(
        mut self,
        mut timer: impl Timer,
        mut stopped: watch::Receiver<bool>,
    ) -> MutatorReport {
        let plan = Arc::clone(&self.config.plan);
        let mut mutations = plan.mutations().peekable();
        let mut in_flight = InFlight::new();
        loop {
            let now = self.config.clock.now();
            while let Some(mutation) = mutations.next_if(|mutation| mutation.intended <= now) {
                if !self.queues.due(mutation) {
                    self.report.dropped += 1;
                }
            }
            while let Some(going) = self.queues.next() {
                in_flight.push(self.send(going));
            }
            let next_due = mutations.peek().map(|mutation| mutation.intended);
            if next_due.is_none() && in_flight.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                () = stop_called(&mut stopped) => break,
                // Before the timer, so that a publish just begun is on its way whatever is due next.
                Some(ended) = in_flight.next() => self.ended(ended),
                () = timer.until(next_due.unwrap_or_default()), if next_due.is_some() => {}
            }
        }
        self.drain(in_flight).await;
        self.finish(u64::try_from(mutations.count()).unwrap_or(u64::MAX))
    }

    /// Begins a publish. Its future does not borrow the loop.
    fn send(&mut self, going: Going) -> LocalBoxFuture<'static, Ended> {
        let plan = &self.config.plan;
        let item = going.mutation.item;
        let identity = Identity { run: self.config.run_id, item, version: going.version };
        let content = payload::encode(identity, plan.payload_bytes(item, going.version), self.payloads);
        let key = plan.key_of(item);
        let publisher = Arc::clone(&self.config.publisher);
        let (clock, limit) = (self.config.clock, self.config.publish_timeout);
        self.sent.insert(item, Sent { going, at: clock.now() });
        self.report.sent += 1;
        Box::pin(async move {
            let answer = timeout(limit, publisher.publish(item, &key, content)).await;
            let done = clock.now();
            let outcome = match answer {
                Ok(Ok(())) => PublishOutcome::Acked,
                Ok(Err(error)) => {
                    tracing::debug!(%item, %error, "a publish was not acked");
                    error.outcome()
                }
                Err(_) => PublishOutcome::Ambiguous,
            };
            Ended { item, done, outcome }
        })
    }

    fn ended(&mut self, Ended { item, done, outcome }: Ended) {
        let Sent { going, at } = self.sent.remove(&item).expect("a publish that ended was sent");
        let publish = Publish {
            mutation: Some(going.mutation.id),
            item,
            version: going.version,
            kind: going.mutation.kind,
            intended: going.mutation.intended,
            ready: going.ready,
            sent: at,
            done,
            outcome,
        };
        match outcome {
            PublishOutcome::Acked => {
                self.report.acked += 1;
                self.board.acked(item, going.version);
            }
            PublishOutcome::Refused => self.report.refused += 1,
            PublishOutcome::Ambiguous => self.report.ambiguous += 1,
        }
        self.config.recorder.record(Event::Publish(publish));
        (self.config.on_publish)(&publish);
        self.queues.ended(item, done);
    }

    /// Waits for what is in flight, but not for ever; what is left then may still be stored.
    async fn drain(&mut self, mut in_flight: InFlight) {
        let deadline = tokio::time::Instant::now() + self.config.drain;
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, in_flight.next()).await {
            self.ended(ended);
        }
        drop(in_flight);
        let done = self.config.clock.now();
        let left: Vec<ItemId> = self.sent.keys().copied().collect();
        for item in left {
            self.ended(Ended { item, done, outcome: PublishOutcome::Ambiguous });
        }
    }

    fn finish(self, never_due: u64) -> MutatorReport {
        let waiting = self.queues.waiting() as u64;
        MutatorReport {
            unsent: never_due + waiting + self.report.dropped,
            most_waiting: self.queues.most_waiting() as u64,
            times_full: self.queues.times_full(),
            ..self.report
        }
    }
}

/// Returns once the run is stopped; a handle that is gone is a stop too.
async fn stop_called(stopped: &mut watch::Receiver<bool>) {
    // An error says that the sender was dropped, with the handle.
    let _is_told = stopped.wait_for(|stopped| *stopped).await.is_ok();
}
