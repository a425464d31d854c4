use shakedown_model::plan::{DriverSpec, Protocol};

use super::*;
use crate::fixture::Fixture;

fn page_of(fixture: &Fixture) -> String {
    page(fixture.input())
}

/// The page without its script and the data of it.
fn without_scripts(html: &str) -> String {
    let mut rest = html.to_owned();
    while let (Some(from), Some(until)) = (rest.find("<script"), rest.find("</script>")) {
        rest.replace_range(from..until + "</script>".len(), "");
    }
    rest
}

#[test]
fn the_page_loads_nothing_and_runs_only_its_own_script() {
    let html = page_of(&Fixture::rough_run());
    assert_eq!(html.matches("<script").count(), 2, "the data and the script");
    let shown = without_scripts(&html);
    for forbidden in
        ["http://", "https://", "<script", "javascript:", "url(", "@import", "<link", "<img", "<iframe"]
    {
        assert!(!shown.contains(forbidden), "{forbidden}");
    }
    let policy = html.split_once("content=\"default-src").unwrap().1.split_once('"').unwrap().0;
    assert!(policy.starts_with(" &#39;none&#39;") || policy.starts_with(" 'none'"), "{policy}");
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe-eval"), "{policy}");
}

#[test]
fn hostile_text_is_inert() {
    let html = page_of(&Fixture::hostile_run());
    assert_eq!(html.matches("<script").count(), 2);
    assert_eq!(html.matches("</script").count(), 2);
    let shown = without_scripts(&html);
    assert!(shown.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!shown.contains("\" onload"), "a quote ends no attribute");
    assert!(!html.contains('\u{1b}') && !html.contains('\u{0}'));
}

#[test]
fn the_data_of_the_script_is_json_with_the_windows_and_the_values() {
    let html = page_of(&Fixture::hostile_run());
    let data = html.split_once("type=\"application/json\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["phases"].as_array().unwrap().len(), 5);
    assert_eq!(data["faults"][1], serde_json::json!(["split", 47.0, 72.0]));
    let latency = data["hovers"]["latency"].as_array().unwrap();
    assert_eq!(latency.len(), 3, "a plot per group");
    assert!(latency[0]["points"][0][1].as_str().unwrap().starts_with("p50 "), "{}", latency[0]["points"][0]);
    let raster = &data["hovers"]["raster"][0];
    assert_eq!(raster["rows"].as_array().unwrap().len(), 50);
    for (chart, hovers) in data["hovers"].as_object().unwrap() {
        for hover in hovers.as_array().unwrap() {
            let plot = format!("class=\"plot\" data-nth=\"{}\"", hover["plot"]);
            let section = html.split_once(&format!("<section id=\"{chart}\"")).unwrap().1;
            assert!(section.contains(&plot), "{chart} has {plot}");
        }
    }
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
        "mutations",
        "raster",
        "heatmap",
        "paths",
        "reconnect",
        "staleness",
        "failover",
        "resources",
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
        "There is no change to draw",
        "There is no raster to draw",
        "There is nothing to compare",
        "There are no answers from cache to draw",
        "There is nothing about servers, proxies and the harness to draw",
        "No delivery was attributed to a path",
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
    assert_eq!(html.matches("role=\"img\" aria-label=\"").count(), 20);
}

#[test]
fn what_a_read_settled_is_counted_if_there_is_any() {
    let mut fixture = Fixture::rough_run();
    assert!(page_of(&fixture).contains("<b>2</b> publishes settled by a read"));
    fixture.judgement.counts.settled = 0;
    assert!(!page_of(&fixture).contains("publishes settled by a read"));
}

#[test]
fn of_clients_whose_connections_nobody_sees_every_form_says_so() {
    let mut fixture = Fixture::rough_run();
    let seen = fixture.input();
    assert!(!page(seen).contains("Not observed"));
    assert!(!crate::markdown::summary(seen).contains("Not observed"));
    let name = fixture.plan.groups[1].name.clone();
    let client = &mut fixture.plan.groups[1].client;
    client.protocol = Protocol::NacosHttp;
    client.driver = Some(DriverSpec { name: "node".into(), command: None, clients_per_process: 1 });
    let said = format!("Not observed: losses and attempts of {name}. Of real clients over HTTP");
    let input = fixture.input();
    let look = crate::terminal::Look { width: 2_000, is_coloured: false };
    for form in [page(input), crate::markdown::summary(input), crate::terminal::summary(input, look)] {
        assert!(form.contains(&said), "{form}");
    }
}
