use serde_json::Value;
use shakedown_check::result::{Figure, GroupTimes, StatValue};
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::{GroupId, PhaseId, Seed};

use super::Comparison;
use crate::fixture::Fixture;
use crate::terminal::Look;

const LOOK: Look = Look { width: 110, is_coloured: false };
const MS: u64 = 1_000_000;

/// The rough run whose T50 in its second phase lies around `middle`.
fn run(middle: u64, draws: u64) -> Fixture {
    let mut fixture = Fixture::rough_run();
    let phase = &fixture.plan.phases[1];
    let step = (phase.until.0 - phase.from.0) / 60;
    let value = |n: u64| middle + Seed(draws).below(n, 10 * MS);
    let rows = (0..60).map(|n| {
        let at = shakedown_model::Offset(phase.from.0 + n * step);
        (at, [Some(value(n)), Some(2 * value(n)), Some(3 * value(n)), None])
    });
    fixture.series.group_times = vec![GroupTimes { group: GroupId(0), rows: rows.collect() }];
    let stats = [StatValue::Time(middle + 5 * MS); 5];
    fixture.judgement.figures.push(Figure {
        measure: Measure::T50,
        scope: Scope::Phase(PhaseId(1)),
        group: Some(GroupId(0)),
        count: 60,
        censored: 0,
        negative: 0,
        mutations: 60,
        stats,
        spectrum: vec![],
    });
    // Only what these tests made is per mutation, so that nothing else can pass for it.
    fixture.judgement.figures.retain(|figure| {
        !figure.measure.is_per_mutation() || (figure.measure == Measure::T50 && figure.stats == stats)
    });
    fixture
}

#[test]
fn a_shift_is_told_from_noise_and_both_are_shown() {
    let (a, same, slow) = (run(100 * MS, 1), run(100 * MS, 2), run(130 * MS, 3));
    let text = Comparison::new(&[a.input(), same.input()]).terminal(LOOK);
    let line = |text: &str| {
        let mut lines = text.lines().skip_while(|line| line.trim() != "T50").skip(1);
        lines.next().unwrap().to_owned()
    };
    assert!(line(&text).contains("within noise"), "{text}");
    assert!(text.contains("1 is within noise, 0 are slower"), "{text}");
    let text = Comparison::new(&[a.input(), slow.input()]).terminal(LOOK);
    assert!(line(&text).contains("slower") && line(&text).contains("+30 ms"), "{text}");
    assert!(line(&text).contains("+28.6 %"), "{text}");
    let text = Comparison::new(&[slow.input(), a.input()]).terminal(LOOK);
    assert!(line(&text).contains("faster") && line(&text).contains("−30 ms"), "{text}");
}

#[test]
fn json_has_every_run_and_says_what_the_rule_says() {
    let (a, b, c) = (run(100 * MS, 1), run(130 * MS, 2), run(100 * MS, 3));
    let runs = [a.input(), b.input(), c.input()];
    let object: Value = serde_json::from_str(&Comparison::new(&runs).json()).unwrap();
    assert_eq!(object["runs"].as_array().unwrap().len(), 3);
    let noise = |of: &str| {
        let mut rows = object["differences"].as_array().unwrap().iter();
        let row =
            rows.find(|row| row["of"] == of && row["measure"] == "T50" && row["stat"] == "p50").unwrap();
        (row["noise"].clone(), row["difference"].clone())
    };
    assert_eq!(noise("B"), ("beyond".into(), 3e7.into()));
    assert_eq!(noise("C"), ("within".into(), 0.0.into()));
    let pooled = object["differences"].as_array().unwrap().iter();
    assert!(pooled.filter(|row| row["measure"] == "end-to-end").all(|row| row["noise"] == "not_judged"));
}

#[test]
fn the_page_has_both_lines_and_nothing_remote() {
    let (a, b) = (run(100 * MS, 1), run(130 * MS, 2));
    let runs = [a.input(), b.input()];
    let comparison = Comparison::new(&runs);
    let page = comparison.page().unwrap();
    for part in ["id=\"latency\"", "id=\"spectrum\"", "slower", "id=\"gates\"", "B p99"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("src=\"http"));
    let charts = comparison.charts().unwrap();
    assert_eq!(charts.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["latency", "spectrum"]);
    assert!(charts.iter().all(|(_, svg)| svg.starts_with("<svg") && svg.len() > 5_000));
}

#[test]
fn hostile_names_and_empty_runs_are_compared_too() {
    let (a, b, c) = (Fixture::hostile_run(), Fixture::empty_run(), Fixture::rough_run());
    for runs in [[a.input(), c.input()], [b.input(), b.input()], [c.input(), b.input()]] {
        let comparison = Comparison::new(&runs);
        let (page, text) = (comparison.page().unwrap(), comparison.terminal(LOOK));
        assert!(!page.contains("<script>alert") && !text.contains('\u{1b}'), "{text}");
        assert!(comparison.charts().unwrap().iter().all(|(_, svg)| !svg.contains("<script>")));
        serde_json::from_str::<Value>(&comparison.json()).unwrap();
    }
}
