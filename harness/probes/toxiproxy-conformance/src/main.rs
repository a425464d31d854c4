//! Proves a proxy server against Toxiproxy 2.12, from outside: its API with raw requests and with the independent client
//! `toxiproxy_rust`, what each toxic does to real traffic, and, when its path is given, `toxiproxy-cli`.
//!
//! `toxiproxy-conformance --server ours|toxiproxy --api ADDRESS [--cli PATH]`: the server must be fresh and empty. Run over
//! both, every row holds for both; where they differ on purpose, the row says how and why, and holds each to its own.
//! Exit code 0 when every row holds, 1 when one does not, 64 for arguments, 69 when nobody listens.

mod api;
mod client;
mod command;
mod http;
mod metrics;
mod suite;
mod toxics;
mod traffic;

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use suite::{Server, Suite};

const USAGE: &str = "usage: toxiproxy-conformance --server ours|toxiproxy --api ADDRESS [--cli PATH]";

/// How long a server that was just started may take.
const START_TIMEOUT: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let (server, api, cli) = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("toxiproxy-conformance: {message}");
            return ExitCode::from(64);
        }
    };
    if !answers(api) {
        eprintln!("toxiproxy-conformance: nobody listens on {api}; start the server first");
        return ExitCode::from(69);
    }
    let mut suite = Suite::new(server, api);
    api::run(&mut suite);
    client::run(&mut suite);
    toxics::run(&mut suite);
    metrics::run(&mut suite);
    match cli {
        Some(cli) => command::run(&mut suite, &cli),
        None => println!("toxiproxy-cli was not tried: no --cli PATH"),
    }
    api::last(&mut suite);
    suite.report()
}

/// Whether the server is there, or comes while it is waited for.
fn answers(api: SocketAddr) -> bool {
    let start = Instant::now();
    while TcpStream::connect(api).is_err() {
        if start.elapsed() > START_TIMEOUT {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

fn parse(
    mut arguments: impl Iterator<Item = String>,
) -> Result<(Server, SocketAddr, Option<PathBuf>), String> {
    let (mut server, mut api, mut cli) = (None, None, None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{name}` needs a value; {USAGE}"))?;
        match (name.as_str(), value.as_str()) {
            ("--server", "ours") => server = Some(Server::Ours),
            ("--server", "toxiproxy") => server = Some(Server::Toxiproxy),
            ("--api", address) => {
                api = Some(
                    address
                        .parse()
                        .map_err(|_| format!("`{address}` is no IP address with a port; {USAGE}"))?,
                );
            }
            ("--cli", path) => cli = Some(PathBuf::from(path)),
            _ => return Err(format!("`{name} {value}` is not known; {USAGE}")),
        }
    }
    match (server, api) {
        (Some(server), Some(api)) => Ok((server, api, cli)),
        _ => Err(USAGE.to_owned()),
    }
}
