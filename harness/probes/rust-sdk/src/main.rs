//! Proves a Nacos config server with the official Rust SDK, from outside: publish, get, listen, delete, a listener that
//! comes back after the server was killed and started again on the same port and data, and one that was asked to
//! connect elsewhere.
//!
//! `rust-sdk-probe --port PORT [--second PORT] [--mode 2|3] [--user NAME --password WORD] -- COMMAND ARGUMENT...`:
//! COMMAND starts the server with HTTP on 127.0.0.1:PORT and gRPC 1000 above, and a second node likewise when one is
//! named. Exit code 0 when everything holds; otherwise 1, with the step that failed and why.

mod http;
mod operator;
mod probe;
mod server;

use std::process::ExitCode;

use server::{Login, Mode, ServerCommand};

const USAGE: &str = "usage: rust-sdk-probe --port PORT [--second PORT] [--mode 2|3] [--user NAME --password WORD] -- COMMAND ARGUMENT...";

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
    let (mut ports, mut second, mut mode, mut user, mut password) = (Vec::new(), None, Mode::V2, None, None);
    loop {
        let flag = arguments.next().ok_or(USAGE)?;
        if flag == "--" {
            break;
        }
        let value = arguments.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--port" => ports.push(port(&value)?),
            "--second" => second = Some(port(&value)?),
            "--mode" if value == "2" => mode = Mode::V2,
            "--mode" if value == "3" => mode = Mode::V3,
            "--user" => user = Some(value),
            "--password" => password = Some(value),
            _ => return Err(USAGE.to_owned()),
        }
    }
    ports.extend(second);
    let program = arguments.next().filter(|_| !ports.is_empty()).ok_or(USAGE)?;
    let login = user.zip(password).map(|(user, password)| Login { user, password });
    Ok(ServerCommand { ports, mode, login, program, arguments: arguments.collect() })
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port <= u16::MAX - 1000);
    port.ok_or_else(|| format!("PORT is a number up to 64535; {USAGE}"))
}
