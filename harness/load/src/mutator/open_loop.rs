//! The open loop: what is due goes, whatever became of what went before.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use shakedown_model::event::{Event, Publish, PublishOutcome};
use shakedown_model::payload::{self, Identity};
use shakedown_model::schedule::MutationKind;
use shakedown_model::{ItemId, Offset, Seed, Version};
use tokio::sync::watch;

use super::change::{Change, Ended, Server};
use super::holding::{Came, Holdings};
use super::queue::{Going, Queues};
use super::timer::Timer;
use super::{AckBoard, MutatorConfig, MutatorReport, PublishError};

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
    holdings: Holdings,
    server: Rc<Server>,
    gray_ips: Arc<str>,
    sent: BTreeMap<ItemId, Sent>,
    report: MutatorReport,
}

/// The item of a publish, and how it ended.
type InFlight = FuturesUnordered<LocalBoxFuture<'static, (ItemId, Ended)>>;

impl OpenLoop {
    pub(super) fn new(config: MutatorConfig, board: Arc<AckBoard>) -> Self {
        let items = config.plan.item_count();
        let server = Server {
            publisher: Arc::clone(&config.publisher),
            clock: config.clock,
            patience: config.publish_timeout,
        };
        let ips: Vec<String> = config.plan.gray_ips().iter().map(ToString::to_string).collect();
        Self {
            payloads: config.plan.seed.child("payload"),
            board,
            queues: Queues::new(items, config.max_in_flight),
            holdings: Holdings::new(items),
            server: Rc::new(server),
            gray_ips: ips.join(",").into(),
            sent: BTreeMap::new(),
            report: MutatorReport::default(),
            config,
        }
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
                Some((item, ended)) = in_flight.next() => self.ended(item, ended),
                () = timer.until(next_due.unwrap_or_default()), if next_due.is_some() => {}
            }
        }
        self.drain(in_flight).await;
        self.finish(u64::try_from(mutations.count()).unwrap_or(u64::MAX))
    }

    /// Begins a mutation. Its future does not borrow the loop.
    fn send(&mut self, going: Going) -> LocalBoxFuture<'static, (ItemId, Ended)> {
        let item = going.mutation.item;
        let intent = self.holdings.intent(item, going.mutation.kind);
        let replaces = self.config.plan.mutator.cas.then(|| {
            let initial = || self.content(Identity::new(self.config.run_id, item, Version::INITIAL));
            intent.replaces.unwrap_or_else(|| payload::md5(&initial()))
        });
        let identity = Identity::new(self.config.run_id, item, going.version);
        let content = match going.mutation.kind {
            MutationKind::Delete => String::new(),
            MutationKind::Write | MutationKind::Gray | MutationKind::Promote | MutationKind::Rollback => {
                self.content(identity)
            }
            MutationKind::Invalid => self.content(Identity { is_invalid: true, ..identity }),
        };
        let key = self.config.plan.key_of(item);
        let change = Change { key, intent, content, replaces, gray_ips: Arc::clone(&self.gray_ips) };
        let server = Rc::clone(&self.server);
        self.sent.insert(item, Sent { going, at: self.config.clock.now() });
        self.report.sent += 1;
        Box::pin(async move { (item, server.carry_out(&change).await) })
    }

    fn content(&self, identity: Identity) -> String {
        let bytes = self.config.plan.payload_bytes(identity.item, identity.version);
        payload::encode(identity, bytes, self.payloads)
    }

    fn ended(&mut self, item: ItemId, Ended { done, came, error }: Ended) {
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
            outcome: came.outcome,
        };
        match came.outcome {
            PublishOutcome::Acked | PublishOutcome::Settled => {
                let is_acked = came.outcome == PublishOutcome::Acked;
                *(if is_acked { &mut self.report.acked } else { &mut self.report.settled }) += 1;
                self.board.acked(item, going.version, going.mutation.kind);
            }
            PublishOutcome::Refused => self.report.refused += 1,
            PublishOutcome::Ambiguous => self.report.ambiguous += 1,
        }
        if let Some(error) = error {
            tracing::debug!(%item, %error, "a mutation was not acked");
            self.report.conflicts += u64::from(matches!(error, PublishError::Conflict(_)));
            self.report.first_failure.get_or_insert(error);
        }
        self.holdings.came(item, going.mutation.kind, came);
        self.config.recorder.record(Event::Publish(publish));
        (self.config.on_publish)(&publish);
        self.queues.ended(item, done);
    }

    /// Waits for what is in flight, but not for ever; what is left then may still be stored.
    async fn drain(&mut self, mut in_flight: InFlight) {
        let deadline = tokio::time::Instant::now() + self.config.drain;
        while let Ok(Some((item, ended))) = tokio::time::timeout_at(deadline, in_flight.next()).await {
            self.ended(item, ended);
        }
        drop(in_flight);
        let done = self.config.clock.now();
        let left: Vec<ItemId> = self.sent.keys().copied().collect();
        for item in left {
            let came = Came { outcome: PublishOutcome::Ambiguous, content: None, is_gray: None };
            let error = PublishError::Ambiguous("the run ended before the answer".to_owned());
            self.ended(item, Ended { done, came, error: Some(error) });
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
