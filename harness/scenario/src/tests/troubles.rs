//! What server nodes are told to do wrong: what is planned, how it is explained, and what cannot be.

use std::time::Duration;

use shakedown_model::fault::{
    ALL_PPM, AnswerTrouble, BadAnswer, CallKind, Calls, FaultAction, NodeTrouble, ServerFault, StreamTrouble,
};

use super::*;

const DOES: &str = "{ toxic: { link: office, latency: { latency: 200ms } } }";
const SERVERS: &str = "backend: embedded, embedded: { dump-tick: 50ms }";

fn trouble(does: &str) -> (NodeTrouble, String) {
    let plan = load_base(&changed(DOES, does)).unwrap_or_else(|problems| panic!("{problems}")).plan;
    let FaultAction::Server { fault: ServerFault::Trouble { trouble } } = plan.faults[0].action else {
        panic!("{:?}", plan.faults[0]);
    };
    assert_eq!(plan.faults[0].groups.len(), plan.groups.len());
    (trouble, explain(&plan))
}

#[test]
fn every_bad_answer_is_planned_and_explained() {
    for (with, bad, shown) in [
        ("status: 503", BadAnswer::Status(503), "with 503"),
        ("slow: 2s", BadAnswer::Slow(Duration::from_secs(2)), "2s late"),
        ("slow_body: 100B", BadAnswer::SlowBody(100), "with a body of 100B a second"),
        ("truncated: {}", BadAnswer::Truncated, "with half a body and a broken connection"),
        ("wrong_length: {}", BadAnswer::WrongLength, "with half a body that is said to be whole"),
        ("garbage: {}", BadAnswer::Garbage, "with garbage"),
    ] {
        let does = format!("{{ answers: {{ to: [reads, writes], share: 25%, with: {{ {with} }} }} }}");
        let (planned, text) = trouble(&does);
        let to = Calls::default().with(CallKind::Read).with(CallKind::Write);
        assert_eq!(planned, NodeTrouble::Answers(AnswerTrouble { to, share_ppm: 250_000, bad }));
        let line = format!("does: 25% of reads and writes are answered {shown}\n");
        assert!(text.contains(&line), "`{line}` is not in\n{text}");
    }
    let (planned, _) = trouble("{ answers: { with: { status: 404 } } }");
    let to = Calls::default().with(CallKind::Read).with(CallKind::Listen);
    assert_eq!(
        planned,
        NodeTrouble::Answers(AnswerTrouble { to, share_ppm: ALL_PPM, bad: BadAnswer::Status(404) })
    );
}

#[test]
fn streams_and_connections_are_troubled_by_name() {
    for (name, what, shown) in [
        ("go_away", StreamTrouble::GoAway, "40% of the live gRPC connections get a GOAWAY"),
        ("rst_stream", StreamTrouble::RstStream, "is reset on 40% of"),
        ("stalled_window", StreamTrouble::StalledWindow, "no DATA leaves on 40% of"),
        ("swallowed_ack", StreamTrouble::SwallowedAck, "40% of the acknowledgements of pushes are not seen"),
    ] {
        let (planned, text) = trouble(&format!("{{ {name}: {{ share: 40% }} }}"));
        assert_eq!(planned, NodeTrouble::Stream { what, share_ppm: 400_000 });
        assert!(text.contains(shown), "`{shown}` is not in\n{text}");
    }
    let (planned, text) = trouble("{ evict: {} }");
    assert_eq!(planned, NodeTrouble::Evict { share_ppm: ALL_PPM });
    assert!(text.contains("100% of the gRPC connections are asked to connect elsewhere"), "{text}");
    let (planned, text) = trouble("{ drifted_md5: { share: 20% } }");
    assert_eq!(planned, NodeTrouble::DriftedMd5 { share_ppm: 200_000 });
    assert!(text.contains("20% of what clients hold is told as changed, though it is not"), "{text}");
}

#[test]
fn troubles_that_cannot_be_are_refused() {
    let with = |does: &str| changed(DOES, does);
    refused_once(&with("{ answers: { with: { status: 200 } } }"), "out_of_range", "`503`");
    refused_once(&with("{ answers: { to: [], with: { status: 503 } } }"), "zero", "no kind of call");
    refused_once(&with("{ answers: { with: { slow_body: 0B } } }"), "zero", "slow_body");
    refused_once(&with("{ answers: { with: { slow: 11m } } }"), "out_of_range", "600s");
    refused_once(&with("{ evict: { share: 0% } }"), "zero", "`share`");
    refused_once(&with("{ go_away: { nodes: [3] } }"), "unknown_node", "there is no node 3");
    refused_once(&with("{ expire_tokens: {} }"), "not_supported", "give `server` a `login`");
    let real = with("{ rst_stream: {} }").replace(SERVERS, "backend: process, home: nacos");
    refused_once(&real, "not_supported", "a real server cannot be told `rst_stream`");
}

#[test]
fn two_different_troubles_may_overlap_and_two_of_a_kind_may_not() {
    let second = "  - { name: other, in: steady, at: 2s, for: 3s, do: { WHAT } }\n  - { name: split,";
    let base = changed(DOES, "{ swallowed_ack: {} }");
    let beside = |what: &str| base.replace("  - { name: split,", &second.replace("WHAT", what));
    let warned = load_base(&beside("answers: { with: { status: 503 } }")).unwrap();
    assert_eq!(warned.plan.faults.len(), 3);
    refused(&beside("swallowed_ack: { share: 10% }"), "overlap", "does the same to the same watchers");
}
