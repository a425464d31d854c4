//! Records the run that a scenario would give on a server without a fault, through the real recorder and without waiting
//! for its hours: for measuring what judging and drawing a long run cost.
//!
//! `cargo run --release -p shakedown-record --example faultless -- SCENARIO OUT [--set key=value …]` prints the run
//! directory, which `shakedown check` judges as any other. Every mutation is acked 2 ms after it could be sent, and
//! every listener holds it within 100 ms of that.

use std::io::Write as _;
use std::path::Path;

use shakedown_model::event::{Delivery, Event, Found, Path as How, Publish, PublishOutcome};
use shakedown_model::manifest::{Manifest, RunStatus, SelfSample};
use shakedown_model::schedule::MutationKind;
use shakedown_model::{ItemId, MutationId, NodeId, Offset, Plan, Seed, Version, WatcherId};
use shakedown_record::{Recorder, RunDir};
use shakedown_scenario::{Overrides, load};

/// From sending a publish to its ack.
const ACK_NS: u64 = 2_000_000;
/// From an ack to the first and the last watcher.
const SPREAD_NS: (u64, u64) = (1_000_000, 99_000_000);
/// Samples of lag are this far apart, as in a real run.
const LAG_NS: u64 = 10_000_000;
const SECOND_NS: u64 = 1_000_000_000;

type Trouble = Box<dyn std::error::Error>;

fn main() -> Result<(), Trouble> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: faultless SCENARIO OUT [--set key=value …]";
    let (scenario, out) = (arguments.next().ok_or(usage)?, arguments.next().ok_or(usage)?);
    let mut overrides = Overrides::new();
    while let Some(argument) = arguments.next() {
        let assignment = arguments.next().filter(|_| argument == "--set").ok_or(usage)?;
        overrides.set(assignment);
    }
    let loaded = load(Path::new(&scenario), &overrides)?;
    let name = format!("{}-faultless", loaded.plan.name);
    let run = RunDir::create(Path::new(&out), &name)?;
    run.write_plan(&loaded.plan, &loaded.text)?;
    run.write_manifest(&manifest(&loaded.plan, &name))?;
    let history = run.create_history()?;
    let mut recording = Recording::new(&loaded.plan, history.recorder());
    let deliveries = recording.everything();
    history.finish()?;
    samples_of_itself(&loaded.plan, &run)?;
    writeln!(std::io::stdout(), "{} {deliveries} deliveries", run.path().display())?;
    Ok(())
}

fn manifest(plan: &Plan, name: &str) -> Manifest {
    Manifest {
        run_id: 1,
        harness: env!("CARGO_PKG_VERSION").to_owned(),
        started: "2026-01-01T00:00:00.000000Z".to_owned(),
        status: RunStatus::Complete,
        ended: Some(plan.end() + plan.delivery_timeout),
        server: "none: recorded by the example `faultless`".to_owned(),
        proxy: "none".to_owned(),
        ..Manifest::new(name, &plan.name, plan.seed)
    }
}

fn samples_of_itself(plan: &Plan, run: &RunDir) -> Result<(), Trouble> {
    for second in 0..plan.end().0 / SECOND_NS {
        run.append_self_sample(&SelfSample {
            at: Offset::from_secs(second),
            rss_bytes: 64 << 20,
            cpu_cores: 0.1,
            steal_share: 0.0,
            open_files: 100,
            subscribed: plan.watcher_count(),
            listen_overflows: 0,
        })?;
    }
    Ok(())
}

/// The records of a run, in the order of its instants as near as a real one's are.
struct Recording<'a> {
    plan: &'a Plan,
    recorder: Recorder,
    draws: Seed,
    listeners: Vec<Vec<WatcherId>>,
    /// By item: the newest version, the end of its publish, and its last delivery.
    newest: Vec<(Version, Offset, Offset)>,
    next_lag: Offset,
    deliveries: u64,
}

impl<'a> Recording<'a> {
    fn new(plan: &'a Plan, recorder: Recorder) -> Self {
        let mut listeners = vec![Vec::new(); plan.item_count() as usize];
        for watcher in (0..plan.watcher_count()).map(WatcherId) {
            plan.items_of(watcher).into_iter().for_each(|item| listeners[item.index()].push(watcher));
        }
        let newest = vec![(Version(0), Offset::ZERO, Offset::ZERO); listeners.len()];
        let draws = plan.seed.child("faultless");
        Self { plan, recorder, draws, listeners, newest, next_lag: Offset::ZERO, deliveries: 0 }
    }

    fn everything(&mut self) -> u64 {
        let plan = self.plan;
        for item in (0..plan.item_count()).map(ItemId) {
            self.change((None, Offset::ZERO, item, MutationKind::Write), How::Initial);
        }
        for watcher in (0..plan.watcher_count()).map(WatcherId) {
            self.recorder.record(Event::Subscribed { at: Offset::from_millis(200), watcher });
        }
        for mutation in plan.mutations() {
            self.lags_until(mutation.intended);
            let change = (Some(mutation.id), mutation.intended, mutation.item, mutation.kind);
            self.change(change, How::Push);
        }
        self.lags_until(plan.end());
        let at = plan.end() + plan.delivery_timeout;
        for item in (0..plan.item_count()).map(ItemId) {
            let found = Found::Version(self.newest[item.index()].0);
            for node in (0..plan.server.nodes).map(NodeId) {
                self.recorder.record(Event::FinalRead { at, node, item, found });
            }
        }
        self.deliveries
    }

    fn change(
        &mut self,
        (mutation, intended, item, kind): (Option<MutationId>, Offset, ItemId, MutationKind),
        path: How,
    ) {
        let (Version(before), done_before, held_before) = self.newest[item.index()];
        let ready = intended.max(done_before);
        let (version, done) = (Version(before + 1), Offset(ready.0 + ACK_NS));
        let outcome = PublishOutcome::Acked;
        let publish = Publish { mutation, item, version, kind, intended, ready, sent: ready, done, outcome };
        self.recorder.record(Event::Publish(publish));
        // Nobody holds a version before everybody held the one before it.
        let earliest = (done.0 + SPREAD_NS.0).max(held_before.0);
        let draws = self.draws.nth(u64::from(item.0)).nth(u64::from(version.0));
        let mut last = held_before;
        for watcher in &self.listeners[item.index()] {
            let at = Offset(earliest + draws.below(u64::from(watcher.0), SPREAD_NS.1));
            let signal = Some(Offset(at.0 - SPREAD_NS.0 / 2)).filter(|_| path == How::Push);
            self.recorder.record(Event::Delivery(Delivery {
                at,
                watcher: *watcher,
                item,
                version,
                signal,
                path,
            }));
            self.deliveries += 1;
            last = last.max(at);
        }
        self.newest[item.index()] = (version, done, last);
    }

    fn lags_until(&mut self, until: Offset) {
        while self.next_lag < until {
            let (due, late_ns) = (self.next_lag, 50_000);
            self.recorder.record(Event::Lag { due, late_ns });
            self.recorder.record(Event::ReceiveLag { sent: due, late_ns });
            self.next_lag = Offset(due.0 + LAG_NS);
        }
    }
}
