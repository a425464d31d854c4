//! Proves a Nacos config server with the official Rust SDK, from outside: publish, get, listen, delete, and a listener
//! that comes back after the server was killed and started again on the same port and data.
//!
//! `rust-sdk-probe --port PORT -- COMMAND ARGUMENT...`: COMMAND starts the server with HTTP on 127.0.0.1:PORT and gRPC
//! 1000 above. Exit code 0 when everything holds; otherwise 1, with the step that failed and why.

mod probe;
mod server;

use std::process::ExitCode;

use server::ServerCommand;

const USAGE: &str = "usage: rust-sdk-probe --port PORT -- COMMAND ARGUMENT...";

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match parse(std::env::args().skip(1)) {
        Ok(command) => probe::run(&command).await,
        Err(message) => Err(message),
    };
    match outcome {
        Ok(()) => {
            println!("rust-sdk-probe: every step holds");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("rust-sdk-probe: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<ServerCommand, String> {
    let (Some("--port"), Some(port), Some("--"), Some(program)) =
        (arguments.next().as_deref(), arguments.next(), arguments.next().as_deref(), arguments.next())
    else {
        return Err(USAGE.to_owned());
    };
    let port = port.parse().ok().filter(|port| *port <= u16::MAX - 1000);
    let port = port.ok_or_else(|| format!("PORT is a number up to 64535; {USAGE}"))?;
    Ok(ServerCommand { port, program, arguments: arguments.collect() })
}
