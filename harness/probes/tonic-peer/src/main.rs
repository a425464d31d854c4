//! Proves our HTTP/2 codec against tonic (hyper and h2) in both roles: tonic's client at a Nacos server, and our client at a
//! tonic server that plays one.
//!
//! `tonic-peer --port PORT -- COMMAND ARGUMENT...`: COMMAND starts the server with HTTP on 127.0.0.1:PORT and gRPC 1000
//! above. Exit code 0 when everything holds; otherwise 1, with the step that failed and why.

mod client;
mod ours;
mod server;
mod wire;

use std::process::ExitCode;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

const USAGE: &str = "usage: tonic-peer --port PORT -- COMMAND ARGUMENT...";

/// What a step that fails says.
type Outcome = Result<(), String>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => {
            println!("tonic-peer: every step holds");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("tonic-peer: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some("--port") {
        return Err(USAGE.to_owned());
    }
    let port: u16 = arguments.next().and_then(|port| port.parse().ok()).ok_or(USAGE)?;
    if arguments.next().as_deref() != Some("--") {
        return Err(USAGE.to_owned());
    }
    let program = arguments.next().ok_or(USAGE)?;
    let mut nacos = Command::new(&program)
        .args(arguments)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start `{program}`: {error}"))?;
    let held = step("tonic's client at the server", client::run(port + 1_000)).await;
    nacos.kill().await.map_err(|error| format!("cannot end `{program}`: {error}"))?;
    held?;
    step("our client at a tonic server", ours::run()).await
}

async fn step(name: &str, steps: impl Future<Output = Outcome>) -> Outcome {
    let held =
        timeout(Duration::from_secs(60), steps).await.unwrap_or_else(|_| Err("not within 60 s".to_owned()));
    held.map_err(|message| format!("{name}: {message}"))
}

/// Fails with `what` unless it `holds`.
fn expect(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(what()) }
}
