//! Herd share: the largest share of a group's cut watchers that attempt to connect within any 100 ms.
//!
//! One value per fault and group, so that its only statistic is the maximum. Only attempts of outages that the fault
//! caused count; each watcher counts once within a window however often it tries.

use std::collections::BTreeMap;

use shakedown_model::gate::{Measure, Scope};
use shakedown_model::{FaultId, GroupId, Offset, WatcherId};

use super::Findings;
use crate::distribution::as_f64;
use crate::evidence::Evidence;

/// The width of a window; its end is exclusive.
const WINDOW_NS: u64 = 100_000_000;

#[derive(Default)]
struct Herd {
    /// The last watcher counted, to count each once: outages come by watcher.
    last: Option<WatcherId>,
    cut: u64,
    attempts: Vec<(Offset, WatcherId)>,
}

/// Takes the herd share of each fault and group.
pub(crate) fn take(evidence: &Evidence<'_>, findings: &mut Findings) {
    let mut herds: BTreeMap<(FaultId, GroupId), Herd> = BTreeMap::new();
    for outage in &evidence.outages {
        let Some(fault) = outage.fault else { continue };
        let herd = herds.entry((fault, outage.group)).or_default();
        if herd.last != Some(outage.watcher) {
            herd.last = Some(outage.watcher);
            herd.cut += 1;
        }
        let attempts = &evidence.index.attempts_of(outage.watcher)[outage.attempts.clone()];
        herd.attempts.extend(attempts.iter().map(|attempt| (attempt.started, attempt.watcher)));
    }
    for ((fault, group), mut herd) in herds {
        herd.attempts.sort_unstable();
        let share = as_f64(most_within(&herd.attempts)) / as_f64(herd.cut);
        findings.figures.entry(Measure::HerdShare, Scope::Fault(fault), Some(group)).record_share(share);
    }
}

/// The most distinct watchers within any window of sorted attempts.
fn most_within(attempts: &[(Offset, WatcherId)]) -> u64 {
    let mut inside: BTreeMap<WatcherId, u32> = BTreeMap::new();
    let (mut first, mut most) = (0, 0);
    for (at, watcher) in attempts {
        *inside.entry(*watcher).or_default() += 1;
        while attempts[first].0.0 + WINDOW_NS <= at.0 {
            let gone = attempts[first].1;
            let left = inside.get_mut(&gone).expect("every attempt of the window was counted");
            *left -= 1;
            if *left == 0 {
                inside.remove(&gone);
            }
            first += 1;
        }
        most = most.max(inside.len() as u64);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(attempts: &[(u64, u32)]) -> u64 {
        let attempts: Vec<_> =
            attempts.iter().map(|(ms, who)| (Offset::from_millis(*ms), WatcherId(*who))).collect();
        most_within(&attempts)
    }

    #[test]
    fn counts_distinct_watchers_in_a_sliding_window() {
        assert_eq!(most(&[]), 0);
        assert_eq!(most(&[(0, 1), (20, 1), (40, 1)]), 1, "one watcher counts once");
        assert_eq!(most(&[(50, 1), (149, 2), (151, 3)]), 2, "windows slide and are not a grid");
        assert_eq!(most(&[(0, 1), (100, 2)]), 1, "the end of a window is exclusive");
        assert_eq!(
            most(&[(0, 1), (30, 2), (60, 1), (120, 3), (125, 4)]),
            4,
            "a watcher that tried twice stays"
        );
    }
}
