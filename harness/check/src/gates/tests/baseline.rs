//! Gates whose bounds follow a baseline.

use std::collections::BTreeMap;

use shakedown_model::Seed;
use shakedown_model::baseline::{
    BASELINE_FORMAT, Baseline, BaselineFigure, BaselineValue, ScopeName, outline,
};
use shakedown_model::gate::Margin;
use shakedown_model::manifest::Machine;

use super::*;

/// What an accepted run of the tiny plan had.
fn accepted(tiny: &Tiny, figures: Vec<BaselineFigure>) -> Baseline {
    Baseline {
        format: BASELINE_FORMAT,
        scenario: "tiny".into(),
        run: "before".into(),
        started: String::new(),
        accepted: String::new(),
        seed: Seed(7),
        plan_digest: String::new(),
        harness: "0".into(),
        server: "embedded".into(),
        proxy: "embedded".into(),
        machine: Machine::default(),
        anyway: false,
        outline: outline::outline(&tiny.input.plan),
        figures,
    }
}

fn figure(measure: Measure, scope: ScopeName, group: Option<&str>, max: BaselineValue) -> BaselineFigure {
    BaselineFigure {
        measure,
        scope,
        group: group.map(Into::into),
        count: 80,
        censored: 0,
        mutations: 40,
        stats: BTreeMap::from([(Stat::Max, max)]),
    }
}

/// End-to-end of the steady phase: 100 ms in modern, 200 ms in legacy; the baseline had these maxima.
fn run(modern: BaselineValue, legacy: BaselineValue) -> Tiny {
    let mut tiny = steady();
    let in_steady =
        |group, max| figure(Measure::EndToEnd, ScopeName::Phase("steady".into()), Some(group), max);
    tiny.input.baseline =
        Some(accepted(&tiny, vec![in_steady("modern", modern), in_steady("legacy", legacy)]));
    tiny
}

fn ms(ms: u64) -> BaselineValue {
    BaselineValue::Time(ms * MS)
}

fn at_most(margin: Margin) -> (Op, Threshold) {
    (Op::AtMost, Threshold::Baseline(margin))
}

fn judged(tiny: Tiny, margin: Margin) -> GateResult {
    judge(tiny, Measure::EndToEnd, Stat::Max, at_most(margin), STEADY)
}

#[test]
fn each_group_is_held_against_its_own_value_and_the_margin() {
    let cases = [
        ((100, 200), Margin::Relative(0.0), Pass),
        ((95, 200), Margin::Relative(0.0), Fail),
        ((95, 190), Margin::Relative(0.1), Pass),
        ((95, 180), Margin::Relative(0.1), Fail),
        ((110, 220), Margin::Relative(-0.05), Pass),
        ((100, 220), Margin::Relative(-0.05), Fail),
        ((96, 196), Margin::Nanos(5 * 1_000_000), Pass),
        ((94, 196), Margin::Nanos(5 * 1_000_000), Fail),
        ((100, 200), Margin::Nanos(-1), Fail),
        ((3, 200), Margin::Nanos(-5 * 1_000_000), Fail),
    ];
    for ((modern, legacy), margin, expected) in cases {
        let gate = judged(run(ms(modern), ms(legacy)), margin);
        assert_eq!(gate.outcome, expected, "{modern} {legacy} {margin:?}: {:?}", gate.rows);
    }
    let gate = judged(run(ms(95), ms(190)), Margin::Nanos(10 * 1_000_000));
    assert_eq!(gate.rows[0].note, "the bound is 105 ms; the baseline had 95 ms");
}

#[test]
fn counts_and_shares_take_margins_of_their_own() {
    let with = |measure, value, margin| {
        let mut tiny = Tiny::calm().lost(26_000, 0);
        for (number, at) in [(1, 26_000), (2, 26_500), (3, 27_000)] {
            tiny = tiny.attempt(0, number, (at, at), AttemptOutcome::TimedOut);
        }
        let figures = vec![figure(measure, ScopeName::Fault("split".into()), Some("modern"), value)];
        tiny.input.baseline = Some(accepted(&tiny, figures));
        judge(tiny, measure, Stat::Max, at_most(margin), SPLIT).outcome
    };
    let attempts = |n, margin| with(Measure::AttemptsPerWatcher, BaselineValue::Count(n), margin);
    assert_eq!((attempts(2, Margin::Absolute(1.0)), attempts(2, Margin::Absolute(0.0))), (Pass, Fail));
    assert_eq!((attempts(2, Margin::Relative(0.5)), attempts(4, Margin::Absolute(-2.0))), (Pass, Fail));
    let herd = |share, margin| with(Measure::HerdShare, BaselineValue::Share(share), margin);
    assert_eq!((herd(0.9, Margin::Absolute(0.1)), herd(0.9, Margin::Absolute(0.05))), (Pass, Fail));
    assert_eq!((herd(0.5, Margin::Relative(1.0)), herd(0.5, Margin::Nanos(5))), (Pass, Unknown));
}

#[test]
fn without_a_fit_baseline_the_gate_is_unknown_and_says_why() {
    let fit = || run(ms(100), ms(200));
    let change = |change: fn(&mut Baseline)| {
        let mut tiny = fit();
        change(tiny.input.baseline.as_mut().unwrap());
        tiny
    };
    let mut none = fit();
    none.input.baseline = None;
    let cases = [
        (none, "there is no baseline"),
        (change(|baseline| baseline.machine.cpus = 64), "another machine"),
        (change(|baseline| baseline.outline[0] = "phase other: 5s".into()), "another experiment"),
        (change(|baseline| baseline.format = 99), "form 99"),
        (change(|baseline| baseline.figures.clear()), "no such figure"),
        (change(|baseline| baseline.figures[0].stats.clear()), "too few samples for max"),
        (run(BaselineValue::LaterThan(20_000 * MS), ms(200)), "later than 20 s"),
        (run(BaselineValue::Share(0.5), ms(200)), "cannot be compared with the bound"),
    ];
    for (tiny, why) in cases {
        let gate = judged(tiny, Margin::Relative(0.1));
        assert_eq!((gate.outcome, gate.rows[0].outcome), (Unknown, Unknown), "{why}");
        assert!(gate.rows[0].note.contains(why), "{why}: {}", gate.rows[0].note);
    }
    let anyway = change(|baseline| {
        baseline.machine.cpus = 64;
        baseline.anyway = true;
    });
    assert_eq!(judged(anyway, Margin::Relative(0.0)).outcome, Pass);
}

#[test]
fn a_bound_that_follows_a_baseline_tightens_what_lag_may_be() {
    let bounds = |tiny: Tiny| {
        let bound = at_most(Margin::Relative(0.1));
        let tiny = tiny.gate(Measure::EndToEnd, Stat::Max, bound, STEADY);
        tiny.with_evidence(|evidence| time_bounds(evidence).collect::<Vec<_>>())
    };
    assert_eq!(bounds(run(ms(100), ms(200))), [110 * MS, 220 * MS]);
    assert!(bounds(steady()).is_empty(), "without a baseline there is no bound");
}
