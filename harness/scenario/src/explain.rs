//! The resolved plan as text: every default visible, every instant absolute.

mod client;
mod config;
mod containers;
mod external;
mod faults;

use std::fmt::{self, Write as _};

use shakedown_model::division::{FILES_PER_PROCESS, Workers};
use shakedown_model::gate::Scope;
use shakedown_model::plan::{
    Backend, Generation, GroupSpec, OldApis, Plan, ProxyKind, ProxyPlace, ServerSpec,
};
use shakedown_model::{GroupId, Offset, PhaseId};

use crate::quantity::show_time;
use shakedown_model::needs::Needs;

/// The plan for a person to read: what is brought up, what each group does, what changes, what breaks when, what is
/// judged, and what the machine must offer.
#[must_use]
pub fn explain(plan: &Plan) -> String {
    let mut text = String::new();
    write(&mut text, plan).expect("writing into a string does not fail");
    text
}

fn write(out: &mut String, plan: &Plan) -> fmt::Result {
    writeln!(out, "name: {}", plan.name)?;
    if !plan.about.is_empty() {
        writeln!(out, "about: {}", plan.about)?;
    }
    writeln!(out, "seed: {}", plan.seed)?;
    writeln!(out, "delivery-timeout: {}", show_time(plan.delivery_timeout))?;
    writeln!(
        out,
        "lasts: {} and a drain of up to {}",
        show_time(plan.end().since_start()),
        show_time(plan.delivery_timeout)
    )?;
    server(out, plan)?;
    faults::links(out, plan)?;
    config::items(out, plan)?;
    writeln!(out, "watchers: # {} in all", plan.watcher_count())?;
    for group in &plan.groups {
        self::group(out, plan, group)?;
    }
    match plan.workers {
        Workers::Auto => writeln!(out, "workers: auto")?,
        Workers::Exactly(count) => writeln!(out, "workers: {count}")?,
    }
    phases(out, plan)?;
    faults::faults(out, plan)?;
    judging(out, plan)?;
    needs(out, plan)
}

fn server(out: &mut String, plan: &Plan) -> fmt::Result {
    let server = &plan.server;
    writeln!(out, "server:")?;
    writeln!(out, "  product: nacos")?;
    writeln!(out, "  version: {}", server.version)?;
    match server.backend {
        Backend::Embedded => writeln!(out, "  backend: embedded # built into the harness")?,
        Backend::Process => writeln!(out, "  backend: process # a server home on this machine")?,
        Backend::Container => writeln!(out, "  backend: container # the official image")?,
        Backend::External => writeln!(out, "  backend: external # somebody else runs them")?,
    }
    writeln!(out, "  nodes: {}", server.nodes)?;
    if server.backend == Backend::Process {
        home(out, server.home.as_deref(), "NACOS_HOME")?;
    }
    if let Some(upgrade) = &server.upgrade {
        writeln!(out, "  upgrade: {} # by a fault", upgrade.version)?;
    }
    if let Some(external) = &server.external {
        external::server(out, external)?;
    }
    if let Some(tls) = &server.tls {
        external::front(out, *tls)?;
    }
    if server.backend == Backend::Container {
        containers::server(out, server)?;
    }
    writeln!(out, "  ready-timeout: {}", show_time(server.ready_timeout))?;
    match &server.login {
        Some(login) => writeln!(out, "  login: {} # with a password", login.username)?,
        None => writeln!(out, "  login: none")?,
    }
    if server.backend == Backend::Embedded {
        embedded(out, server)?;
    }
    proxy(out, plan)
}

fn embedded(out: &mut String, server: &ServerSpec) -> fmt::Result {
    let settings = &server.embedded;
    writeln!(out, "  embedded:")?;
    writeln!(out, "    dump-tick: {}", time_or_none(settings.dump_tick))?;
    for (name, time) in [
        ("push-ack-timeout", settings.push_ack_timeout),
        ("push-retry-step", settings.push_retry_step),
        ("idle-after", settings.idle_after),
        ("idle-scan", settings.idle_scan),
        ("idle-answer-timeout", settings.idle_answer_timeout),
        ("poll-margin", settings.poll_margin),
        ("poll-min-hang", settings.poll_min_hang),
    ] {
        writeln!(out, "    {name}: {}", show_time(time))?;
    }
    writeln!(out, "    push-max-tries: {}", settings.push_max_tries)?;
    if settings.poll_gap.is_zero() {
        writeln!(out, "    poll-registers-late: {}", settings.poll_registers_late)?;
    } else {
        writeln!(out, "    poll-registers-late: {}", show_time(settings.poll_gap))?;
    }
    embedded_data(out, server)?;
    embedded_nodes(out, server)?;
    writeln!(out, "    defect: {}", settings.defect.map_or_else(|| "none".to_owned(), |d| word(&d)))
}

fn proxy(out: &mut String, plan: &Plan) -> fmt::Result {
    writeln!(out, "proxy:")?;
    match plan.proxy.kind {
        ProxyKind::Toxiproxy if let ProxyPlace::External(external) = &plan.proxy.place => {
            external::proxy(out, external)
        }
        ProxyKind::Toxiproxy if plan.proxy.place == ProxyPlace::Container => {
            containers::proxy(out, &plan.proxy)
        }
        ProxyKind::Embedded => writeln!(out, "  kind: embedded # built into the harness"),
        ProxyKind::None => writeln!(out, "  kind: none # watchers go straight to the servers"),
        ProxyKind::Toxiproxy => {
            writeln!(out, "  kind: toxiproxy # the real one, as a process")?;
            home(out, plan.proxy.home.as_deref(), "TOXIPROXY_HOME")
        }
    }
}

/// When the embedded server shows what was written, what it keeps and whom it asks for a login.
fn embedded_data(out: &mut String, server: &ServerSpec) -> fmt::Result {
    let settings = &server.embedded;
    for (name, time) in [
        ("dump-time", settings.dump_time),
        ("time-step", settings.time_step),
        ("history-retention", settings.history_retention),
    ] {
        writeln!(out, "    {name}: {}", show_time(time))?;
    }
    writeln!(out, "    dump-fails-every: {}", settings.dump_fails_every)?;
    writeln!(out, "    dump-ignores-outdated: {}", settings.dump_ignores_outdated)?;
    writeln!(out, "    late-clock-every: {}", settings.late_clock_every)?;
    writeln!(out, "    publish-awaits-dump: {}", settings.publish_awaits_dump)?;
    writeln!(out, "    history-max-items: {}", settings.history_max_items)?;
    if server.login.is_some() {
        writeln!(out, "    token-ttl: {}", show_time(settings.token_ttl))?;
        writeln!(out, "    auth-scope: {}", word(&settings.auth_scope))?;
    }
    writeln!(out, "    access-key: {}", settings.access_key.as_ref().map_or("none", |key| &key.id))?;
    if server.generation() == Generation::V3 {
        let OldApis { client, admin, console } = settings.old_apis;
        writeln!(out, "    old-apis: {{ client: {client}, admin: {admin}, console: {console} }}")?;
    }
    Ok(())
}

/// How the embedded nodes treat connections and each other.
fn embedded_nodes(out: &mut String, server: &ServerSpec) -> fmt::Result {
    let settings = &server.embedded;
    let limit = settings.max_connections.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    writeln!(out, "    max-connections: {limit}")?;
    writeln!(out, "    reset-answer-timeout: {}", show_time(settings.reset_answer_timeout))?;
    writeln!(out, "    processes: {}", word(&settings.processes))?;
    if server.nodes < 2 {
        return Ok(());
    }
    let cluster = &settings.cluster;
    writeln!(out, "    broadcast-delay: {}", show_time(cluster.broadcast_delay))?;
    writeln!(out, "    broadcast-loss: {}%", f64::from(cluster.broadcast_loss_ppm) / 1e4)?;
    for (name, time) in [
        ("broadcast-timeout", cluster.broadcast_timeout),
        ("broadcast-retry", cluster.broadcast_retry),
        ("broadcast-retry-step", cluster.broadcast_retry_step),
    ] {
        writeln!(out, "    {name}: {}", show_time(time))?;
    }
    for (name, period) in [("change-scan", cluster.change_scan), ("full-dump", cluster.full_dump)] {
        writeln!(out, "    {name}: {}", time_or_none(period))?;
    }
    Ok(())
}

fn time_or_none(period: std::time::Duration) -> String {
    if period.is_zero() { "none".to_owned() } else { show_time(period) }
}

fn home(out: &mut String, home: Option<&std::path::Path>, variable: &str) -> fmt::Result {
    match home {
        Some(home) => writeln!(out, "  home: {}", home.display()),
        None => writeln!(out, "  home: not in the scenario # from the command line or {variable}"),
    }
}

fn group(out: &mut String, plan: &Plan, group: &GroupSpec) -> fmt::Result {
    let last = group.first.0 + group.count - 1;
    writeln!(out, "  {}: # watchers {} to {last}", group.name, group.first)?;
    writeln!(out, "    count: {}", group.count)?;
    client::client(out, &group.client)?;
    writeln!(out, "    link: {}", plan.links[group.link.index()].name)?;
    match group.sources().last() {
        Some((last, _)) if last != group.source => writeln!(out, "    source: {} to {last}", group.source)?,
        _ => writeln!(out, "    source: {}", group.source)?,
    }
    writeln!(out, "    listens: {} shared, {} own", group.shared, group.own)?;
    let takes = f64::from(group.count) / group.ramp_per_second;
    writeln!(out, "    ramp: {}/s # all started after {takes:.1} s", group.ramp_per_second)?;
    match group.reads_per_second {
        reads if reads > 0.0 => writeln!(out, "    reads: {reads}/s by each watcher"),
        _ => writeln!(out, "    reads: none"),
    }
}

fn phases(out: &mut String, plan: &Plan) -> fmt::Result {
    let mut planned = vec![0_u32; plan.phases.len()];
    for mutation in plan.mutations() {
        if let Some(phase) = plan.phase_at(mutation.intended) {
            planned[phase.index()] += 1;
        }
    }
    config::mutations(out, plan, planned.iter().sum())?;
    writeln!(out, "phases:")?;
    for (phase, planned) in plan.phases.iter().zip(planned) {
        let measured = if phase.is_measured { "" } else { ", not measured" };
        let (name, window) = (&phase.name, window(phase.from, phase.until));
        writeln!(out, "  {name}: {window} # {planned} mutations planned{measured}")?;
        if phase.mutates_before_faults {
            writeln!(out, "    mutates-before-faults: true")?;
        }
    }
    Ok(())
}

fn judging(out: &mut String, plan: &Plan) -> fmt::Result {
    writeln!(out, "gates:{}", if plan.gates.is_empty() { " none" } else { "" })?;
    for gate in &plan.gates {
        let scope = match gate.scope {
            Scope::Run if gate.measure.belongs_to_fault() => "over every fault".to_owned(),
            Scope::Run => "over every measured phase".to_owned(),
            Scope::Phase(PhaseId(id)) => format!("in phase {}", plan.phases[usize::from(id)].name),
            Scope::Fault(id) => format!("after fault {}", plan.faults[id.index()].name),
        };
        let group = match gate.group {
            Some(group) => format!(", for {}", names(plan, &[group])),
            None if gate.measure.has_group() => ", for every group".to_owned(),
            None => String::new(),
        };
        writeln!(out, "  - {} # {} of {} {scope}{group}", gate.text, gate.stat, gate.measure)?;
    }
    let required: Vec<_> = plan.required.iter().map(|guarantee| guarantee.name()).collect();
    writeln!(
        out,
        "guarantees required: {}",
        if required.is_empty() { "none".to_owned() } else { required.join(", ") }
    )
}

fn needs(out: &mut String, plan: &Plan) -> fmt::Result {
    let needs = Needs::of(plan, FILES_PER_PROCESS);
    writeln!(out, "needs: # where a process may have {FILES_PER_PROCESS} open files")?;
    writeln!(out, "  connections of watchers: {}", needs.connections)?;
    match needs.workers {
        0 => writeln!(out, "  workers: none # the harness' own process holds the watchers")?,
        workers => {
            writeln!(out, "  workers: {workers} # processes that hold the simulated watchers")?;
            writeln!(out, "  open files of a worker: {}", needs.worker_files)?;
        }
    }
    writeln!(out, "  open files of the harness: {}", needs.harness_files)?;
    if needs.proxy_files > 0 {
        match needs.proxies {
            0 => writeln!(out, "  open files of Toxiproxy: {}", needs.proxy_files)?,
            proxies => {
                writeln!(out, "  proxies: {proxies} # processes of the embedded proxy, one for each worker")?;
                writeln!(out, "  open files of a proxy: {}", needs.proxy_files)?;
            }
        }
    }
    if needs.servers > 0 {
        writeln!(out, "  servers: {} # processes of the embedded server, one for each node", needs.servers)?;
    }
    if needs.server_files > 0 {
        writeln!(out, "  open files of the server: {}", needs.server_files)?;
    }
    Ok(())
}

fn names(plan: &Plan, groups: &[GroupId]) -> String {
    let names: Vec<_> = groups.iter().map(|group| plan.groups[group.index()].name.as_str()).collect();
    names.join(", ")
}

fn window(from: Offset, until: Offset) -> String {
    format!("{from} to {until} ({})", show_time(until - from))
}

/// A value of the model by the name that a scenario gives it.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}
