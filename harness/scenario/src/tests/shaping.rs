//! Faults with a shape in time: again and again, growing, and at random from a seed.

use std::time::Duration;

use shakedown_model::fault::{FaultAction, Toxic, ToxicKind};
use shakedown_model::plan::Plan;

use super::*;

const JITTER: &str = "  - { name: jitter, in: steady, at: 1s, for: 5s, do: { toxic: { link: office, latency: { latency: 200ms } } } }\n";

fn plan_of(text: &str) -> Plan {
    load_base(text).unwrap_or_else(|problems| panic!("{problems}")).plan
}

fn with_fault(line: &str) -> String {
    changed(JITTER, &format!("  - {line}\n"))
}

#[test]
fn a_pulse_is_one_fault_for_each_time_it_comes() {
    let line = "{ name: pulse, in: steady, at: 1s, for: 1s, repeat: { every: 6s, times: 3 }, do: { reset: { groups: all } } }";
    let plan = plan_of(&with_fault(line));
    let seen: Vec<_> =
        plan.faults.iter().map(|fault| (fault.name.as_str(), fault.from.as_secs_f64())).collect();
    assert_eq!(seen, [("pulse-1", 6.0), ("pulse-2", 12.0), ("pulse-3", 18.0), ("split", 27.0)]);
    assert!(plan.faults[..3].iter().all(|fault| fault.until - fault.from == Duration::from_secs(1)));
    refused_once(&with_fault(&line.replace("6s", "2s")), "out_of_range", "every: 3s");
    refused_once(&with_fault(&line.replace("times: 3", "times: 5")), "outside_phase", "room for 4");
    let taken = with_fault(&line.replace("name: pulse", "name: split").replace("times: 3", "times: 1"));
    let taken = taken
        .replace("{ name: split, in: cut,", "{ name: split-1, in: cut,")
        .replace("after split", "after split-1");
    refused_once(&taken, "duplicate", "split-1");
}

#[test]
fn a_ramp_shows_each_of_its_steps() {
    let line = "{ name: worse, in: steady, at: 1s, for: 8s, do: { ramp: { link: office, latency: { latency: 200ms }, steps: 4 } } }";
    let plan = plan_of(&with_fault(line));
    let FaultAction::Ramp { toxic: Toxic { kind: ToxicKind::Latency { latency, .. }, .. }, steps } =
        plan.faults[0].action
    else {
        panic!("a ramp of latency: {:?}", plan.faults[0]);
    };
    assert_eq!((latency, steps.get()), (Duration::from_millis(200), 4));
    let text = explain(&plan);
    for step in [
        "from 6s: latency 50ms",
        "from 8s: latency 100ms",
        "from 10s: latency 150ms",
        "from 12s: latency 200ms",
    ] {
        assert!(text.contains(step), "`{step}` is not in\n{text}");
    }
    refused_once(&with_fault(&line.replace("steps: 4", "steps: 9")), "out_of_range", "fewer steps");
    refused_once(&with_fault(&line.replace("steps: 4", "steps: 1")), "out_of_range", "2 to 100");
    refused_once(
        &with_fault(&line.replace("latency: { latency: 200ms }, ", "")),
        "not_one",
        "exactly one toxic",
    );
}

#[test]
fn a_flap_has_a_duty_cycle_or_two_times() {
    let line =
        "{ name: shaky, in: steady, at: 1s, for: 8s, do: { flap: { groups: all, period: 2s, duty: 75% } } }";
    let (up, down) = (Duration::from_millis(1500), Duration::from_millis(500));
    assert_eq!(plan_of(&with_fault(line)).faults[0].action, FaultAction::Flap { up, down });
    refused_once(&with_fault(&line.replace("75%", "99%")), "out_of_range", "`down` is at least 100ms");
    refused_once(&with_fault(&line.replace("period: 2s", "up: 2s")), "not_one", "period: 2500ms");
    refused_once(&with_fault(&line.replace("period: 2s, duty: 75%", "up: 2s")), "not_one", "up: 2s");
}

const NEMESIS: &str = "nemesis: { in: steady, seed: 3, rate: 0.5/s, stop: 18s, mix: [
  { do: { reset: { link: office } }, for: 1s, up-to: 2s, weight: 3 },
  { do: { toxic: { link: office, latency: { latency: 100ms } } }, for: 1s } ] }\ngates:";

fn with_nemesis(nemesis: &str) -> String {
    changed(JITTER, "").replace("gates:", nemesis)
}

#[test]
fn a_nemesis_is_drawn_from_its_seed_alone() {
    let plan = plan_of(&with_nemesis(NEMESIS));
    let drawn = |plan: &Plan| -> Vec<_> {
        plan.faults.iter().filter(|fault| fault.name.starts_with("nemesis-")).cloned().collect()
    };
    let faults = drawn(&plan);
    assert!(faults.len() >= 2, "{faults:?}");
    assert_eq!(drawn(&plan_of(&with_nemesis(NEMESIS).replace("seed: 7", "seed: 8"))), faults);
    assert_ne!(drawn(&plan_of(&with_nemesis(&NEMESIS.replace("seed: 3", "seed: 4")))), faults);
    let text = explain(&plan);
    for fault in &faults {
        assert!(text.contains(&format!("  {}: {} to {}", fault.name, fault.from, fault.until)), "{text}");
    }
}

#[test]
fn faults_of_a_nemesis_follow_one_another_and_end_before_its_stop() {
    let mut resets = 0;
    let mut all = 0;
    for seed in 0..50 {
        let nemesis = NEMESIS.replace("seed: 3", &format!("seed: {seed}")).replace("0.5/s", "5/s");
        let plan = plan_of(&with_nemesis(&nemesis));
        let faults: Vec<_> = plan.faults.iter().filter(|fault| fault.name.starts_with("nemesis-")).collect();
        let phase = &plan.phases[1];
        for fault in &faults {
            let length = fault.until - fault.from;
            assert!(
                fault.from >= phase.from && fault.until <= phase.from + Duration::from_secs(18),
                "{fault:?}"
            );
            assert!(
                (Duration::from_millis(999)..=Duration::from_millis(2001)).contains(&length),
                "{fault:?}"
            );
        }
        for pair in faults.windows(2) {
            assert!(pair[0].until + Duration::from_millis(1999) <= pair[1].from, "{pair:?}");
        }
        resets += faults.iter().filter(|fault| fault.action == FaultAction::Reset).count();
        all += faults.len();
    }
    // Three of four by weight.
    let share = resets as f64 / all as f64;
    assert!((0.6..0.9).contains(&share), "{resets} of {all}");
}

#[test]
fn a_nemesis_is_refused_as_faults_are() {
    refused_once(&with_nemesis(&NEMESIS.replace("in: steady", "in: stedy")), "unknown_phase", "steady");
    refused_once(&with_nemesis(&NEMESIS.replace("stop: 18s", "stop: 21s")), "outside_phase", "lasts 20s");
    refused_once(&with_nemesis(&NEMESIS.replace("0.5/s", "0/s")), "zero", "rate");
    refused_once(&with_nemesis(&NEMESIS.replace("up-to: 2s", "up-to: 500ms")), "out_of_range", "up-to");
    refused_once(
        &with_nemesis(&NEMESIS.replace("reset: { link: office }", "disconnect: {}")),
        "not_supported",
        "disconnect",
    );
    refused_once(&with_nemesis(&NEMESIS.replace("stop: 18s", "stop: 600ms")), "no_samples", "raise `rate`");
}
