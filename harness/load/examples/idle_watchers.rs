//! What an idle gRPC watcher costs: the growth of this process per watcher, between 1,000 and 4,000 of them.
//!
//! `cargo run --release -p shakedown-load --example idle_watchers -- HTTP_ADDRESS [ITEMS]`
//!
//! The server is another process (`shakedown serve nacos`; its gRPC port is its HTTP port plus 1,000), without a proxy
//! between. Each watcher listens to ITEMS items (1 unless given), which need not exist. Memory is the resident set, after
//! all are subscribed and 3 s have passed; the kernel's own for the sockets is not in it.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_load::watchers::{Fleet, FleetConfig, GroupAddresses};
use shakedown_record::{Clock, Recorder};
use shakedown_scenario::{Overrides, load_text};
use tokio::time::sleep;

/// How many watchers there are at each measurement, one fleet on top of the other.
const FLEETS: [u32; 2] = [1_000, 3_000];

fn scenario(watchers: u32, items: u32) -> String {
    format!(
        "shakedown: 1
name: idle
server: {{ product: nacos, version: \"2.5.0\", backend: embedded, nodes: 1 }}
links: {{ straight: {{}} }}
items: {{ count: {items}, payload: 256B }}
watchers:
  - {{ group: idle, count: {watchers}, client: {{ like: nacos-java-2 }}, link: straight, listens: {{ shared: {items} }}, ramp: 1000/s }}
mutations: {{ arrivals: {{ constant: 1/s }} }}
phases: [ {{ name: steady, for: 20s }} ]
"
    )
}

/// The resident set of this process, in bytes.
fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let http: SocketAddr =
        args.next().ok_or("give the server's HTTP address, such as 127.0.0.1:8848")?.parse()?;
    let items: u32 = args.next().map_or(Ok(1), |items| items.parse())?;
    let grpc = SocketAddr::new(http.ip(), http.port() + 1_000);
    let snapshots = std::env::temp_dir().join(format!("idle-watchers-{}", std::process::id()));
    let (clock, mut running, mut measured) = (Clock::start(), Vec::new(), Vec::new());
    let (recorder, _history) = Recorder::in_memory();
    for watchers in FLEETS {
        let plan = load_text("idle", &scenario(watchers, items), &Overrides::new())
            .map_err(|problems| problems.render(false))?
            .plan;
        let fleet = Fleet::start(FleetConfig {
            share: shakedown_model::division::Share::Whole,
            from: clock.now(),
            plan: Arc::new(plan),
            run_id: 1,
            addresses: vec![GroupAddresses { http: vec![http.into()], grpc: vec![grpc.into()] }],
            clock,
            recorder: recorder.clone(),
            snapshots: snapshots.clone(),
            login: None,
        })?;
        let begin = Instant::now();
        while fleet.control().subscribed() < watchers {
            if begin.elapsed() > Duration::from_secs(120) {
                return Err(format!("{} of {watchers} are subscribed", fleet.control().subscribed()).into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        println!("{watchers} more subscribed after {:.1} s", begin.elapsed().as_secs_f64());
        sleep(Duration::from_secs(3)).await;
        running.push(fleet);
        measured.push(resident_bytes()?);
        println!("resident: {} KiB", measured[measured.len() - 1] / 1024);
    }
    let growth = measured[1].saturating_sub(measured[0]) / u64::from(FLEETS[1]);
    println!("{growth} bytes per idle watcher with {items} item(s)");
    for fleet in running {
        fleet.stop().await;
    }
    Ok(())
}
