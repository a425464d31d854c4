//! What one node tells the others of its writes, and when it looks by itself (nacos-facts.md §5.2).
//!
//! A broadcast carries a name and no content: who gets it reads the database. One that is not answered is sent again
//! after `retry + n² · step`, n being the failures before it, 7 at most. A node that is down is not told: it dumps
//! everything when it starts. There is no I/O here: every call takes `now`, the time since the node started.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shakedown_model::Seed;
use shakedown_model::plan::ClusterSettings;

use crate::core::DumpTask;

/// Failures beyond this do not lengthen the wait.
const MAX_FAILURES: u32 = 7;

/// Something for the node to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Tell this node of it.
    Tell(usize, DumpTask),
    /// Look for writes that were not told.
    Scan,
    /// Dump everything.
    DumpAll,
}

#[derive(Debug)]
struct Broadcast {
    to: usize,
    task: DumpTask,
    failures: u32,
}

/// One node's side of the cluster.
#[derive(Debug)]
pub(crate) struct Broadcasts {
    rule: ClusterSettings,
    seed: Seed,
    others: Vec<usize>,
    sent: u64,
    last_id: u64,
    pending: BTreeMap<(Duration, u64), Broadcast>,
    /// What waits for another try: a second failure of the same does not wait beside it.
    retried: BTreeSet<(usize, DumpTask)>,
    scan_due: Option<Duration>,
    full_dump_due: Option<Duration>,
}

impl Broadcasts {
    /// The side of `node`, among `nodes` of them. A single one tells nobody and looks for nothing.
    pub(crate) fn new(rule: ClusterSettings, seed: Seed, node: usize, nodes: usize) -> Self {
        let seed = seed.nth(node as u64);
        let first = |name: &str, period: Duration| {
            let is_on = nodes > 1 && !period.is_zero();
            is_on.then(|| period.mul_f64(seed.child(name).unit(0)))
        };
        Self {
            scan_due: first("change-scan", rule.change_scan),
            full_dump_due: first("full-dump", rule.full_dump),
            seed: seed.child("broadcasts"),
            others: (0..nodes).filter(|other| *other != node).collect(),
            sent: 0,
            last_id: 0,
            pending: BTreeMap::new(),
            retried: BTreeSet::new(),
            rule,
        }
    }

    /// This node has written something.
    pub(crate) fn wrote(&mut self, now: Duration, task: &DumpTask) {
        for to in self.others.clone() {
            self.schedule(now + self.rule.broadcast_delay, Broadcast { to, task: task.clone(), failures: 0 });
        }
    }

    /// When [`Broadcasts::turn`] has something to do.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let broadcast = self.pending.first_key_value().map(|((due, _), _)| *due);
        [broadcast, self.scan_due, self.full_dump_due].into_iter().flatten().min()
    }

    /// What is due at `now`; `is_up` tells whether a node runs.
    pub(crate) fn turn(&mut self, now: Duration, is_up: impl Fn(usize) -> bool) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some(entry) = self.pending.first_entry()
            && entry.key().0 <= now
        {
            let ((due, _), broadcast) = entry.remove_entry();
            if broadcast.failures > 0 {
                self.retried.remove(&(broadcast.to, broadcast.task.clone()));
            }
            if !is_up(broadcast.to) {
                continue;
            }
            if self.is_lost() {
                self.failed(due + self.rule.broadcast_timeout, broadcast);
            } else {
                steps.push(Step::Tell(broadcast.to, broadcast.task));
            }
        }
        if is_due(&mut self.scan_due, now, self.rule.change_scan) {
            steps.push(Step::Scan);
        }
        if is_due(&mut self.full_dump_due, now, self.rule.full_dump) {
            steps.push(Step::DumpAll);
        }
        steps
    }

    fn is_lost(&mut self) -> bool {
        let draw = self.seed.below(self.sent, 1_000_000);
        self.sent += 1;
        draw < u64::from(self.rule.broadcast_loss_ppm)
    }

    fn failed(&mut self, noticed: Duration, broadcast: Broadcast) {
        if !self.retried.insert((broadcast.to, broadcast.task.clone())) {
            return;
        }
        let n = broadcast.failures.min(MAX_FAILURES);
        let wait = self.rule.broadcast_retry + self.rule.broadcast_retry_step * (n * n);
        let failures = broadcast.failures + 1;
        self.schedule(noticed + wait + self.rule.broadcast_delay, Broadcast { failures, ..broadcast });
    }

    fn schedule(&mut self, due: Duration, broadcast: Broadcast) {
        self.last_id += 1;
        self.pending.insert((due, self.last_id), broadcast);
    }
}

/// Whether a period is over; the next one begins now.
fn is_due(due: &mut Option<Duration>, now: Duration, period: Duration) -> bool {
    let is_over = due.is_some_and(|due| due <= now);
    if is_over {
        *due = Some(now + period);
    }
    is_over
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shakedown_nacos::ConfigKey;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn task(data_id: &str) -> DumpTask {
        DumpTask { key: Arc::new(ConfigKey::new(data_id, "g", "")), gray: None }
    }

    fn quiet() -> ClusterSettings {
        ClusterSettings {
            change_scan: Duration::ZERO,
            full_dump: Duration::ZERO,
            ..ClusterSettings::default()
        }
    }

    /// Turns until nothing is due before `end`; the instants in milliseconds at which `to` was told.
    fn told(broadcasts: &mut Broadcasts, to: usize, end: Duration) -> Vec<u128> {
        let mut at = Vec::new();
        while let Some(due) = broadcasts.next_due().filter(|due| *due <= end) {
            let steps = broadcasts.turn(due, |_| true);
            at.extend(
                steps
                    .iter()
                    .filter(|step| matches!(step, Step::Tell(other, _) if *other == to))
                    .map(|_| due.as_millis()),
            );
        }
        at
    }

    #[test]
    fn every_other_node_is_told_after_the_delay() {
        let rule = ClusterSettings { broadcast_delay: 7 * MS, ..quiet() };
        let mut broadcasts = Broadcasts::new(rule, Seed(1), 1, 3);
        broadcasts.wrote(100 * MS, &task("a"));
        assert_eq!(broadcasts.next_due(), Some(107 * MS));
        assert!(broadcasts.turn(106 * MS, |_| true).is_empty());
        let steps = broadcasts.turn(107 * MS, |_| true);
        assert_eq!(steps, [Step::Tell(0, task("a")), Step::Tell(2, task("a"))]);
        assert_eq!(broadcasts.next_due(), None);
    }

    #[test]
    fn a_single_node_tells_nobody_and_never_looks() {
        let mut broadcasts = Broadcasts::new(ClusterSettings::default(), Seed(1), 0, 1);
        broadcasts.wrote(Duration::ZERO, &task("a"));
        assert_eq!(broadcasts.next_due(), None);
    }

    #[test]
    fn a_lost_broadcast_is_sent_again_after_growing_waits() {
        // All are lost: the attempts are at 1 ms, and each later one after the time-out (1 s) and 0.5 s + n² s.
        let rule = ClusterSettings { broadcast_loss_ppm: 1_000_000, ..quiet() };
        let mut broadcasts = Broadcasts::new(rule, Seed(1), 0, 2);
        broadcasts.wrote(Duration::ZERO, &task("a"));
        let mut tries = Vec::new();
        while let Some(due) = broadcasts.next_due().filter(|_| tries.len() < 11) {
            assert!(broadcasts.turn(due, |_| true).is_empty());
            tries.push(due.as_millis());
        }
        let waits: Vec<_> = tries.windows(2).map(|pair| pair[1] - pair[0] - 1001).collect();
        assert_eq!(waits, [500, 1500, 4500, 9500, 16_500, 25_500, 36_500, 49_500, 49_500, 49_500]);
    }

    #[test]
    fn a_share_of_broadcasts_is_lost_by_the_seed() {
        let rule = ClusterSettings { broadcast_loss_ppm: 300_000, ..quiet() };
        let first_tries = |seed| {
            let mut broadcasts = Broadcasts::new(rule.clone(), seed, 0, 2);
            for n in 0..1000 {
                broadcasts.wrote(Duration::ZERO, &task(&n.to_string()));
            }
            told(&mut broadcasts, 1, 10 * MS).len()
        };
        assert!((650..750).contains(&first_tries(Seed(1))), "{}", first_tries(Seed(1)));
        assert_eq!(first_tries(Seed(1)), first_tries(Seed(1)));
        assert_ne!(first_tries(Seed(1)), first_tries(Seed(2)));
    }

    #[test]
    fn retries_of_one_config_do_not_pile_up() {
        let rule = ClusterSettings { broadcast_loss_ppm: 1_000_000, ..quiet() };
        let mut broadcasts = Broadcasts::new(rule, Seed(1), 0, 2);
        for n in 0..100 {
            broadcasts.wrote(n * MS, &task("a"));
        }
        told(&mut broadcasts, 1, Duration::from_secs(600));
        assert_eq!(broadcasts.pending.len(), 1);
    }

    #[test]
    fn a_node_that_is_down_is_not_told_and_not_tried_again() {
        let mut broadcasts = Broadcasts::new(quiet(), Seed(1), 0, 2);
        broadcasts.wrote(Duration::ZERO, &task("a"));
        assert!(broadcasts.turn(Duration::from_secs(1), |_| false).is_empty());
        assert_eq!(broadcasts.next_due(), None);
    }

    #[test]
    fn scans_begin_within_a_period_and_repeat() {
        let rule = ClusterSettings { full_dump: Duration::ZERO, ..ClusterSettings::default() };
        let mut broadcasts = Broadcasts::new(rule, Seed(1), 0, 3);
        let first = broadcasts.next_due().unwrap();
        assert!(first < Duration::from_secs(30));
        assert_eq!(broadcasts.turn(first, |_| true), [Step::Scan]);
        assert_eq!(broadcasts.next_due(), Some(first + Duration::from_secs(30)));
    }
}
