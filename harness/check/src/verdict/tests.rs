use std::time::Duration;

use shakedown_model::event::Corruption;
use shakedown_model::gate::{Measure, Op, Scope, Stat, Threshold};
use shakedown_model::manifest::RunStatus;
use shakedown_model::verdict::{Guarantee, Verdict};

use crate::testing::{STEADY, Tiny};

const NO_TIME: (Op, Threshold) = (Op::Below, Threshold::Time(Duration::from_millis(1)));

/// One change that everybody got after 100 ms.
fn good() -> Tiny {
    Tiny::calm().acked(0, 2, 10_000, 10_010).deliveries(10_100, 0..4, 0, 2).final_read(81_900, 0, Some(2))
}

fn failed_gate(tiny: Tiny) -> Tiny {
    tiny.gate(Measure::EndToEnd, Stat::Max, NO_TIME, STEADY)
}

fn unknown_gate(tiny: Tiny) -> Tiny {
    tiny.gate(Measure::Reconnect, Stat::P99, NO_TIME, Scope::Run)
}

/// A safety violation.
fn torn(tiny: Tiny) -> Tiny {
    tiny.corrupt(12_000, 0, Corruption::Md5)
}

/// A violation that is none of safety.
fn lost(tiny: Tiny) -> Tiny {
    tiny.final_read(81_950, 0, Some(1))
}

#[test]
fn precedence_and_exit_codes() {
    let optional = |tiny: Tiny| tiny.planned(|plan| plan.required = vec![Guarantee::Monotonic]);
    let interrupted = RunStatus::Interrupted;
    let cases: [(&str, Tiny, Verdict, u8); 14] = [
        ("good", good(), Verdict::Pass, 0),
        ("gate failed", failed_gate(good()), Verdict::GateFailed, 1),
        ("violated", lost(good()), Verdict::Violated, 2),
        ("unknown", unknown_gate(good()), Verdict::Unknown, 3),
        ("2 beats 1", failed_gate(lost(good())), Verdict::Violated, 2),
        ("1 beats 3", failed_gate(unknown_gate(good())), Verdict::GateFailed, 1),
        ("2 beats 3", unknown_gate(torn(good())), Verdict::Violated, 2),
        ("not required", optional(torn(good())), Verdict::Pass, 0),
        ("invalid", good().cut_short(), Verdict::Invalid, 3),
        ("invalid beats gates", failed_gate(good()).cut_short(), Verdict::Invalid, 3),
        ("invalid beats liveness", lost(good()).status(RunStatus::Running), Verdict::Invalid, 3),
        ("safety beats invalid", torn(failed_gate(good())).cut_short(), Verdict::Violated, 2),
        ("interrupted", good().status(interrupted.clone()), Verdict::Interrupted, 130),
        (
            "interrupted after a violation",
            torn(failed_gate(good())).status(interrupted),
            Verdict::Interrupted,
            130,
        ),
    ];
    for (name, tiny, verdict, code) in cases {
        let judgement = tiny.judgement();
        assert_eq!((judgement.verdict, judgement.exit_code), (verdict, code), "{name}: {}", judgement.reason);
        assert!(!judgement.reason.contains('\n') && !judgement.reason.is_empty(), "{name}");
    }
}

#[test]
fn the_reason_says_what_decided() {
    let reason = |tiny: Tiny| tiny.judgement().reason;
    assert_eq!(reason(failed_gate(good())), "gate `end-to-end.max < bound` failed for modern: 100 ms (n=2)");
    assert_eq!(
        reason(unknown_gate(good())),
        "gate `reconnect.p99 < bound` is unknown for modern: no samples"
    );
    assert_eq!(
        reason(lost(good())),
        "guarantee `nothing-lost` was violated: 1 final read of 2 did not return the last acked value"
    );
    assert_eq!(
        reason(torn(good()).status(RunStatus::Interrupted)),
        "interrupted at 82.000s; before that, guarantee `intact` was violated: 1 content did not verify, beside 12 that did"
    );
    assert_eq!(reason(good()), "10 guarantees held");
    assert!(
        reason(good().cut_short())
            .starts_with("the run is invalid: recording: history.bin is cut short in block 3")
    );
}
