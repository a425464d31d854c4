//! What befalls watchers, and how often they register: what is planned, how it is explained, and what cannot be.

use std::time::Duration;

use shakedown_model::GroupId;
use shakedown_model::fault::{ALL_PPM, FaultAction, SpoiledCache, WatcherFault};
use shakedown_model::plan::Registers;

use super::*;

const DOES: &str = "{ toxic: { link: office, latency: { latency: 200ms } } }";

#[test]
fn every_fault_of_watchers_is_planned_and_explained() {
    let cached = |cache| WatcherFault::SpoiledCache { cache };
    for (does, fault, share_ppm, shown) in [
        (
            "blocked_callback: { groups: [modern], share: 10% }",
            WatcherFault::BlockedCallback,
            100_000,
            "the next callback of 10% of the watchers does not return",
        ),
        (
            "slow_consumer: { groups: [modern], takes: 2s }",
            WatcherFault::SlowConsumer { takes: Duration::from_secs(2) },
            ALL_PPM,
            "each callback of 100% of the watchers takes 2s",
        ),
        (
            "panicking_callback: { groups: [modern] }",
            WatcherFault::PanickingCallback,
            ALL_PPM,
            "panics and takes its process with it",
        ),
        ("full_disk: { groups: [modern] }", WatcherFault::FullDisk, ALL_PPM, "cannot write their snapshots"),
        ("crash: { groups: [modern], cache: torn }", cached(SpoiledCache::Torn), ALL_PPM, "torn in half"),
        (
            "crash: { groups: [modern], cache: empty }",
            cached(SpoiledCache::Empty),
            ALL_PPM,
            "empty snapshots",
        ),
        ("crash: { groups: [modern], cache: missing }", cached(SpoiledCache::Missing), ALL_PPM, "without"),
        (
            "crash: { groups: [modern], cache: foreign }",
            cached(SpoiledCache::Foreign),
            ALL_PPM,
            "another namespace",
        ),
    ] {
        let plan = load_base(&changed(DOES, &format!("{{ {does} }}")))
            .unwrap_or_else(|problems| panic!("{problems}"))
            .plan;
        let planned = &plan.faults[0];
        assert_eq!(planned.action, FaultAction::Watcher { fault, share_ppm });
        assert_eq!(planned.groups, [GroupId(1)]);
        assert_eq!(planned.action.cuts(), fault.crashes());
        assert!(explain(&plan).contains(shown), "`{shown}` is not in\n{}", explain(&plan));
    }
}

#[test]
fn a_fault_befalls_only_those_whom_it_can() {
    let with = |does: &str| changed(DOES, does);
    let plan = load_base(&with("{ full_disk: { groups: all } }"))
        .unwrap_or_else(|problems| panic!("{problems}"))
        .plan;
    assert!(!plan.faults[0].groups.contains(&GroupId(2)), "`careful` keeps no snapshots");
    refused_once(&with("{ full_disk: { groups: [careful] } }"), "not_supported", "keeps no snapshots");
    refused_once(&with("{ crash: { groups: [careful], cache: torn } }"), "not_supported", "cache: snapshot");
    refused_once(&with("{ slow_consumer: { groups: [modern], takes: 0s } }"), "zero", "takes");
    refused_once(&with("{ slow_consumer: { groups: [modern] } }"), "missing_key", "takes");
    refused_once(&with("{ blocked_callback: { groups: [modern], share: 0% } }"), "zero", "share");
}

#[test]
fn an_application_registers_once_unless_it_is_said() {
    let line = "client: { like: nacos-java-2 }";
    let plan = load_base(BASE).unwrap().plan;
    assert_eq!(plan.groups[1].client.registers, Registers::Once);
    for (word, registers) in [("never", Registers::Never), ("twice", Registers::Twice)] {
        let written = format!("client: {{ like: nacos-java-2, registers: {word} }}");
        let plan = load_base(&changed(line, &written)).unwrap().plan;
        assert_eq!(plan.groups[1].client.registers, registers);
        assert!(explain(&plan).contains(&format!("registers: {word}")));
    }
}
