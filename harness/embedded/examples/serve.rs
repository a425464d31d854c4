//! Runs the embedded server alone until standard input ends or the process is killed.
//!
//! `cargo run -p shakedown-embedded --example serve -- PORT [DIR]`: HTTP on PORT, gRPC on PORT + 1000, configs in DIR.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use shakedown_embedded::{EmbeddedServer, ServerConfig};
use shakedown_model::plan::{EmbeddedSettings, Generation};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("usage: serve PORT [DIR]")?.parse()?;
    let grpc_port = port.checked_add(1000).ok_or("PORT must leave room for the gRPC port 1000 above it")?;
    let server = EmbeddedServer::start(ServerConfig {
        http: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, grpc_port)),
        data: arguments.next().map(PathBuf::from),
        generation: Generation::V2,
        login: None,
        settings: EmbeddedSettings::default(),
    })?;
    writeln!(std::io::stdout(), "listening: HTTP {}, gRPC {}", server.http_addr(), server.grpc_addr())?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    server.stop();
    Ok(())
}
