//! Attempts per watcher: how often each watcher that a fault cut off tried to connect until it was subscribed again.
//!
//! One value per watcher and fault; the outages that the fault caused are added up. A watcher that never came back counts
//! with what it made up to the end of the record: this measures load, and that it never came back is for reconnect.

use std::collections::BTreeMap;

use shakedown_model::gate::{Measure, Scope};
use shakedown_model::{FaultId, GroupId, WatcherId};

use super::Findings;
use crate::evidence::Evidence;

/// Takes the attempts of each watcher that a fault cut off.
pub(crate) fn take(evidence: &Evidence<'_>, findings: &mut Findings) {
    let mut made: BTreeMap<(FaultId, GroupId, WatcherId), u64> = BTreeMap::new();
    for outage in &evidence.outages {
        if let Some(fault) = outage.fault {
            *made.entry((fault, outage.group, outage.watcher)).or_default() += outage.attempts.len() as u64;
        }
    }
    for ((fault, group, _), attempts) in made {
        findings
            .figures
            .entry(Measure::AttemptsPerWatcher, Scope::Fault(fault), Some(group))
            .record(attempts);
    }
}

#[cfg(test)]
mod tests {
    use shakedown_model::event::AttemptOutcome::{Connected, TimedOut};
    use shakedown_model::gate::Stat;

    use super::*;
    use crate::result::StatValue::{Count, TooFew};
    use crate::testing::{CRASH, LEGACY, MODERN, SPLIT, Tiny};

    #[test]
    fn they_are_counted_per_watcher_and_fault_until_it_is_back() {
        let tiny = Tiny::calm()
            .attempt(0, 0, (500, 500), Connected)
            .lost(27_000, 0)
            .attempt(0, 1, (27_000, 27_000), TimedOut)
            .attempt(0, 2, (27_010, 27_110), Connected)
            .subscribed(27_200, 0)
            .lost(28_000, 0)
            .attempt(0, 1, (28_000, 28_000), Connected)
            .subscribed(28_100, 0)
            .lost(29_000, 1)
            .crash(40_000, 1)
            .cold_start(45_000, 1)
            .attempt(1, 0, (45_000, 45_000), Connected)
            .subscribed(45_100, 1);
        let figure = |scope| tiny.figure(Measure::AttemptsPerWatcher, scope, Some(MODERN)).unwrap();
        let split = figure(SPLIT);
        assert_eq!((split.count, split.stat(Stat::Max), split.stat(Stat::P50)), (2, Count(3), TooFew));
        assert_eq!((figure(CRASH).count, figure(CRASH).stat(Stat::Max)), (1, Count(1)));
        assert!(tiny.figure(Measure::AttemptsPerWatcher, SPLIT, Some(LEGACY)).is_none(), "nobody was cut");
    }

    #[test]
    fn a_watcher_that_never_came_back_counts_with_what_it_tried() {
        let mut tiny = Tiny::calm().lost(26_000, 0);
        for n in 1..=7 {
            tiny = tiny.attempt(0, n, (26_000, 26_000 + 100 * u64::from(n)), TimedOut);
        }
        let figure = tiny.figure(Measure::AttemptsPerWatcher, SPLIT, Some(MODERN)).unwrap();
        assert_eq!((figure.count, figure.censored, figure.stat(Stat::Max)), (1, 0, Count(7)));
        assert!(Tiny::empty().figure(Measure::AttemptsPerWatcher, SPLIT, Some(MODERN)).is_none());
    }
}
