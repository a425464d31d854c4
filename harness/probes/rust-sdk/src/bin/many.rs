//! Many clients of the official Rust SDK in one process, each with a listener on one item: what one takes in memory, and
//! how long after a publish was begun the listeners are told. For `ci/alternatives`.
//!
//! `many PORT WATCHERS ROUNDS`: the server's HTTP port on 127.0.0.1. Prints one line of JSON.

#[path = "../http.rs"]
mod http;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nacos_sdk::api::config::{ConfigChangeListener, ConfigResponse, ConfigService, ConfigServiceBuilder};
use nacos_sdk::api::props::ClientProps;

const GROUP: &str = "SHAKEDOWN";
const DATA_ID: &str = "many-rust-sdk";
/// The growth from so many clients on is what one takes.
const BASE: usize = 100;
/// Rounds that are in no figure.
const WARM_UP: usize = 5;
const PERIOD: Duration = Duration::from_millis(1030);
const SETTLES: Duration = Duration::from_secs(8);

/// When each round was published, and what the listeners saw of them.
#[derive(Default)]
struct Seen {
    due: Vec<Instant>,
    held_ms: Vec<f64>,
}

struct Listener(Arc<Mutex<Seen>>);

impl ConfigChangeListener for Listener {
    fn notify(&self, response: ConfigResponse) {
        let now = Instant::now();
        let Some(round) = response.content().split(' ').next().and_then(|text| text.parse::<usize>().ok())
        else {
            return;
        };
        let mut seen = self.0.lock().expect("no listener panics");
        if round > WARM_UP
            && let Some(due) = seen.due.get(round).copied()
        {
            seen.held_ms.push((now - due).as_secs_f64() * 1e3);
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let &[port, watchers, rounds] = &numbers[..] else {
        eprintln!("usage: many PORT WATCHERS ROUNDS");
        return ExitCode::FAILURE;
    };
    match run(u16::try_from(port).unwrap_or_default(), watchers, rounds).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("many: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(port: u16, watchers: usize, rounds: usize) -> Result<(), String> {
    let cache = std::env::temp_dir().join(format!("many-rust-sdk-{}", std::process::id()));
    let seen = Arc::new(Mutex::new(Seen::default()));
    publish(port, 0, &seen).await?;
    let mut services = Vec::new();
    let mut base = 0;
    for nth in 0..watchers {
        services.push(connect(port, &cache.join(nth.to_string()), &seen).await?);
        if nth + 1 == BASE {
            tokio::time::sleep(SETTLES).await;
            base = resident_bytes();
        }
    }
    tokio::time::sleep(SETTLES).await;
    let each = resident_bytes().saturating_sub(base) / (watchers - BASE).max(1);
    for round in 1..=rounds {
        let next = tokio::time::Instant::now() + PERIOD;
        publish(port, round, &seen).await?;
        tokio::time::sleep_until(next).await;
    }
    tokio::time::sleep(SETTLES).await;
    print(watchers, each, (rounds - WARM_UP) * watchers, &mut seen.lock().expect("no listener panics").held_ms);
    drop(services);
    // What the SDK left there is of no more use.
    std::fs::remove_dir_all(&cache).ok();
    Ok(())
}

async fn connect(port: u16, cache: &std::path::Path, seen: &Arc<Mutex<Seen>>) -> Result<ConfigService, String> {
    let properties = ClientProps::new().server_addr(format!("127.0.0.1:{port}")).cache_dir(cache);
    let service = ConfigServiceBuilder::new(properties).build().await.map_err(|error| format!("connect: {error:?}"))?;
    let listener = Arc::new(Listener(Arc::clone(seen)));
    let added = service.add_listener(DATA_ID.to_owned(), GROUP.to_owned(), listener).await;
    added.map_err(|error| format!("add a listener: {error:?}"))?;
    Ok(service)
}

async fn publish(port: u16, round: usize, seen: &Arc<Mutex<Seen>>) -> Result<(), String> {
    let body = format!("dataId={DATA_ID}&group={GROUP}&content={round}+{}", "x".repeat(250));
    seen.lock().expect("no listener panics").due.push(Instant::now());
    match http::call(port, "POST", "/nacos/v1/cs/configs", &body).await? {
        (200, _) => Ok(()),
        (status, answer) => Err(format!("publish: {status} {answer}")),
    }
}

/// Of this process, by `/proc/self/statm` in pages of 4 KiB.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4096
}

fn print(watchers: usize, bytes_each: usize, due: usize, held: &mut [f64]) {
    held.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = |q: f64| held.get((q * held.len().saturating_sub(1) as f64) as usize).copied().unwrap_or(f64::NAN);
    println!(
        "{{\"watchers\":{watchers},\"bytes_each\":{bytes_each},\"due\":{due},\"held\":{},\"p50_ms\":{:.1},\"p99_ms\":{:.1},\"max_ms\":{:.1}}}",
        held.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
