//! What an idle watcher costs on both sides: the growth of this process, and of the server's, per watcher; how fast
//! watchers are subscribed, and how fast a change reaches them all.
//!
//! `cargo run --release -p shakedown-load --example idle_watchers -- HTTP_ADDRESS [--items N] [--server PID]
//! [--watchers N] [--ramp PER_SECOND] [--changes N] [--protocol nacos-grpc|nacos-http]`
//!
//! The server is another process (`shakedown serve nacos`; its gRPC port is its HTTP port plus 1,000), without a proxy
//! between; with its process id its memory is told, too. 1,000 watchers come first and are the base, then `--watchers`
//! more (3,000 unless given), begun at `--ramp` a second (1,000). Each listens to `--items` items (1), which need not
//! exist. Memory is the resident set, after all are subscribed and 3 s have passed; the kernel's own for the sockets is
//! not in it. Then the first item is changed `--changes` times (0), and told how long each took from the publish's ack to
//! the last watcher's verified content. Up to 100 ms of that is the server's dump tick, which the floor of `shakedown
//! calibrate` (six messages) has not.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_load::watchers::{Fleet, FleetConfig, GroupAddresses};
use shakedown_model::division::Share;
use shakedown_model::event::Event;
use shakedown_model::{ItemId, Plan, Seed, Version, payload};
use shakedown_nacos::ConfigKey;
use shakedown_nacos::admin::{AdminClient, Publication, PublishAnswer};
use shakedown_record::{Clock, MemoryHistory, Recorder};
use shakedown_scenario::{Overrides, load_text};
use tokio::time::sleep;

/// How many watchers there are at the first measurement.
const BASE: u32 = 1_000;

/// What is measured.
struct Wanted {
    http: SocketAddr,
    items: u32,
    server: Option<u32>,
    watchers: u32,
    ramp: u32,
    changes: u32,
    protocol: String,
}

impl Wanted {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let http = args.next().ok_or("give the server's HTTP address, such as 127.0.0.1:8848")?.parse()?;
        let protocol = "nacos-grpc".to_owned();
        let mut wanted =
            Self { http, items: 1, server: None, watchers: 3_000, ramp: 1_000, changes: 0, protocol };
        while let Some(flag) = args.next() {
            let value = args.next().ok_or_else(|| format!("`{flag}` needs a value"))?;
            if flag == "--protocol" {
                wanted.protocol = value;
                continue;
            }
            let value = value.parse()?;
            match flag.as_str() {
                "--items" => wanted.items = value,
                "--server" => wanted.server = Some(value),
                "--watchers" => wanted.watchers = value,
                "--ramp" => wanted.ramp = value,
                "--changes" => wanted.changes = value,
                _ => {
                    let known = "--items --server --watchers --ramp --changes --protocol";
                    return Err(format!("`{flag}` is not known; there are {known}").into());
                }
            }
        }
        Ok(wanted)
    }

    fn scenario(&self, watchers: u32) -> String {
        let Self { items, ramp, protocol, .. } = self;
        let client = match protocol.as_str() {
            "nacos-grpc" => "like: nacos-java-2".to_owned(),
            other => format!(
                "protocol: {other}, cache: none, backoff: {{ exponential: {{ base: 1s, cap: 10s, jitter: full }} }}"
            ),
        };
        format!(
            "shakedown: 1
name: idle
server: {{ product: nacos, version: \"2.5.0\", backend: embedded, nodes: 1 }}
links: {{ straight: {{}} }}
items: {{ count: {items}, payload: 256B }}
watchers:
  - {{ group: idle, count: {watchers}, client: {{ {client} }}, link: straight, listens: {{ shared: {items} }}, ramp: {ramp}/s }}
mutations: {{ arrivals: {{ constant: 1/s }} }}
phases: [ {{ name: steady, for: 20s }} ]
"
        )
    }

    /// The resident sets of this process and of the server's, in bytes.
    fn resident(&self) -> Result<(u64, Option<u64>), Box<dyn Error>> {
        let server = self.server.map(|pid| resident_bytes(&pid.to_string())).transpose()?;
        Ok((resident_bytes("self")?, server))
    }
}

/// Changes the first item of `plan` and waits until all watchers hold it; from the ack to the last delivery.
async fn change(
    wanted: &Wanted,
    plan: &Plan,
    version: u32,
    (clock, history): (Clock, &MemoryHistory),
) -> Result<Duration, Box<dyn Error>> {
    let item = ItemId(0);
    let key = plan.key_of(item);
    let key = ConfigKey::new(key.data_id, key.group, key.namespace);
    let content = payload::encode(payload::Identity::new(1, item, Version(version)), 256, Seed(1));
    let admin = AdminClient::new(wanted.http, Duration::from_secs(10));
    let answer = admin.publish(Publication::new(&key, &content)).await;
    if !matches!(answer, PublishAnswer::Acked) {
        return Err(format!("the server did not take the change: {answer:?}").into());
    }
    let (acked, begin) = (clock.now(), Instant::now());
    loop {
        sleep(Duration::from_millis(500)).await;
        let held: Vec<_> = history
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Delivery(delivery) if delivery.version == Version(version) => Some(delivery.at),
                _ => None,
            })
            .collect();
        let all = (BASE + wanted.watchers) as usize;
        if let (true, Some(last)) = (held.len() >= all, held.iter().max()) {
            return Ok(Duration::from_nanos(last.0.saturating_sub(acked.0)));
        }
        if begin.elapsed() > Duration::from_secs(30) {
            return Err(format!("{} of {all} watchers hold change {version}", held.len()).into());
        }
    }
}

fn resident_bytes(process: &str) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in its status")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let wanted = Wanted::parse(std::env::args().skip(1))?;
    let grpc = SocketAddr::new(wanted.http.ip(), wanted.http.port() + 1_000);
    let snapshots = std::env::temp_dir().join(format!("idle-watchers-{}", std::process::id()));
    let (clock, mut running, mut measured) = (Clock::start(), Vec::new(), Vec::new());
    let (recorder, history) = Recorder::in_memory();
    for watchers in [BASE, wanted.watchers] {
        let plan = load_text("idle", &wanted.scenario(watchers), &Overrides::new())
            .map_err(|problems| problems.render(false))?
            .plan;
        let plan = Arc::new(plan);
        let begin = Instant::now();
        let fleet = Fleet::start(FleetConfig {
            share: Share::Whole,
            from: clock.now(),
            plan: Arc::clone(&plan),
            run_id: 1,
            addresses: vec![GroupAddresses { http: vec![wanted.http.into()], grpc: vec![grpc.into()] }],
            clock,
            recorder: recorder.clone(),
            snapshots: snapshots.clone(),
            login: None,
        })?;
        while fleet.control().subscribed() < watchers {
            if begin.elapsed() > Duration::from_secs(120) {
                return Err(format!("{} of {watchers} are subscribed", fleet.control().subscribed()).into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        let took = begin.elapsed().as_secs_f64();
        println!("{watchers} more subscribed after {took:.2} s: {:.0} a second", f64::from(watchers) / took);
        sleep(Duration::from_secs(3)).await;
        running.push((fleet, plan));
        measured.push(wanted.resident()?);
    }
    let [(ours, theirs), (ours_after, theirs_after)] = measured[..] else {
        return Err("two were measured".into());
    };
    let (items, watchers) = (wanted.items, u64::from(wanted.watchers));
    let told = |side: &str, before: u64, after: u64| {
        let each = after.saturating_sub(before) / watchers;
        println!("{side}: {each} bytes per idle watcher with {items} item(s); {} KiB in all", after / 1024);
    };
    told("watchers", ours, ours_after);
    if let (Some(before), Some(after)) = (theirs, theirs_after) {
        told("server", before, after);
    }
    for version in 1..=wanted.changes {
        let took = change(&wanted, &running[0].1, version, (clock, &history)).await?;
        println!(
            "change {version}: at all {} after {:.0} ms",
            BASE + wanted.watchers,
            took.as_secs_f64() * 1e3
        );
    }
    for (fleet, _) in running {
        fleet.stop().await;
    }
    Ok(())
}
