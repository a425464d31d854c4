//! Planted defects: each breaks the guarantees that it is for, and no other.

use crate::support::{CALM, TINY, WITHOUT_THE_RACE, beside_others, run_scenario};

/// What never converges would drain for the whole of `delivery-timeout`; idle watchers have enough time in this.
const SHORT_DRAIN: &str = "delivery-timeout=4s";

/// Runs a scenario with a defect and compares the set of violated guarantees.
fn breaks(scenario: &str, defect: &str, expected: &[&str]) {
    breaks_with(scenario, &[defect], expected);
}

/// The same with a defect that needs more than the scenario has.
fn breaks_with(scenario: &str, overrides: &[&str], expected: &[&str]) {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    let mut args = WITHOUT_THE_RACE.to_vec();
    args.extend(overrides.iter().flat_map(|one| ["--set", *one]));
    let done = run_scenario(scenario, dir.path(), &args);
    let json = done.json();
    let violated: Vec<&str> = json["guarantees"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|guarantee| guarantee["outcome"] == "fail")
        .map(|guarantee| guarantee["name"].as_str().unwrap())
        .collect();
    assert_eq!(violated, expected, "{json:#}");
    assert!(json["guarantees"].as_array().unwrap().iter().all(|guarantee| {
        guarantee["outcome"] != "fail" || !guarantee["witness"].as_array().unwrap().is_empty()
    }));
    assert_eq!(done.code, 2, "{json:#}");
}

#[test]
fn a_lost_write_breaks_nothing_lost() {
    breaks_with(CALM, &["server.embedded.defect=lose-write", SHORT_DRAIN], &["nothing-lost"]);
}

#[test]
fn a_forgotten_watcher_breaks_converges() {
    breaks_with(CALM, &["server.embedded.defect=forget-watcher", SHORT_DRAIN], &["converges"]);
}

#[test]
fn an_old_answer_breaks_monotonic() {
    breaks(CALM, "server.embedded.defect=answer-old", &["monotonic"]);
}

#[test]
fn torn_content_breaks_intact() {
    // Who received the last version torn asks again with its next resync.
    let overrides = ["server.embedded.defect=tear-content", "watchers.pushed.client.resync=2s"];
    breaks_with(CALM, &overrides, &["intact"]);
}

#[test]
fn an_invented_version_breaks_nothing_invented() {
    breaks(CALM, "server.embedded.defect=invent-version", &["nothing-invented"]);
}

#[test]
fn content_of_another_item_breaks_isolated() {
    breaks(CALM, "server.embedded.defect=cross-items", &["isolated"]);
}

#[test]
fn a_gray_release_for_everybody_breaks_isolated() {
    let overrides = [
        "server.embedded.defect=leak-gray",
        "mutations.kinds={ write: 3, gray: 1 }",
        "mutations.gray={ hold: 500ms }",
    ];
    breaks_with(CALM, &overrides, &["isolated"]);
}

#[test]
fn a_listener_that_is_called_twice_breaks_once() {
    breaks(CALM, "watchers.pushed.client.defect=call-twice", &["once"]);
}

#[test]
fn a_client_without_backoff_breaks_within_policy() {
    breaks(TINY, "watchers.pushed.client.defect=no-backoff", &["within-policy"]);
}

#[test]
fn a_torn_snapshot_breaks_safe_failover() {
    breaks(TINY, "watchers.polling.client.defect=torn-snapshot", &["safe-failover"]);
}
