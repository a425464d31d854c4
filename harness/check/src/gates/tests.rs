use std::time::Duration;

use shakedown_model::event::{AttemptOutcome, Path};
use shakedown_model::gate::Stat;
use shakedown_model::verdict::Outcome::{self, Fail, Pass, Unknown};

use super::*;
use crate::result::StatValue::Count;
use crate::testing::{LEGACY, MODERN, MS, SPLIT, STEADY, Tiny};

mod baseline;

fn at(ms: u64) -> StatValue {
    StatValue::Time(ms * MS)
}

fn below(ms: u64) -> (Op, Threshold) {
    (Op::Below, Threshold::Time(Duration::from_millis(ms)))
}

/// 40 mutations, each seen by modern after 100 ms and by legacy after 200 ms.
fn steady() -> Tiny {
    let mut tiny = Tiny::calm();
    for n in 0..40_u32 {
        let at = 6_000 + 300 * u64::from(n);
        tiny = tiny.acked(0, n + 2, at, at + 5).deliveries(at + 100, 0..2, 0, n + 2).deliveries(
            at + 200,
            2..4,
            0,
            n + 2,
        );
    }
    tiny.final_read(81_900, 0, Some(41))
}

fn judge(tiny: Tiny, measure: Measure, stat: Stat, bound: (Op, Threshold), scope: Scope) -> GateResult {
    tiny.gate(measure, stat, bound, scope).judgement().gates.remove(0)
}

#[test]
fn every_group_must_hold_and_each_has_a_row() {
    let gate = judge(steady(), Measure::EndToEnd, Stat::P50, below(150), STEADY);
    let rows: Vec<_> = gate.rows.iter().map(|row| (row.group, row.outcome, row.count)).collect();
    assert_eq!((gate.outcome, rows), (Fail, vec![(Some(MODERN), Pass, 80), (Some(LEGACY), Fail, 80)]));
    assert_eq!(judge(steady(), Measure::EndToEnd, Stat::P50, below(250), STEADY).outcome, Pass);
    assert_eq!(judge(steady(), Measure::Publish, Stat::Max, below(10), Scope::Run).rows[0].group, None);
}

#[test]
fn too_few_and_no_samples_are_unknown() {
    let few = judge(steady(), Measure::EndToEnd, Stat::P99, below(150), STEADY);
    assert_eq!(
        (few.outcome, few.rows[0].note.as_str()),
        (Unknown, "n too small: 80 samples from 40 mutations")
    );
    let none = judge(Tiny::calm(), Measure::EndToEnd, Stat::Max, below(150), STEADY);
    assert_eq!((none.outcome, none.rows[0].note.as_str()), (Unknown, "no samples"));
}

#[test]
fn after_a_fault_only_the_groups_that_it_touched_are_asked() {
    let gate =
        judge(Tiny::calm().lost(26_000, 0).lost(26_000, 1), Measure::Detect, Stat::Max, below(1_500), SPLIT);
    assert_eq!((gate.outcome, gate.rows.len()), (Pass, 1));
    let run = judge(
        Tiny::calm().lost(26_000, 0).lost(26_000, 1),
        Measure::Detect,
        Stat::Max,
        below(900),
        Scope::Run,
    );
    assert_eq!((run.outcome, run.rows.len()), (Fail, 1));
}

#[test]
fn staleness_has_a_maximum_to_gate() {
    assert_eq!(judge(steady(), Measure::Staleness, Stat::Max, below(100), Scope::Run).outcome, Fail);
    assert_eq!(judge(steady(), Measure::Staleness, Stat::Max, below(200), Scope::Run).outcome, Pass);
}

#[test]
fn comparisons_know_what_is_only_later_than_something() {
    let time = |ms| Threshold::Time(Duration::from_millis(ms));
    let beyond = |ms| StatValue::LaterThan(ms * MS);
    let cases: [(StatValue, Op, Threshold, Outcome); 14] = [
        (at(5), Op::Below, time(5), Fail),
        (at(5), Op::AtMost, time(5), Pass),
        (at(5), Op::AtLeast, time(5), Pass),
        (at(5), Op::Above, time(5), Fail),
        (at(4), Op::Below, time(5), Pass),
        (at(4), Op::AtLeast, time(5), Fail),
        (beyond(20), Op::Below, time(20), Fail),
        (beyond(20), Op::AtMost, time(10), Fail),
        (beyond(20), Op::Below, time(30), Unknown),
        (beyond(20), Op::Above, time(20), Pass),
        (beyond(20), Op::Above, time(30), Unknown),
        (StatValue::Share(0.2), Op::Below, Threshold::Share(0.2), Fail),
        (StatValue::Share(0.1), Op::AtMost, Threshold::Share(0.2), Pass),
        (StatValue::TooFew, Op::Above, time(0), Unknown),
    ];
    for (value, op, threshold, expected) in cases {
        assert_eq!(compare(value, op, threshold), expected, "{value:?} {op:?} {threshold:?}");
    }
}

#[test]
fn counts_are_held_against_counts() {
    let cases = [
        (Count(11), Op::Below, 12.0, Pass),
        (Count(12), Op::Below, 12.0, Fail),
        (Count(12), Op::AtMost, 12.0, Pass),
        (Count(3), Op::AtLeast, 2.5, Pass),
        (StatValue::TooFew, Op::Below, 12.0, Unknown),
        (at(5), Op::Below, 12.0, Unknown),
    ];
    for (value, op, bound, expected) in cases {
        assert_eq!(compare(value, op, Threshold::Count(bound)), expected, "{value:?} {op:?} {bound}");
    }
    let cut = Tiny::calm().lost(26_000, 0).attempt(0, 1, (26_000, 26_000), AttemptOutcome::Connected);
    let count = |bound| (Op::Below, Threshold::Count(bound));
    let measure = Measure::AttemptsPerWatcher;
    assert_eq!(judge(cut.clone(), measure, Stat::Max, count(2.0), SPLIT).outcome, Pass);
    assert_eq!(judge(cut.clone(), measure, Stat::Max, count(1.0), SPLIT).outcome, Fail);
    assert_eq!(judge(cut, measure, Stat::P99, count(1.0), SPLIT).rows[0].note, "n too small: 1 sample");
}

#[test]
fn the_new_measures_can_be_gated() {
    let signalled = || {
        let mut tiny = Tiny::calm();
        for n in 0..40_u32 {
            let at = 6_000 + 300 * u64::from(n);
            tiny = tiny.acked(0, n + 2, at, at + 5);
            for watcher in 0..4 {
                tiny = tiny.came((at + 100, Some(at + 60)), watcher, (0, n + 2), Path::Push);
            }
        }
        tiny
    };
    let held = |measure, stat, ms| judge(signalled(), measure, stat, below(ms), STEADY).outcome;
    assert_eq!((held(Measure::Notify, Stat::P50, 56), held(Measure::Notify, Stat::P50, 55)), (Pass, Fail));
    assert_eq!((held(Measure::Fetch, Stat::P50, 41), held(Measure::Fetch, Stat::P50, 40)), (Pass, Fail));
    assert_eq!(
        (held(Measure::Convergence, Stat::Max, 96), held(Measure::Convergence, Stat::Max, 95)),
        (Pass, Fail)
    );
    assert_eq!(judge(Tiny::calm(), Measure::Convergence, Stat::Max, below(9), Scope::Run).outcome, Unknown);
}
