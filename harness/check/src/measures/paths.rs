//! By which path watchers came to hold each mutation.
//!
//! One sample per (mutation, watcher) of the denominator that was held at all, by the path of the delivery that
//! satisfied it, so that the paths of a group add up to what its end-to-end latency has. A push that was received later
//! after the ack of the newest mutation sent by then than the server waits before its first repeat is inferred to be a
//! repeat.

use std::collections::BTreeMap;
use std::time::Duration;

use shakedown_model::event::Path;
use shakedown_model::gate::{Measure, Scope, Stat};
use shakedown_model::plan::{Backend, EmbeddedSettings, Protocol};
use shakedown_model::{GroupId, WatcherId};

use crate::distribution::Distribution;
use crate::evidence::Evidence;
use crate::index::Held;
use crate::result::{PathFigure, StatValue};

/// The distributions of each path.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    distributions: BTreeMap<(Scope, GroupId, Path), (Distribution, bool)>,
}

impl Paths {
    /// Adds the end-to-end latencies of one mutation in one group (`None` for later than the time-out).
    pub(super) fn add(
        &mut self,
        evidence: &Evidence<'_>,
        (scope, group): (Scope, GroupId),
        timeout_ns: u64,
        samples: impl Iterator<Item = (Path, Option<u64>)>,
    ) {
        let mut touched = [false; Path::ALL.len()];
        let protocol = evidence.plan.groups[group.index()].client.protocol;
        for (path, latency) in samples {
            let key = (scope, group, path);
            let (distribution, _) = self
                .distributions
                .entry(key)
                .or_insert_with(|| (Distribution::default(), is_inferred(path, protocol)));
            let nth = Path::ALL.iter().position(|known| *known == path).unwrap_or_default();
            if !std::mem::replace(&mut touched[nth], true) {
                distribution.count_mutation();
            }
            match latency {
                Some(ns) => distribution.record(ns),
                None => distribution.censor(timeout_ns),
            }
        }
    }

    /// The figures, those of the whole run included.
    pub(crate) fn finish(self) -> Vec<PathFigure> {
        let mut all = BTreeMap::new();
        for ((scope, group, path), (distribution, is_inferred)) in self.distributions {
            let (whole, _): &mut (Distribution, bool) = all
                .entry((Scope::Run, group, path))
                .or_insert_with(|| (Distribution::default(), is_inferred));
            whole.merge(&distribution);
            all.insert((scope, group, path), (distribution, is_inferred));
        }
        all.into_iter()
            .map(|((scope, group, path), (distribution, is_inferred))| PathFigure {
                scope,
                group,
                path,
                is_inferred,
                count: distribution.count(),
                stats: stats(&distribution),
            })
            .collect()
    }
}

fn stats(distribution: &Distribution) -> [StatValue; Stat::ALL.len()] {
    Stat::ALL.map(|stat| distribution.stat(Measure::EndToEnd, stat))
}

/// The path of a delivery, with pushes told apart by time.
pub(super) fn of(evidence: &Evidence<'_>, watcher: WatcherId, held: Held) -> Path {
    let path = held.path();
    let Some(signal) = held.signal().filter(|_| path == Path::Push) else { return path };
    let index = &evidence.index;
    // A push may come before the ack of what it tells of; then it is no repeat of what was acked before.
    let newest = index.publishes.newest_sent(index.slots.item(held.slot()), signal, index.is_gray(watcher));
    match newest {
        Some(publish) if signal.since(publish.done) >= first_repeat(evidence) => Path::PushRetry,
        Some(_) | None => path,
    }
}

/// The least that the server waits before it repeats a push: a real one does as the embedded one by default
/// (nacos-facts.md §2.5).
fn first_repeat(evidence: &Evidence<'_>) -> Duration {
    match evidence.plan.server.backend {
        Backend::Embedded => evidence.plan.server.embedded.push_retry_step,
        Backend::Process | Backend::Container | Backend::External => {
            EmbeddedSettings::default().push_retry_step
        }
    }
}

/// Whether nothing that was received tells the path, so that times alone do.
const fn is_inferred(path: Path, protocol: Protocol) -> bool {
    match path {
        Path::PushRetry => true,
        Path::PollTimeout | Path::Relist => matches!(protocol, Protocol::NacosHttp),
        Path::Initial | Path::Push | Path::Resync | Path::PollWake | Path::Cache => false,
    }
}

#[cfg(test)]
mod tests;
