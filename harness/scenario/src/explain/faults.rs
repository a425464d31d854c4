//! Links, faults and their toxics, explained.

use std::fmt::{self, Write as _};

use shakedown_model::fault::{
    ALL_PPM, AnswerTrouble, BadAnswer, CertificateTrouble, ControlFault, Distribution, FaultAction,
    FaultDefect, FaultPlan, NodeTrouble, Overload, ServerFault, SpoiledCache, StrayWrite, Stream,
    StreamTrouble, Toxic, ToxicKind, WatcherFault,
};
use shakedown_model::plan::{Plan, ProxyKind};

use super::{names, window};
use crate::quantity::{show_size, show_time};

/// The links with what is on them for the whole run.
pub(super) fn links(out: &mut String, plan: &Plan) -> fmt::Result {
    writeln!(out, "links:")?;
    for link in &plan.links {
        if link.toxics.is_empty() {
            writeln!(out, "  {}: no toxics", link.name)?;
            continue;
        }
        let toxics: Vec<_> = link.toxics.iter().map(toxic).collect();
        writeln!(out, "  {}: {} # the whole run", link.name, toxics.join("; "))?;
    }
    Ok(())
}

/// The faults: when, what, to whom.
pub(super) fn faults(out: &mut String, plan: &Plan) -> fmt::Result {
    if plan.faults.is_empty() {
        return writeln!(out, "faults: none");
    }
    writeln!(out, "faults:")?;
    for fault in &plan.faults {
        let phase = &plan.phases[fault.phase.index()].name;
        let window = window(fault.from, fault.until);
        writeln!(out, "  {}: {window} # in {phase}", fault.name)?;
        writeln!(out, "    does: {}", does(plan, fault))?;
        if fault.defect == Some(FaultDefect::Toothless) {
            writeln!(out, "    defect: toothless # it says that it does, and does nothing")?;
        }
        ramp(out, fault)?;
        writeln!(out, "    to: {}", names(plan, &fault.groups))?;
        if !fault.nodes.is_empty() {
            let nodes: Vec<_> = fault.nodes.iter().map(ToString::to_string).collect();
            writeln!(out, "    nodes: {}", nodes.join(", "))?;
        }
    }
    Ok(())
}

/// Each step of a toxic that grows.
fn ramp(out: &mut String, fault: &FaultPlan) -> fmt::Result {
    let FaultAction::Ramp { toxic, steps } = fault.action else { return Ok(()) };
    for nth in 1..=steps.get() {
        let from = fault.step_from(nth, steps);
        writeln!(
            out,
            "      from {}: {}",
            show_time(from.since_start()),
            self::toxic(&toxic.at_step(nth, steps))
        )?;
    }
    Ok(())
}

fn does(plan: &Plan, fault: &FaultPlan) -> String {
    match &fault.action {
        FaultAction::Toxic { toxic } => self::toxic(toxic),
        FaultAction::Ramp { toxic, steps } => format!("{} in {steps} steps", self::toxic(toxic)),
        FaultAction::Reset => "connections are reset, and every new one until the end".to_owned(),
        FaultAction::Blackhole { stream } => {
            format!("bytes are held {}, TCP still answers; reset at the end", self::stream(*stream))
        }
        FaultAction::OneWay { stream } => {
            format!("bytes are held {}, and delivered at the end", self::stream(*stream))
        }
        FaultAction::HalfOpen => {
            "the server's end of live connections is gone, and the watchers are not told".to_owned()
        }
        FaultAction::Silence => "new connections are accepted and never answered, live ones go on".to_owned(),
        FaultAction::Refuse => match plan.proxy.kind {
            ProxyKind::Embedded => "new connections are refused, live ones go on".to_owned(),
            ProxyKind::Toxiproxy | ProxyKind::None => {
                "connections are ended, and new ones refused".to_owned()
            }
        },
        FaultAction::Flap { up, down } => {
            let (up, down) = (show_time(*up), show_time(*down));
            format!("connections are reset for {down}, then work for {up}, and so on")
        }
        FaultAction::Path { trouble } => format!("{}, by the proxies", troubles(&trouble.at_node())),
        FaultAction::Crash => "watchers crash, and start cold at the end".to_owned(),
        FaultAction::Watcher { fault, share_ppm } => befalls_watchers(*fault, *share_ppm),
        FaultAction::Control { fault } => strangers(*fault),
        FaultAction::Server { fault } => befalls(plan, fault),
        FaultAction::InvalidContent { share_ppm } => {
            format!("{} of the writes have content that no application can use", share(*share_ppm))
        }
    }
}

/// What strangers do to the control plane.
fn strangers(fault: ControlFault) -> String {
    match fault {
        ControlFault::Overload(Overload { users, reads, publishes, logins, pause }) => {
            let pause = if pause.is_zero() {
                "no pause".to_owned()
            } else {
                format!("{} of pause", show_time(pause))
            };
            format!(
                "{users} users call with {pause}: reads, publishes and logins as {reads} : {publishes} : {logins}"
            )
        }
        ControlFault::StrayWrites { what, every } => {
            let what = match what {
                StrayWrite::Oversize => "more than the server takes is written to an item",
                StrayWrite::LostRace => "a write to an item names an MD5 that it has not",
                StrayWrite::WrongGroup => "an item's data id is written in another group",
                StrayWrite::WrongNamespace => "an item's data id is written in another namespace",
            };
            format!("{what}, every {}", show_time(every))
        }
    }
}

/// What befalls watchers.
fn befalls_watchers(fault: WatcherFault, share_ppm: u32) -> String {
    let share = share(share_ppm);
    match fault {
        WatcherFault::BlockedCallback => {
            format!("the next callback of {share} of the watchers does not return before the end")
        }
        WatcherFault::SlowConsumer { takes } => {
            format!("each callback of {share} of the watchers takes {}", show_time(takes))
        }
        WatcherFault::PanickingCallback => format!(
            "the next callback of {share} of the watchers panics and takes its process with it, which starts cold at the end"
        ),
        WatcherFault::FullDisk => format!("{share} of the watchers cannot write their snapshots"),
        WatcherFault::SpoiledCache { cache } => {
            let cache = match cache {
                SpoiledCache::Missing => "without snapshots",
                SpoiledCache::Empty => "over empty snapshots",
                SpoiledCache::Torn => "over snapshots torn in half",
                SpoiledCache::Foreign => "over snapshots of another namespace",
            };
            format!("watchers crash, and start cold {cache} at the end")
        }
    }
}

/// What befalls servers.
fn befalls(plan: &Plan, fault: &ServerFault) -> String {
    match fault {
        ServerFault::Kill => "server nodes are killed, and started again at the end".to_owned(),
        ServerFault::Stop => "server nodes are stopped, and started again at the end".to_owned(),
        ServerFault::Pause => "server nodes stand still, with their sockets open, until the end".to_owned(),
        ServerFault::Disconnect => "server nodes lose their network until the end".to_owned(),
        ServerFault::LeaderLoss => {
            "the leader of the cluster's store is killed, and started again at the end".to_owned()
        }
        ServerFault::RollingRestart { pause } => format!(
            "one server node after another is stopped and started again, {} between; the end waits for the last",
            show_time(*pause)
        ),
        ServerFault::Upgrade { pause } => format!(
            "one server node after another becomes {}, {} between; the end waits for the last",
            plan.server.upgrade.as_ref().map_or("another version", |upgrade| &upgrade.version),
            show_time(*pause)
        ),
        ServerFault::Certificate { trouble, cuts } => {
            let live = if *cuts { "live connections are closed" } else { "live connections go on" };
            match trouble {
                CertificateTrouble::ClientsUntrusted => {
                    format!("clients' certificates are not trusted until the end; {live}")
                }
                trouble => format!("whoever connects is shown {} until the end; {live}", trouble.words()),
            }
        }
        ServerFault::Trouble { trouble } => troubles(trouble),
    }
}

/// What server nodes are told to do wrong.
fn troubles(trouble: &NodeTrouble) -> String {
    match *trouble {
        NodeTrouble::Answers(AnswerTrouble { to, share_ppm, bad }) => {
            let bad = match bad {
                BadAnswer::Status(code) => format!("with {code}"),
                BadAnswer::Slow(delay) => format!("{} late", show_time(delay)),
                BadAnswer::SlowBody(rate) => format!("with a body of {} a second", bytes(rate)),
                BadAnswer::Truncated => "with half a body and a broken connection".to_owned(),
                BadAnswer::WrongLength => "with half a body that is said to be whole".to_owned(),
                BadAnswer::Garbage => "with garbage".to_owned(),
            };
            let to: Vec<_> = to.names().collect();
            format!("{} of {} are answered {bad}", share(share_ppm), to.join(" and "))
        }
        NodeTrouble::Stream { what, share_ppm } => {
            let share = share(share_ppm);
            match what {
                StreamTrouble::GoAway => format!("{share} of the live gRPC connections get a GOAWAY"),
                StreamTrouble::RstStream => {
                    format!("the stream of pushes is reset on {share} of the live gRPC connections")
                }
                StreamTrouble::StalledWindow => {
                    format!("no DATA leaves on {share} of the live gRPC connections until the end")
                }
                StreamTrouble::SwallowedAck => {
                    format!("{share} of the acknowledgements of pushes are not seen")
                }
            }
        }
        NodeTrouble::ExpireTokens => "every token handed out until now is expired".to_owned(),
        NodeTrouble::Evict { share_ppm } => {
            format!("{} of the gRPC connections are asked to connect elsewhere", share(share_ppm))
        }
        NodeTrouble::DriftedMd5 { share_ppm } => {
            format!("{} of what clients hold is told as changed, though it is not", share(share_ppm))
        }
    }
}

fn share(ppm: u32) -> String {
    format!("{}%", f64::from(ppm) / 1e4)
}

fn toxic(toxic: &Toxic) -> String {
    let name = toxic.kind.name();
    let what = match toxic.kind {
        ToxicKind::Latency { latency, jitter, distribution } => {
            let spread = match distribution {
                Distribution::Uniform => "",
                Distribution::Normal => " normal",
                Distribution::Pareto => " pareto",
            };
            format!("{name} {} +- {}{spread}", show_time(latency), show_time(jitter))
        }
        ToxicKind::Bandwidth { kilobytes_per_second } => format!("{name} {kilobytes_per_second}KB/s"),
        ToxicKind::SlowClose { delay } => format!("{name} {}", show_time(delay)),
        ToxicKind::Timeout { timeout } => format!("{name} {}", show_time(timeout)),
        ToxicKind::ResetPeer { timeout } => {
            format!("{name} {} after a connection begins", show_time(timeout))
        }
        ToxicKind::Slicer { average_size, size_variation, delay } => format!(
            "{name} {} +- {}, {} between",
            bytes(average_size),
            bytes(size_variation),
            show_time(delay)
        ),
        ToxicKind::LimitData { bytes: most } => format!("{name} {}", bytes(most)),
    };
    let stream = match toxic.kind {
        ToxicKind::ResetPeer { .. } => String::new(),
        _ => format!(" {}", stream(toxic.stream)),
    };
    let share = match toxic.toxicity_ppm {
        ALL_PPM => String::new(),
        ppm => format!(" on {}% of the connections", f64::from(ppm) / 1e4),
    };
    format!("{what}{stream}{share}")
}

fn bytes(count: u64) -> String {
    show_size(usize::try_from(count).unwrap_or(usize::MAX))
}

const fn stream(stream: Stream) -> &'static str {
    match stream {
        Stream::Upstream => "upstream",
        Stream::Downstream => "downstream",
        Stream::Both => "both ways",
    }
}
