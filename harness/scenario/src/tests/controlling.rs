//! What strangers do to the control plane: what is planned, how it is explained, and what cannot be.

use std::time::Duration;

use shakedown_model::fault::{ControlFault, FaultAction, Overload, StrayWrite};

use super::*;

const DOES: &str = "{ toxic: { link: office, latency: { latency: 200ms } } }";

fn planned(does: &str) -> (ControlFault, String) {
    let plan = load_base(&changed(DOES, does)).unwrap_or_else(|problems| panic!("{problems}")).plan;
    let FaultAction::Control { fault } = plan.faults[0].action else { panic!("{:?}", plan.faults[0]) };
    assert_eq!((plan.faults[0].groups.len(), plan.faults[0].action.cuts()), (plan.groups.len(), false));
    (fault, explain(&plan))
}

#[test]
fn a_load_profile_has_defaults() {
    let (fault, text) = planned("{ overload: { users: 40 } }");
    let load = Overload { users: 40, reads: 8, publishes: 1, logins: 0, pause: Duration::ZERO };
    assert_eq!(fault, ControlFault::Overload(load));
    assert!(
        text.contains("does: 40 users call with no pause: reads, publishes and logins as 8 : 1 : 0\n"),
        "{text}"
    );
}

#[test]
fn every_stray_write_has_its_name() {
    for (name, what, shown) in [
        ("oversize", StrayWrite::Oversize, "more than the server takes"),
        ("lost_race", StrayWrite::LostRace, "names an MD5 that it has not, every 200ms"),
        ("wrong_group", StrayWrite::WrongGroup, "in another group"),
        ("wrong_namespace", StrayWrite::WrongNamespace, "in another namespace"),
    ] {
        let (fault, text) = planned(&format!("{{ stray_writes: {{ what: {name} }} }}"));
        assert_eq!(fault, ControlFault::StrayWrites { what, every: Duration::from_millis(200) });
        assert_eq!(fault.name(), name);
        assert!(text.contains(shown), "`{shown}` is not in\n{text}");
    }
}

#[test]
fn strangers_that_cannot_be_are_refused() {
    let with = |does: &str| changed(DOES, does);
    refused_once(&with("{ overload: { users: 0 } }"), "out_of_range", "1 to 1000");
    refused_once(&with("{ overload: { users: 1, reads: 0, publishes: 0 } }"), "zero", "nothing to do");
    refused_once(&with("{ overload: { users: 1, logins: 1 } }"), "not_supported", "`login`");
    refused_once(&with("{ stray_writes: { what: oversize, every: 0s } }"), "zero", "every");
    refused_once(&with("{ stray_writes: { what: lost-race } }"), "unknown_word", "lost_race");
    let deletes = with("{ stray_writes: { what: lost_race } }")
        .replace("{ poisson: 10/s } }", "{ poisson: 10/s }, kinds: { write: 9, delete: 1 } }");
    refused_once(&deletes, "conflict", "whatever MD5 it names");
}

#[test]
fn invalid_content_is_a_share_of_the_writes_and_needs_no_proxy() {
    for (does, share_ppm, words) in [
        ("{ invalid_content: {} }", 1_000_000, "100%"),
        ("{ invalid_content: { share: 20% } }", 200_000, "20%"),
    ] {
        let plan = load_base(&changed(DOES, does)).unwrap_or_else(|problems| panic!("{problems}")).plan;
        assert_eq!(plan.faults[0].action, FaultAction::InvalidContent { share_ppm });
        assert!(!plan.faults[0].action.cuts() && plan.faults[0].groups.len() == plan.groups.len());
        let text = explain(&plan);
        assert!(text.contains(&format!("does: {words} of the writes have content that no")), "{text}");
    }
    refused_once(&changed(DOES, "{ invalid_content: { share: 0% } }"), "zero", "share");
}
