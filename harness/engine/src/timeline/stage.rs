//! What is watched while a run goes: phases, failures of what was started, a person's wish to stop, the drain.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shakedown_load::mutator::{AckBoard, Newest};
use shakedown_model::manifest::RunStatus;
use shakedown_model::{ItemId, Offset, PhaseId};
use shakedown_record::{Clock, RunDir};
use shakedown_topology::TlsFront;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fault_log::FaultLog;
use super::movers::Published;
use super::watchers::Watchers;
use crate::health::SelfSampler;
use crate::observer::{Observer, Progress, RunEvent};
use crate::parts::{PartSampler, Told, with_told};
use crate::setup::Setup;

/// Failures, phases and the drain's end are looked for this often.
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// The harness samples itself this often.
const SAMPLE_PERIOD: Duration = Duration::from_secs(1);

/// What moves, as far as progress and the drain look at it.
pub(crate) struct Live {
    pub(crate) watchers: Watchers,
    pub(super) published: Arc<Published>,
    pub(crate) newest: Arc<AckBoard>,
}

/// A run under way.
pub(crate) struct Stage<'a> {
    pub(crate) setup: Setup,
    pub(crate) observer: Arc<dyn Observer>,
    live: Live,
    dir: &'a RunDir,
    clock: Clock,
    stop: watch::Receiver<bool>,
    sampler: SelfSampler,
    parts: Arc<Mutex<PartSampler>>,
    told: Arc<Told>,
    /// Samples under way; those that are when the run ends are lost.
    sampling: JoinSet<()>,
    next_sample: Offset,
    phase: Option<PhaseId>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(
        setup: Setup,
        live: Live,
        dir: &'a RunDir,
        clock: Clock,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let sampler = SelfSampler::new(clock);
        let (_, stop) = watch::channel(false);
        let told = Arc::new(Told::new(setup.plan.server.generation()));
        Self {
            setup,
            observer,
            live,
            dir,
            clock,
            stop,
            sampler,
            parts: Arc::default(),
            told,
            sampling: JoinSet::new(),
            next_sample: Offset::ZERO,
            phase: None,
        }
    }

    /// Ends early once `stop` turns true.
    pub(crate) fn stopped_by(self, stop: watch::Receiver<bool>) -> Self {
        Self { stop, ..self }
    }

    /// Works through the phases to the end of the last.
    pub(crate) async fn phases(&mut self, faults: &FaultLog) -> RunStatus {
        let end = self.setup.plan.end();
        while self.clock.now() < end {
            self.announce_phase();
            if let Some(status) = self.look(Some(faults)).await {
                return status;
            }
        }
        RunStatus::Complete
    }

    /// Waits until every watcher holds the newest acked version of its items, or the delivery time-out has passed.
    pub(crate) async fn drain(&mut self) -> RunStatus {
        self.observer.on(&RunEvent::Draining);
        // The mutator has ended, so the newest versions stay what they are.
        let items = (0..self.setup.plan.item_count()).map(ItemId);
        let newest: Vec<(ItemId, Newest)> = items.map(|item| (item, self.live.newest.newest(item))).collect();
        self.live.watchers.drain(&newest);
        let deadline = self.clock.now() + self.setup.plan.delivery_timeout;
        while self.clock.now() < deadline && !self.live.watchers.converged(&newest) {
            if let Some(status) = self.look(None).await {
                return status;
            }
        }
        // What the kernel counted since the last one would be lost.
        self.sample(None).map_or_else(|why| self.trouble(why), |()| RunStatus::Complete)
    }

    fn announce_phase(&mut self) {
        let phase = self.setup.plan.phase_at(self.clock.now());
        if phase != self.phase {
            self.phase = phase;
            if let Some(phase) = phase {
                self.observer.on(&RunEvent::Phase(phase));
            }
        }
    }

    /// Waits one period, and says how the run ends if it must.
    async fn look(&mut self, faults: Option<&FaultLog>) -> Option<RunStatus> {
        let next = self.clock.instant(self.clock.now() + LOOK_PERIOD);
        tokio::select! {
            Ok(_) = self.stop.wait_for(|stop| *stop) => return Some(RunStatus::Interrupted),
            () = tokio::time::sleep_until(next) => {}
        }
        if self.clock.now() >= self.next_sample {
            self.next_sample = self.clock.now() + SAMPLE_PERIOD;
            if let Err(why) = self.sample(faults) {
                return Some(self.trouble(why));
            }
        }
        self.failed().map(|why| self.trouble(why))
    }

    /// Tells the whole trouble, and keeps its first line: the end of a server's log makes no verdict.
    fn trouble(&self, why: String) -> RunStatus {
        let first = why.lines().next().unwrap_or_default().trim_end_matches(':').to_owned();
        self.observer.on(&RunEvent::Trouble(why));
        RunStatus::Failed(first)
    }

    /// Why the run cannot go on, if it cannot.
    fn failed(&mut self) -> Option<String> {
        let recorder = self.setup.history.recorder();
        self.setup
            .servers
            .failed()
            .or_else(|| self.setup.proxies.failed())
            .or_else(|| self.live.watchers.failed())
            .or_else(|| {
                recorder.failure().map(|why| {
                    format!(
                        "the history cannot be written: {why}; make room, or give `--out` on another disk"
                    )
                })
            })
            .or_else(|| {
                (recorder.lost() > 0).then(|| {
                    format!(
                        "{} records were lost because the disk did not keep up; give `--out` on a faster one",
                        recorder.lost()
                    )
                })
            })
    }

    fn sample(&mut self, faults: Option<&FaultLog>) -> Result<(), String> {
        self.sample_parts();
        let progress = self.live.watchers.progress();
        let sample = self.sampler.sample(progress.subscribed);
        self.setup.history.recorder().flush();
        self.observer.on(&RunEvent::Tick(Progress {
            now: self.clock.now(),
            end: self.setup.plan.end(),
            subscribed: progress.subscribed,
            watchers: self.setup.plan.watcher_count(),
            deliveries: progress.deliveries,
            losses: progress.losses,
            published: self.live.published.ended(),
            fault: faults.and_then(FaultLog::in_force),
        }));
        self.dir.append_self_sample(&sample).map_err(|error| with_cause(&error))
    }
}

impl Stage<'_> {
    /// Samples the parts on a thread that may wait, and asks servers meanwhile. A sample that cannot be written is missing
    /// from a chart, no more.
    fn sample_parts(&mut self) {
        let mut parts = self.setup.servers.control().parts();
        let addresses = Arc::clone(&self.setup.addresses);
        let of_share = |share: usize| {
            let proxies = addresses.iter().filter(|proxy| usize::from(proxy.share) == share);
            proxies.map(|proxy| proxy.listen).collect()
        };
        parts.extend(self.setup.servers.front().map(TlsFront::part));
        parts.extend(self.setup.proxies.parts(of_share));
        parts.extend(self.live.watchers.parts());
        let (dir, sampler, at) = (self.dir.clone(), Arc::clone(&self.parts), self.clock.now());
        let told = Arc::clone(&self.told);
        while self.sampling.try_join_next().is_some() {}
        self.sampling.spawn(async move {
            let asked = parts.clone();
            let used = tokio::task::spawn_blocking(move || {
                sampler.lock().unwrap_or_else(PoisonError::into_inner).sample(at, parts)
            });
            let (told, used) = tokio::join!(told.ask(&asked), used);
            let samples = with_told(at, used.unwrap_or_default(), told);
            let write = move || {
                for sample in samples {
                    if let Err(error) = dir.append_part_sample(&sample) {
                        tracing::warn!(%error, "a sample of a part is lost");
                    }
                }
            };
            drop(tokio::task::spawn_blocking(write).await);
        });
    }
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
