use std::time::Duration;

use shakedown_model::event::AttemptOutcome;
use shakedown_model::fault::{Bite, FaultAction, ServerFault};
use shakedown_model::floor::{Chain, Floor, FloorShape};
use shakedown_model::gate::{Measure, Op, Scope, Stat, Threshold};
use shakedown_model::manifest::RunStatus;
use shakedown_model::verdict::Outcome::{self, Fail, Pass, Unknown};
use shakedown_model::verdict::Verdict;

use super::*;
use crate::testing::{MS, Tiny, ms};

fn outcome(tiny: &Tiny, name: &str) -> Outcome {
    tiny.finding(name).0
}

/// Adds `n` lags in the steady phase, far from any burst unless `due` says otherwise.
fn lags(mut tiny: Tiny, n: u64, due: u64, late_ms: u64) -> Tiny {
    for _ in 0..n {
        tiny = tiny.lag(due, late_ms * MS);
    }
    tiny
}

#[test]
fn a_calm_run_is_valid() {
    let validity = Tiny::calm().judgement().validity;
    assert!(validity.findings.iter().all(|finding| finding.outcome == Pass), "{validity:?}");
}

#[test]
fn scheduler_lag_is_bounded_at_its_p99_by_the_tightest_gate() {
    // 550 samples lie in measured phases: six late ones are beyond p99.
    assert_eq!(outcome(&lags(Tiny::calm(), 5, 10_000, 6), "scheduler-lag"), Pass);
    let late = lags(Tiny::calm(), 60, 10_000, 6);
    assert_eq!(outcome(&late, "scheduler-lag"), Fail);
    assert_eq!(late.judgement().verdict, Verdict::Invalid);
    let bound = |time| (Op::Below, Threshold::Time(Duration::from_millis(time)));
    let gated = late.gate(Measure::Reconnect, Stat::Max, bound(900), Scope::Run);
    assert_eq!(outcome(&gated, "scheduler-lag"), Pass);
    assert_eq!(
        outcome(&gated.gate(Measure::Detect, Stat::Max, bound(40), Scope::Run), "scheduler-lag"),
        Fail
    );
}

#[test]
fn lag_in_a_burst_counts_beyond_twice_the_floor() {
    // 1,000 listeners: a floor of 20 ms, a burst of 100 + 40 ms.
    let crowd = Tiny::calm().planned(|plan| {
        plan.groups[0].count = 500;
        plan.groups[1].first = WatcherId(500);
        plan.groups[1].count = 500;
    });
    let crowd = crowd.acked(0, 2, 10_000, 10_010);
    assert_eq!(outcome(&lags(crowd.clone(), 60, 10_100, 44), "scheduler-lag"), Pass);
    assert_eq!(outcome(&lags(crowd.clone(), 60, 10_100, 46), "scheduler-lag"), Fail);
    assert_eq!(
        outcome(&lags(crowd.clone(), 60, 10_005, 20), "scheduler-lag"),
        Pass,
        "it ran within the burst"
    );
    assert_eq!(outcome(&lags(crowd.clone(), 60, 10_160, 20), "scheduler-lag"), Fail, "the burst is over");
    assert_eq!(
        outcome(&lags(crowd.acked(1, 2, 10_020, 10_030), 60, 10_100, 84), "scheduler-lag"),
        Pass,
        "they add up"
    );
}

#[test]
fn a_run_that_measured_its_floor_is_judged_by_it() {
    let shape = FloorShape { chain: Chain::GrpcPush, connections: 1_000, payload_bytes: 512 };
    let crowd = Tiny::calm().planned(|plan| {
        plan.groups[0].count = 500;
        plan.groups[1].first = WatcherId(500);
        plan.groups[1].count = 500;
    });
    let mut crowd = crowd.acked(0, 2, 10_000, 10_010);
    // 30 µs a listener: a floor of 30 ms.
    crowd.input.manifest.floors =
        vec![Floor { shape, rounds: 7, count: 7_000, stats_ns: [1; 5], last_ns: 30 * MS }];
    assert_eq!(outcome(&lags(crowd.clone(), 60, 10_100, 64), "scheduler-lag"), Pass);
    assert_eq!(outcome(&lags(crowd, 60, 10_100, 66), "scheduler-lag"), Fail);
}

#[test]
fn receive_queue_lag_has_the_scheduler_s_limit_and_bursts() {
    let receive = |mut tiny: Tiny, n: u64, sent: u64, late_ms: u64| {
        for _ in 0..n {
            tiny = tiny.receive_lag(sent, late_ms * MS);
        }
        outcome(&tiny, "receive-queue-lag")
    };
    // 550 samples lie in measured phases: six late ones are beyond p99.
    let table = [
        (5, 10_000, 6, Pass, "below p99"),
        (60, 10_000, 5, Pass, "at the limit"),
        (60, 10_000, 6, Fail, "beyond it"),
        (500, 2_000, 90, Pass, "in warm-up"),
    ];
    for (n, sent, late, expected, what) in table {
        assert_eq!(receive(Tiny::calm(), n, sent, late), expected, "{what}");
    }
    let late = (0..60).fold(Tiny::calm(), |tiny, _| tiny.receive_lag(10_000, 6 * MS));
    assert_eq!(outcome(&late, "scheduler-lag"), Pass, "each has its own finding");
    assert_eq!(late.judgement().verdict, Verdict::Invalid);
    let bound = (Op::Below, Threshold::Time(Duration::from_millis(90)));
    let gated = Tiny::calm().gate(Measure::Detect, Stat::Max, bound, Scope::Run);
    assert_eq!(receive(gated.clone(), 60, 10_000, 9), Pass, "a tenth of the tightest gate");
    assert_eq!(receive(gated, 60, 10_000, 10), Fail);
    let crowd = Tiny::calm().planned(|plan| {
        plan.groups[0].count = 500;
        plan.groups[1].first = WatcherId(500);
        plan.groups[1].count = 500;
    });
    let crowd = crowd.acked(0, 2, 10_000, 10_010);
    assert_eq!(receive(crowd.clone(), 60, 10_100, 44), Pass, "twice the floor of 20 ms and the limit");
    assert_eq!(receive(crowd.clone(), 60, 10_100, 46), Fail);
    assert_eq!(receive(crowd, 60, 10_160, 20), Fail, "the burst is over");
}

#[test]
fn without_samples_of_the_receive_queue_nothing_is_known() {
    let mut tiny = Tiny::calm();
    tiny.input.events.retain(|event| !matches!(event, shakedown_model::event::Event::ReceiveLag { .. }));
    let few = (0..9).fold(tiny.clone(), |tiny, _| tiny.receive_lag(10_000, 90 * MS));
    assert_eq!(few.finding("receive-queue-lag"), (Unknown, "only 9 samples in measured phases".to_owned()));
    assert_eq!(outcome(&few.receive_lag(10_000, 90 * MS), "receive-queue-lag"), Fail, "ten are enough");
    assert_eq!(tiny.judgement().verdict, Verdict::Unknown);
}

#[test]
fn without_lag_samples_nothing_is_known() {
    let mut tiny = Tiny::calm();
    tiny.input.events.retain(|event| !matches!(event, shakedown_model::event::Event::Lag { .. }));
    assert_eq!(outcome(&tiny, "scheduler-lag"), Unknown);
    assert_eq!(tiny.judgement().verdict, Verdict::Unknown);
}

#[test]
fn lateness_of_warm_up_does_not_count() {
    assert_eq!(outcome(&lags(Tiny::calm(), 500, 2_000, 90), "scheduler-lag"), Pass);
}

#[test]
fn a_mutator_that_sends_late_makes_the_run_invalid() {
    let mut tiny = Tiny::calm().acked(0, 2, 10_000, 10_200);
    let Some(shakedown_model::event::Event::Publish(publish)) = tiny.input.events.last_mut() else {
        panic!()
    };
    publish.sent = ms(10_004);
    assert_eq!(outcome(&tiny, "mutator-lateness"), Pass);
    let Some(shakedown_model::event::Event::Publish(publish)) = tiny.input.events.last_mut() else {
        panic!()
    };
    publish.sent = ms(10_006);
    assert_eq!(outcome(&tiny, "mutator-lateness"), Fail);
}

#[test]
fn stolen_time_counts_when_it_is_more_than_a_second_or_a_twentieth() {
    let steal = |seconds: usize| {
        let mut tiny = Tiny::calm();
        tiny.input.self_samples[20..20 + seconds].iter_mut().for_each(|sample| sample.steal_share = 0.3);
        outcome(&tiny, "cpu-steal")
    };
    assert_eq!([steal(1), steal(2), steal(4)], [Pass, Pass, Fail]);
    let mut none = Tiny::calm();
    none.input.self_samples.clear();
    assert_eq!(outcome(&none, "cpu-steal"), Unknown);
}

#[test]
fn a_full_queue_counts_unless_its_server_stands_still_on_purpose() {
    let overflows = |is_paused: bool, seconds: &[usize]| {
        let mut tiny = Tiny::calm().planned(|plan| {
            if is_paused {
                plan.faults[0].action = FaultAction::Server { fault: ServerFault::Pause };
            }
        });
        seconds.iter().for_each(|second| tiny.input.self_samples[*second].listen_overflows = 7);
        outcome(&tiny, "listener-overflows")
    };
    assert_eq!([overflows(false, &[]), overflows(false, &[26])], [Pass, Fail]);
    // It stands still from 25 s to 35 s, and empties its queue in the seconds after.
    assert_eq!(
        [overflows(true, &[26, 37]), overflows(true, &[20]), overflows(true, &[26, 60])],
        [Pass, Fail, Fail]
    );
}

#[test]
fn trouble_of_the_harness_makes_the_run_invalid() {
    let local = Tiny::calm().attempt(0, 0, (500, 500), AttemptOutcome::Local);
    let mut remark = Tiny::calm();
    remark.input.manifest.remarks.push("ListenOverflows grew by 3".into());
    let stray = Tiny::calm().delivery(9_000, 99, 0, 1);
    let failed = Tiny::calm().status(RunStatus::Failed("the server died".into()));
    let killed = Tiny::calm().status(RunStatus::Running);
    let mut corrupt = Tiny::calm();
    corrupt.input.history_end = HistoryEnd::Corrupt { block: 4, byte: 99 };
    for (name, tiny) in [
        ("local-attempts", local),
        ("remark", remark),
        ("recording", stray),
        ("recording", Tiny::calm().cut_short()),
        ("recording", corrupt),
        ("run-end", failed),
        ("run-end", killed),
    ] {
        let judgement = tiny.judgement();
        assert_eq!(
            (outcome(&tiny, name), judgement.verdict, judgement.exit_code),
            (Fail, Verdict::Invalid, 3),
            "{name}"
        );
        assert!(judgement.reason.contains(name), "{}", judgement.reason);
    }
}

#[test]
fn a_fault_that_did_not_bite_makes_the_run_unknown_and_not_invalid() {
    let change = |change: fn(&mut shakedown_model::fault::FaultWindow)| {
        let mut tiny = Tiny::calm();
        change(&mut tiny.input.faults[0]);
        tiny
    };
    let missed = change(|window| window.bite = Bite::Missed("0 of 3 probes were held".into()));
    let trouble = change(|window| window.trouble = Some("one proxy did not answer".into()));
    let halfway = change(|window| window.applied = None);
    let mut never = Tiny::calm();
    never.input.faults.remove(0);
    for tiny in [missed, trouble, halfway, never] {
        let judgement = tiny.judgement();
        assert_eq!((judgement.verdict, judgement.validity.is_valid), (Verdict::Unknown, true));
        assert_eq!(judgement.faults[0].outcome, Unknown);
        assert!(judgement.reason.contains("split"), "{}", judgement.reason);
    }
    let not_measured = change(|window| window.bite = Bite::NotMeasured("done by the harness".into()));
    assert_eq!(not_measured.judgement().faults[0].outcome, Pass);
}

#[test]
fn watchers_that_come_after_the_warm_up_are_found() {
    let late = |at: Option<u64>| {
        let mut tiny = Tiny::calm();
        tiny.input.events.retain(
            |event| !matches!(event, shakedown_model::event::Event::Subscribed { watcher, .. } if watcher.0 == 3),
        );
        at.map_or(tiny.clone(), |at| tiny.subscribed(at, 3))
    };
    assert_eq!(outcome(&late(Some(5_000)), "ramp"), Pass);
    assert_eq!(outcome(&late(Some(5_001)), "ramp"), Unknown);
    assert_eq!(outcome(&late(None), "ramp"), Unknown);
    let no_warm_up = late(Some(5_001)).planned(|plan| {
        plan.phases[0].is_measured = true;
    });
    assert_eq!(outcome(&no_warm_up, "ramp"), Pass);
}

#[test]
fn more_than_one_percent_seen_before_the_ack_leaves_no_verdict() {
    // Fifty mutations of four watchers: 200 samples, two of which may be negative.
    let run = |early: u32| {
        let mut tiny = Tiny::calm();
        for n in 0..50_u32 {
            let at = 5_500 + 100 * u64::from(n);
            tiny = tiny.acked(0, n + 2, at, at + 20);
            for watcher in 0..4 {
                let is_early = n < early && watcher == 0;
                tiny = tiny.delivery(at + if is_early { 10 } else { 30 }, watcher, 0, n + 2);
            }
        }
        tiny.final_read(81_900, 0, Some(51))
    };
    assert_eq!(outcome(&run(2), "acks"), Pass);
    assert_eq!(outcome(&run(3), "acks"), Unknown);
    assert_eq!(run(3).finding("acks").1, "3 of 200 deliveries were seen before their ack; the limit is 1 %");
    let judgement = run(3).judgement();
    assert_eq!((judgement.verdict, judgement.validity.is_valid), (Verdict::Unknown, true));
    assert_eq!(outcome(&Tiny::calm(), "acks"), Pass, "of none, none");
    let nodes = |backend| {
        let tiny = run(3).planned(|plan| plan.server.nodes = 3);
        tiny.planned(|plan| plan.server.backend = backend).finding("acks")
    };
    assert_eq!(nodes(Backend::Embedded).0, Unknown, "its nodes tell each other after the ack");
    let seen = "3 of 200 deliveries were seen before their ack: \
                a node of a cluster pushes before another one answers; see end-to-end";
    assert_eq!(nodes(Backend::Process), (Pass, seen.to_owned()));
    let alone = run(3).planned(|plan| plan.server.backend = Backend::Process);
    assert_eq!(outcome(&alone, "acks"), Unknown, "one node acks what it stored");
}

#[test]
fn mutations_that_were_never_sent_leave_no_verdict() {
    // One a second: 59 from 1 s to 59 s, and none in the second before each fault.
    let run = |sent: u32| {
        let mut tiny = Tiny::calm().planned(|plan| {
            plan.mutator.arrivals = shakedown_model::plan::Arrivals::Constant { per_second: 1.0 }
        });
        for n in 0..sent {
            let at = 1_000 + 1_000 * u64::from(n);
            tiny = tiny.acked(0, n + 2, at, at + 5).deliveries(at + 50, 0..4, 0, n + 2);
        }
        tiny
    };
    let planned = u32::try_from(run(0).judgement().counts.unsent).unwrap();
    assert!(planned > 50, "{planned}");
    assert_eq!(outcome(&run(planned), "mutations"), Pass);
    assert_eq!(outcome(&run(planned - 1), "mutations"), Unknown);
    let text = run(planned - 1).finding("mutations").1;
    assert_eq!(text, format!("1 of {planned} planned mutations were not sent; the limit is 1 %"));
    let stopped = run(planned - 20).status(RunStatus::Interrupted);
    assert_eq!(outcome(&stopped, "mutations"), Pass, "an interrupted run was not to send them");
}

#[test]
fn every_finding_names_its_numbers() {
    let validity = Tiny::calm().judgement().validity;
    let names: Vec<_> = validity.findings.iter().map(|finding| finding.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "recording",
            "run-end",
            "scheduler-lag",
            "receive-queue-lag",
            "mutator-lateness",
            "acks",
            "mutations",
            "cpu-steal",
            "listener-overflows",
            "local-attempts",
            "ramp",
            "fault-bites"
        ]
    );
    for limited in ["scheduler-lag", "receive-queue-lag", "acks", "mutations"] {
        assert!(Tiny::calm().finding(limited).1.contains("the limit"), "{limited}");
    }
}
