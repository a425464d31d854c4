//! Bad answers and troubled streams by the proxies: what is planned, how it is explained, and what cannot be.

use shakedown_model::GroupId;
use shakedown_model::fault::{
    ALL_PPM, AnswerTrouble, BadAnswer, CallKind, Calls, FaultAction, FaultPlan, PathTrouble, StreamTrouble,
};

use super::*;

const DOES: &str = "{ toxic: { link: office, latency: { latency: 200ms } } }";
const SERVERS: &str = "backend: embedded, embedded: { dump-tick: 50ms }";

fn with(does: &str) -> String {
    changed(DOES, does)
}

fn planned(text: &str) -> (FaultPlan, String) {
    let plan = load_base(text).unwrap_or_else(|problems| panic!("{problems}")).plan;
    (plan.faults[0].clone(), explain(&plan))
}

#[test]
fn a_link_or_groups_leave_it_to_the_proxies_before_any_server() {
    let answers = with("{ answers: { link: office, to: [reads], share: 25%, with: { status: 403 } } }");
    for text in [answers.clone(), answers.replace(SERVERS, "backend: process, home: nacos")] {
        let (fault, shown) = planned(&text);
        let to = Calls::default().with(CallKind::Read);
        let trouble = AnswerTrouble { to, share_ppm: 250_000, bad: BadAnswer::Status(403) };
        assert_eq!(fault.action, FaultAction::Path { trouble: PathTrouble::Answers(trouble) });
        assert!(!fault.groups.contains(&GroupId(0)), "`legacy` is on another link: {fault:?}");
        let line = "does: 25% of reads are answered with 403, by the proxies\n";
        assert!(shown.contains(line), "{shown}");
    }
    for (name, what) in [
        ("go_away", StreamTrouble::GoAway),
        ("rst_stream", StreamTrouble::RstStream),
        ("stalled_window", StreamTrouble::StalledWindow),
        ("swallowed_ack", StreamTrouble::SwallowedAck),
    ] {
        let (fault, _) = planned(&with(&format!("{{ {name}: {{ groups: [modern] }} }}")));
        let trouble = PathTrouble::Stream { what, share_ppm: ALL_PPM };
        assert_eq!((fault.action, fault.groups), (FaultAction::Path { trouble }, vec![GroupId(1)]));
    }
}

#[test]
fn what_a_proxy_cannot_do_is_refused() {
    let real = with("{ go_away: {} }").replace(SERVERS, "backend: process, home: nacos");
    refused_once(&real, "not_supported", "give the fault a `link`, or `groups: all`");
    let toxiproxy = with("{ go_away: { groups: all } }").replace("kind: embedded", "kind: toxiproxy");
    refused_once(&toxiproxy, "not_supported", "Toxiproxy has no `go_away`");
    refused_once(
        &with("{ rst_stream: { groups: [legacy] } }"),
        "not_supported",
        "none of these groups speaks",
    );
    let to =
        |to: &str| with(&format!("{{ answers: {{ groups: all, to: [{to}], with: {{ garbage: {{}} }} }} }}"));
    refused_once(&to("reads, writes"), "not_supported", "writes go straight to the servers");
    refused_once(&to("logins"), "not_supported", "log in straight at the servers");
    refused_once(&with("{ swallowed_ack: { link: nowhere } }"), "unknown_link", "`nowhere`");
}
