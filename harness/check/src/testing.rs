//! Tiny histories, written by hand in milliseconds.
//!
//! The plan: `modern` (watchers 0 and 1, gRPC, Java's backoff, a snapshot on disk) and `legacy` (watchers 2 and 3,
//! HTTP, one second between attempts, no cache), all on items 0 and 1. Warm-up until 5 s, steady until 20 s, cut until 60 s. Fault 0 `split` is a
//! blackhole on `modern` from 25 s to 35 s; fault 1 `crash` crashes `modern` from 40 s to 45 s.

use shakedown_model::event::{
    Absence, Attempt, AttemptOutcome, Corrupt, Corruption, Delivery, Event, Found, Invalid, LossCause, Lost,
    Path, Publish, PublishOutcome, Read, ReadSource,
};
use shakedown_model::fault::{Bite, FaultWindow};
use shakedown_model::gate::{Gate, Measure, Op, Scope, Stat, Threshold};
use shakedown_model::manifest::{RunStatus, SelfSample};
use shakedown_model::schedule::MutationKind;
use shakedown_model::verdict::{Guarantee, Outcome};
use shakedown_model::{
    FaultId, GroupId, ItemId, MutationId, NodeId, Offset, PhaseId, Plan, Version, WatcherId,
};

use crate::evidence::Evidence;
use crate::index::IndexBuilder;
use crate::result::{Figure, GuaranteeResult, Judgement, Series};
use crate::{HistoryEnd, RunInput, judge};

mod plan;

pub(crate) use self::plan::plan;

pub(crate) const MODERN: GroupId = GroupId(0);
pub(crate) const LEGACY: GroupId = GroupId(1);
pub(crate) const STEADY: Scope = Scope::Phase(PhaseId(1));
pub(crate) const CUT: Scope = Scope::Phase(PhaseId(2));
pub(crate) const SPLIT: Scope = Scope::Fault(FaultId(0));
pub(crate) const CRASH: Scope = Scope::Fault(FaultId(1));
pub(crate) const MS: u64 = 1_000_000;

pub(crate) fn ms(ms: u64) -> Offset {
    Offset::from_millis(ms)
}

/// A run that grows record by record.
#[derive(Debug, Clone)]
pub(crate) struct Tiny {
    pub(crate) input: RunInput,
    mutations: u32,
}

impl Tiny {
    /// The plan with nothing recorded: no watcher, no lag, no fault.
    pub(crate) fn empty() -> Self {
        let input = RunInput {
            plan: plan(),
            manifest: plan::manifest(),
            events: Vec::new(),
            history_end: HistoryEnd::Whole,
            faults: Vec::new(),
            connections: Vec::new(),
            self_samples: Vec::new(),
            baseline: None,
        };
        Self { input, mutations: 0 }
    }

    /// A calm run: both faults bit and were healed, no lag, every watcher subscribed at 1 s and holding version 1 of
    /// both items, which a fresh read returns too. Nothing else happened.
    pub(crate) fn calm() -> Self {
        let mut tiny = Self::empty().window(0, 25_000, 35_000).window(1, 40_000, 45_000);
        for item in 0..2 {
            tiny = tiny.initial(item);
            for watcher in 0..4 {
                tiny = tiny.delivery(900, watcher, item, 1);
            }
            tiny = tiny.final_read(81_000, item, Some(1));
        }
        for watcher in 0..4 {
            tiny = tiny.subscribed(1_000, watcher);
        }
        for second in 0..80 {
            let sample = SelfSample {
                at: Offset::from_secs(second),
                rss_bytes: 0,
                cpu_cores: 0.1,
                steal_share: 0.0,
                open_files: 10,
                subscribed: 4,
                listen_overflows: 0,
            };
            tiny.input.self_samples.push(sample);
            for tenth in 0..10 {
                let at = second * 1000 + tenth * 100;
                tiny = tiny.lag(at, 0).receive_lag(at, 0);
            }
        }
        tiny
    }

    pub(crate) fn event(mut self, event: Event) -> Self {
        self.input.events.push(event);
        self
    }

    /// Changes the plan.
    pub(crate) fn planned(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.input.plan);
        self
    }

    pub(crate) fn status(mut self, status: RunStatus) -> Self {
        self.input.manifest.status = status;
        self
    }

    pub(crate) fn cut_short(mut self) -> Self {
        self.input.history_end = HistoryEnd::CutShort { block: 3, byte: 77 };
        self
    }

    /// Has gray releases go to some of the four watchers and not to others; gives both.
    pub(crate) fn with_gray(mut self) -> (Self, Vec<u32>, Vec<u32>) {
        let plan = &mut self.input.plan;
        let mut cohorts: Vec<u8> = (0..4).map(|watcher| plan.cohort_of(WatcherId(watcher))).collect();
        cohorts.sort_unstable();
        plan.mutator.gray.cohorts = cohorts[1] + 1;
        let (gray, others): (Vec<u32>, Vec<u32>) =
            (0..4).partition(|watcher| plan.is_gray(WatcherId(*watcher)));
        assert!(!gray.is_empty() && !others.is_empty(), "{cohorts:?}");
        (self, gray, others)
    }

    /// Replaces the window of a fault.
    pub(crate) fn window(mut self, fault: u16, from: u64, until: u64) -> Self {
        self.input.faults.retain(|window| window.fault != FaultId(fault));
        self.input.faults.push(FaultWindow {
            fault: FaultId(fault),
            applying: ms(from - 5),
            applied: Some(ms(from)),
            healing: Some(ms(until - 5)),
            healed: Some(ms(until)),
            bite: Bite::Bit("held every byte".into()),
            trouble: None,
            service: Vec::new(),
        });
        self
    }

    /// Adds a gate in every group.
    pub(crate) fn gate(
        mut self,
        measure: Measure,
        stat: Stat,
        (op, threshold): (Op, Threshold),
        scope: Scope,
    ) -> Self {
        let text = format!("{measure}.{stat} < bound");
        self.input.plan.gates.push(Gate { text, measure, stat, op, threshold, scope, group: None });
        self
    }

    fn initial(self, item: u32) -> Self {
        let at = ms(1);
        self.event(Event::Publish(Publish {
            mutation: None,
            item: ItemId(item),
            version: Version(1),
            kind: MutationKind::Write,
            intended: at,
            ready: at,
            sent: at,
            done: ms(2),
            outcome: PublishOutcome::Acked,
        }))
    }

    /// A write sent when it was due.
    pub(crate) fn publish(self, item: u32, version: u32, times: (u64, u64), outcome: PublishOutcome) -> Self {
        self.mutation(MutationKind::Write, (item, version), times, outcome)
    }

    /// A mutation sent when it was due.
    pub(crate) fn mutation(
        mut self,
        kind: MutationKind,
        (item, version): (u32, u32),
        (intended, done): (u64, u64),
        outcome: PublishOutcome,
    ) -> Self {
        let mutation = Some(MutationId(self.mutations));
        self.mutations += 1;
        let at = ms(intended);
        self.event(Event::Publish(Publish {
            mutation,
            item: ItemId(item),
            version: Version(version),
            kind,
            intended: at,
            ready: at,
            sent: at,
            done: ms(done),
            outcome,
        }))
    }

    pub(crate) fn acked(self, item: u32, version: u32, intended: u64, done: u64) -> Self {
        self.publish(item, version, (intended, done), PublishOutcome::Acked)
    }

    /// A delete of item 0 that was acked 10 ms after it was due.
    pub(crate) fn deleted(self, version: u32, intended: u64) -> Self {
        let times = (intended, intended + 10);
        self.mutation(MutationKind::Delete, (0, version), times, PublishOutcome::Acked)
    }

    pub(crate) fn delivery(self, at: u64, watcher: u32, item: u32, version: u32) -> Self {
        self.came((at, None), watcher, (item, version), Path::Push)
    }

    /// A delivery at an instant, led to by a signal, by a path.
    pub(crate) fn came(
        self,
        (at, signal): (u64, Option<u64>),
        watcher: u32,
        (item, version): (u32, u32),
        path: Path,
    ) -> Self {
        self.event(Event::Delivery(Delivery {
            at: ms(at),
            watcher: WatcherId(watcher),
            item: ItemId(item),
            version: Version(version),
            signal: signal.map(ms),
            path,
        }))
    }

    /// Watchers that learn that item 0 is gone.
    pub(crate) fn absent(mut self, at: u64, watchers: impl IntoIterator<Item = u32>) -> Self {
        for watcher in watchers {
            let (at, watcher, item) = (ms(at), WatcherId(watcher), ItemId(0));
            let absence = Absence { at, watcher, item, signal: None, path: Path::Push };
            self = self.event(Event::Absent(absence));
        }
        self
    }

    pub(crate) fn deliveries(
        mut self,
        at: u64,
        watchers: impl IntoIterator<Item = u32>,
        item: u32,
        version: u32,
    ) -> Self {
        for watcher in watchers {
            self = self.delivery(at, watcher, item, version);
        }
        self
    }

    pub(crate) fn corrupt(self, at: u64, watcher: u32, corruption: Corruption) -> Self {
        let (watcher, item) = (WatcherId(watcher), ItemId(0));
        self.event(Event::Corrupt(Corrupt { at: ms(at), watcher, item, corruption, claims: None }))
    }

    /// An application that is given an invalid version of item 0, and what it works with from then on.
    pub(crate) fn invalid(self, at: u64, watcher: u32, version: u32, uses: Option<u32>) -> Self {
        let given = self.delivery(at, watcher, 0, version);
        given.event(Event::Invalid(Invalid {
            at: ms(at),
            watcher: WatcherId(watcher),
            item: ItemId(0),
            version: Version(version),
            uses: uses.map(Version),
        }))
    }

    pub(crate) fn subscribed(self, at: u64, watcher: u32) -> Self {
        self.event(Event::Subscribed { at: ms(at), watcher: WatcherId(watcher) })
    }

    pub(crate) fn lost(self, at: u64, watcher: u32) -> Self {
        self.event(Event::Lost(Lost {
            at: ms(at),
            watcher: WatcherId(watcher),
            cause: LossCause::HealthCheck,
        }))
    }

    pub(crate) fn crash(self, at: u64, watcher: u32) -> Self {
        self.event(Event::Crash { at: ms(at), watcher: WatcherId(watcher) })
    }

    pub(crate) fn cold_start(self, at: u64, watcher: u32) -> Self {
        self.event(Event::ColdStart { at: ms(at), watcher: WatcherId(watcher) })
    }

    /// An attempt that took 10 ms.
    pub(crate) fn attempt(
        self,
        watcher: u32,
        number: u32,
        (waited_from, started): (u64, u64),
        outcome: AttemptOutcome,
    ) -> Self {
        self.event(Event::Attempt(Attempt {
            watcher: WatcherId(watcher),
            number,
            waited_from: ms(waited_from),
            started: ms(started),
            ended: ms(started + 10),
            outcome,
        }))
    }

    /// A read of item 0 that was answered 4 ms later; a cold one says that it may be stale.
    pub(crate) fn read(self, at: u64, watcher: u32, source: ReadSource, version: Option<u32>) -> Self {
        self.event(Event::Read(read(at, watcher, source, version)))
    }

    pub(crate) fn final_read(self, at: u64, item: u32, version: Option<u32>) -> Self {
        self.found(at, (0, item), version.map_or(Found::Unfit, |version| Found::Version(Version(version))))
    }

    /// A fresh read of an item from a node.
    pub(crate) fn found(self, at: u64, (node, item): (u16, u32), found: Found) -> Self {
        self.event(Event::FinalRead { at: ms(at), node: NodeId(node), item: ItemId(item), found })
    }

    pub(crate) fn lag(self, due: u64, late_ns: u64) -> Self {
        self.event(Event::Lag { due: ms(due), late_ns })
    }

    pub(crate) fn receive_lag(self, sent: u64, late_ns: u64) -> Self {
        self.event(Event::ReceiveLag { sent: ms(sent), late_ns })
    }

    pub(crate) fn judge(&self) -> (Judgement, Series) {
        judge(&self.input)
    }

    pub(crate) fn judgement(&self) -> Judgement {
        self.judge().0
    }

    pub(crate) fn figure(&self, measure: Measure, scope: Scope, group: Option<GroupId>) -> Option<Figure> {
        let figures = self.judgement().figures;
        figures.into_iter().find(|f| f.measure == measure && f.scope == scope && f.group == group)
    }

    pub(crate) fn guarantee(&self, guarantee: Guarantee) -> GuaranteeResult {
        self.judgement().guarantees.into_iter().find(|result| result.guarantee == guarantee).unwrap()
    }

    /// The outcome of a finding about the harness, and its text.
    pub(crate) fn finding(&self, name: &str) -> (Outcome, String) {
        let validity = self.judgement().validity;
        let finding = validity.findings.into_iter().find(|finding| finding.name == name);
        finding.map(|finding| (finding.outcome, finding.text)).unwrap()
    }

    /// Looks at the evidence itself.
    pub(crate) fn with_evidence<T>(&self, look: impl FnOnce(&Evidence<'_>) -> T) -> T {
        let mut builder = IndexBuilder::new(&self.input.plan);
        self.input.events.iter().for_each(|event| builder.push(*event));
        let RunInput { plan, manifest, history_end, faults, self_samples, baseline, .. } = &self.input;
        let recorded = (&faults[..], &self_samples[..]);
        let index = builder.finish();
        look(&Evidence::new((plan, manifest), *history_end, recorded, baseline.as_ref(), index))
    }
}

pub(crate) fn read(at: u64, watcher: u32, source: ReadSource, version: Option<u32>) -> Read {
    Read {
        intended: ms(at),
        answered: ms(at + 4),
        watcher: WatcherId(watcher),
        item: ItemId(0),
        source,
        version: version.map(Version),
        says_stale: source != ReadSource::Live,
        is_cold: source == ReadSource::Snapshot,
    }
}
