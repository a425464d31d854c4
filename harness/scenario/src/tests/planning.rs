//! What plans look like: defaults, absolute offsets, warnings, explanations.

use std::time::Duration;

use shakedown_model::backoff::{Backoff, Jitter};
use shakedown_model::fault::{Distribution, FaultAction, Stream, Toxic, ToxicKind};
use shakedown_model::gate::{Measure, Op, Scope, Stat, Threshold};
use shakedown_model::plan::{Cache, HealthCheck, PayloadSize, Protocol};
use shakedown_model::verdict::Guarantee;
use shakedown_model::{FaultId, GroupId, ItemId, Offset, PhaseId, WatcherId};

use super::*;
use shakedown_model::division::{FILES_PER_PROCESS, Workers};
use shakedown_model::needs::Needs;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn smallest_scenario_gets_every_default() {
    let text = "
shakedown: 1
name: small
items: { count: 3 }
watchers: [ { group: only, count: 2, client: { like: nacos-node } } ]
mutations: { arrivals: { constant: 1/s } }
phases: [ { name: steady, for: 5s } ]
";
    let plan = load_base(text).unwrap_or_else(|problems| panic!("{problems}")).plan;
    assert_eq!((plan.seed.0, plan.delivery_timeout), (1, seconds(20)));
    assert_eq!((plan.server.version.as_str(), plan.server.nodes), ("2.5.0", 1));
    assert_eq!(plan.links[0].name, "default");
    assert_eq!(
        (&plan.items.payload, plan.items.prefix.as_str()),
        (&PayloadSize::Fixed(1024), "shakedown.item-")
    );
    let group = &plan.groups[0];
    assert_eq!((group.shared, group.own, group.ramp_per_second, group.reads_per_second), (1, 0, 200.0, 0.0));
    assert_eq!(group.source.to_string(), "127.0.0.1");
    assert!(plan.phases[0].is_measured, "only a first phase called `warm-up` is not");
    assert_eq!(plan.required, Guarantee::ALL);
}

#[test]
fn instants_are_absolute_and_ids_dealt_in_order() {
    let plan = load_base(BASE).unwrap().plan;
    assert_eq!(plan.phases[2].from, Offset::from_secs(25));
    assert_eq!(plan.end(), Offset::from_secs(55));
    assert!(!plan.phases[0].is_measured && plan.phases[1].is_measured);
    let (jitter, split) = (&plan.faults[0], &plan.faults[1]);
    assert_eq!((jitter.from, jitter.until), (Offset::from_secs(6), Offset::from_secs(11)));
    assert_eq!(jitter.groups, [GroupId(1), GroupId(2)], "every group on the link");
    let latency = ToxicKind::Latency {
        latency: Duration::from_millis(200),
        jitter: Duration::ZERO,
        distribution: Distribution::Uniform,
    };
    let toxic = Toxic::new(Stream::Downstream, latency);
    assert_eq!(jitter.action, FaultAction::Toxic { toxic });
    assert_eq!((split.phase, split.until), (PhaseId(2), Offset::from_secs(52)));
    assert_eq!(plan.groups[2].first, WatcherId(110));
    assert_eq!(plan.groups[1].first_own, ItemId(20));
    assert_eq!(plan.groups[2].first_own, ItemId(120));
    assert_eq!(plan.item_count(), 120);
}

#[test]
fn faults_are_sorted_by_onset() {
    let fault = "faults:\n  - { name: late, in: cut, at: 28s, for: 1s, do: { crash: { groups: [legacy] } } }";
    let plan = load_base(&changed("faults:", fault)).unwrap().plan;
    let names: Vec<_> = plan.faults.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(names, ["jitter", "split", "late"]);
    assert_eq!(plan.gates[1].scope, Scope::Fault(FaultId(1)));
}

#[test]
fn gates_are_resolved() {
    let plan = load_base(BASE).unwrap().plan;
    let gate = &plan.gates[0];
    assert_eq!(gate.text, "end-to-end.p90 < 300ms in steady for modern");
    assert_eq!((gate.measure, gate.stat, gate.op), (Measure::EndToEnd, Stat::P90, Op::Below));
    assert_eq!(gate.threshold, Threshold::Time(Duration::from_millis(300)));
    assert_eq!((gate.scope, gate.group), (Scope::Phase(PhaseId(1)), Some(GroupId(1))));
    let gate = &plan.gates[1];
    assert_eq!((gate.measure, gate.stat, gate.group), (Measure::HerdShare, Stat::Max, None));
    assert_eq!(gate.threshold, Threshold::Share(0.2));
    let tight = changed("end-to-end.p90 < 300ms in steady for modern", "T-all.max>=1.5s");
    let plan = load_base(&tight).unwrap().plan;
    assert_eq!((plan.gates[0].measure, plan.gates[0].op), (Measure::TAll, Op::AtLeast));
    assert_eq!(plan.gates[0].threshold, Threshold::Time(Duration::from_millis(1500)));
}

#[test]
fn clients_are_as_their_sdk_has_them() {
    let plan = load_base(BASE).unwrap().plan;
    let [node, java, careful] = [0, 1, 2].map(|index: usize| plan.groups[index].client.clone());
    assert_eq!((node.protocol, node.cache), (Protocol::NacosHttp, Cache::Snapshot));
    assert_eq!(node.backoff, Backoff::NacosNode { spin: seconds(40), pause: seconds(2) });
    assert_eq!((node.poll_timeout, node.poll_grace), (seconds(30), seconds(10)));
    assert_eq!((node.health_check, node.resync), (None, None));
    assert_eq!(
        (java.protocol, java.cache, java.backoff),
        (Protocol::NacosGrpc, Cache::Snapshot, Backoff::NACOS_JAVA)
    );
    let check = HealthCheck { every: seconds(5), timeout: seconds(3), tries: 4 };
    assert_eq!((java.health_check, java.resync), (Some(check), Some(seconds(180))));
    assert_eq!((java.request_timeout, java.connect_timeout), (seconds(3), seconds(8)));
    assert!(java.lists_around_query && !careful.lists_around_query);
    assert_eq!((careful.like, careful.cache), (None, Cache::None));
    let full = Backoff::Exponential { base: seconds(1), cap: seconds(60), jitter: Jitter::Full };
    assert_eq!(careful.backoff, full);
}

#[test]
fn keys_beside_like_override_it() {
    let client = "{ like: nacos-java-2, health-check: { every: 1s }, resync: none, cache: none, backoff: { constant: { delay: 2s } } }";
    let plan = load_base(&changed("{ like: nacos-java-2 }", client)).unwrap().plan;
    let java = &plan.groups[1].client;
    assert_eq!(java.like.as_deref(), Some("nacos-java-2"));
    assert_eq!(java.health_check, Some(HealthCheck { every: seconds(1), timeout: seconds(3), tries: 4 }));
    assert_eq!((java.resync, java.cache), (None, Cache::None));
    assert_eq!(java.backoff, Backoff::Constant { delay: seconds(2) });
}

/// Loads `BASE` with one text replaced and lists the warnings as `line code`.
fn warnings(find: &str, replace: &str) -> Vec<String> {
    let loaded = load_base(&changed(find, replace)).unwrap_or_else(|problems| panic!("{problems}"));
    loaded.warnings.iter().map(|warning| format!("{} {}", warning.line().unwrap(), warning.code())).collect()
}

#[test]
fn doubtful_scenarios_are_warned_of() {
    let gate = "end-to-end.p90 < 300ms in steady for modern";
    assert_eq!(warnings("reads: 1/s", "ramp: 1/s"), ["11 scenario::long_ramp"]);
    assert_eq!(warnings("jitter: 40ms", "jitter: 90ms"), ["8 scenario::lopsided_jitter"]);
    assert_eq!(warnings("{ kind: embedded }", "{ kind: embedded, home: /x }"), ["5 scenario::unused"]);
    let short = "{ like: nacos-node, poll-timeout: 1s, poll-grace: 1s }";
    assert_eq!(warnings("{ like: nacos-node }", short), ["11 scenario::short_poll"]);
    assert_eq!(warnings("count: 10, ", "count: 12000, ramp: 9000/s, "), ["11 scenario::port_hungry"]);
    for gate_with_few in [
        "end-to-end.p999 < 1s in steady for modern",
        "reconnect.p99 < 9s after split",
        "T-all.p99 < 1s in steady",
    ] {
        assert_eq!(warnings(gate, gate_with_few), ["26 scenario::too_few_samples"], "{gate_with_few}");
    }
    for gate_with_enough in
        ["end-to-end.max < 1s for legacy", "reconnect.p90 < 9s after split", "publish.p50 < 1s"]
    {
        assert!(warnings(gate, gate_with_enough).is_empty(), "{gate_with_enough}");
    }
    assert_eq!(warnings(gate, "end-to-end.p50 < 30s for modern"), ["26 scenario::beyond_timeout"]);
}

#[test]
fn warnings_come_only_with_a_plan_and_show_their_line() {
    let loaded = load_base(&changed("reads: 1/s", "ramp: 1/s")).unwrap();
    let text = loaded.warnings.render(false);
    assert!(text.contains("base.yaml:11:") && text.contains("the warm-up lasts 5s"), "{text}");
}

#[test]
fn explanation_shows_defaults_offsets_and_needs() {
    let plan = load_base(BASE).unwrap().plan;
    let text = explain(&plan);
    let planned =
        plan.mutations().filter(|mutation| plan.phase_at(mutation.intended) == Some(PhaseId(1))).count();
    for part in [
        "delivery-timeout: 20s",
        "    dump-tick: 50ms",
        "    push-retry-step: 2s",
        "    ramp: 200/s # all started after 0.5 s",
        "      health-check: every 5s if nothing else was heard, up to 4 tries of 3s",
        "  mobile: latency 80ms +- 40ms downstream # the whole run",
        "  split: 27.000s to 52.000s (25s) # in cut",
        "    to: modern, careful",
        &format!("  steady: 5.000s to 25.000s (20s) # {planned} mutations planned"),
        "  - herd-share < 20% after split # max of herd-share after fault split, for every group",
        "  connections of watchers: 210",
        "  open files of the harness: 1770",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

#[test]
fn needs_follow_who_holds_the_connections() {
    let plan = load_base(BASE).unwrap().plan;
    assert_eq!(
        Needs::of(&plan, FILES_PER_PROCESS).open_files(),
        7 * 210 + 300,
        "a blackhole holds old connections beside new ones"
    );
    let calm = BASE.replace(
        "blackhole: { groups: [modern, careful], stream: both }",
        "reset: { groups: [modern, careful] }",
    );
    let plan = load_base(&calm).unwrap().plan;
    assert_eq!(Needs::of(&plan, FILES_PER_PROCESS).open_files(), 4 * 210 + 300);
    let fronted = calm.replace("backend: embedded,", "backend: embedded, tls: {},");
    let plan = load_base(&fronted).unwrap().plan;
    assert_eq!(
        Needs::of(&plan, FILES_PER_PROCESS).open_files(),
        6 * 210 + 300,
        "what terminates TLS holds both sides of each connection"
    );
    let text =
        calm.replace(", embedded: { dump-tick: 50ms }", "").replace("kind: embedded", "kind: toxiproxy");
    let plan = load_set(&text, &["server.backend=process"]).unwrap().plan;
    let needs = Needs::of(&plan, FILES_PER_PROCESS);
    assert_eq!((needs.harness_files, needs.proxy_files, needs.server_files), (510, 720, 510));
    assert_eq!(needs.open_files(), 720);
}

#[test]
fn same_text_gives_the_same_plan() {
    let [one, other] = [(); 2].map(|()| load_base(BASE).unwrap().plan);
    assert_eq!(one, other);
    assert!(one.mutations().eq(other.mutations()));
}

#[test]
fn workers_are_told_or_found() {
    let with = |workers: &str| load_set(BASE, &[&format!("workers={workers}")]);
    assert_eq!(load_base(BASE).unwrap().plan.workers, Workers::Auto);
    assert_eq!(with("auto").unwrap().plan.workers, Workers::Auto);
    let plan = with("3").unwrap().plan;
    assert_eq!(plan.workers, Workers::Exactly(3));
    assert!(explain(&plan).contains("workers: 3 # processes"), "{}", explain(&plan));
    for (wrong, code) in [("65", "scenario::out_of_range"), ("many", "scenario::not_a_number")] {
        let problems = with(wrong).unwrap_err();
        let codes: Vec<_> = problems.iter().map(|problem| problem.code().to_string()).collect();
        assert_eq!(codes, [code], "{problems}");
    }
}

#[test]
fn every_item_has_the_place_at_which_it_is_listed() {
    for (shared, own) in [(1, 0), (3, 0), (7, 2), (19, 1), (20, 3)] {
        let listens = format!("listens: {{ shared: {shared}, own: {own} }}");
        let plan = load_base(&changed("listens: { shared: 2, own: 1 }", &listens)).unwrap().plan;
        for watcher in (0..plan.watcher_count()).map(WatcherId) {
            let listed = plan.items_of(watcher);
            let places = (0..plan.item_count()).map(|item| plan.place_of(watcher, ItemId(item)));
            let found: Vec<(usize, ItemId)> =
                (0..).map(ItemId).zip(places).filter_map(|(item, place)| Some((place?, item))).collect();
            assert_eq!(found, listed.into_iter().enumerate().collect::<Vec<_>>(), "{watcher}, {listens}");
        }
    }
}
