use super::*;
use crate::fixture::Fixture;

fn page_of(fixture: &Fixture) -> String {
    page(fixture.input())
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let html = page_of(&Fixture::rough_run());
    for forbidden in
        ["http://", "https://", "<script", "javascript:", "url(", "@import", "<link", "<img", "<iframe"]
    {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("default-src &#39;none&#39;") || html.contains("default-src 'none'"));
}

#[test]
fn hostile_text_is_inert() {
    let html = page_of(&Fixture::hostile_run());
    assert!(!html.contains("<script"));
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!html.contains("\" onload"), "a quote ends no attribute");
    assert!(!html.contains('\u{1b}') && !html.contains('\u{0}'));
}

#[test]
fn the_verdict_and_its_reason_stand_before_everything_else() {
    let html = page_of(&Fixture::rough_run());
    let verdict = html.find("Violated").unwrap();
    let reason = html.find("monotonic is violated: 1 watcher").unwrap();
    assert!(verdict < reason && reason < html.find("<svg").unwrap());
}

#[test]
fn every_section_is_there() {
    let html = page_of(&Fixture::rough_run());
    for id in [
        "latency",
        "gates",
        "guarantees",
        "faults",
        "by-phase",
        "by-fault",
        "spectrum",
        "reconnect",
        "staleness",
        "validity",
        "repeat",
        "reading",
    ] {
        assert!(html.contains(&format!("<section id=\"{id}\"")), "{id}");
    }
    assert!(html.contains("&gt; 20 s") && html.contains("n too small"));
    assert!(html.contains("version 41 after version 42"), "the witness");
    assert!(html.contains("shakedown run reports/runs/rough/scenario.yaml --seed 7"));
}

#[test]
fn an_empty_run_still_has_a_page_that_says_so() {
    let html = page_of(&Fixture::empty_run());
    for sentence in [
        "interrupted at 2.3 s of 105.0 s",
        "There is no latency to draw",
        "There is no spectrum to draw",
        "There are no attempts to draw",
        "There is no staleness to draw",
        "No gate was judged",
        "No guarantee was judged",
        "No fault was applied",
        "Nothing was measured",
    ] {
        assert!(html.contains(sentence), "{sentence}");
    }
}

#[test]
fn charts_speak_to_screen_readers() {
    let html = page_of(&Fixture::rough_run());
    assert_eq!(html.matches("role=\"img\" aria-label=\"").count(), 8);
}
