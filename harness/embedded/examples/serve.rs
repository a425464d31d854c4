//! Runs the embedded server alone until standard input ends or the process is killed.
//!
//! `cargo run -p shakedown-embedded --example serve -- PORT [DIR] [2|3] [PASSWORD]`: HTTP on PORT, gRPC on PORT + 1000,
//! configs in DIR (`-` for memory only), as a 2.x or 3.x server; with PASSWORD, calls need a login of the user `nacos`.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use shakedown_embedded::{EmbeddedServer, ServerConfig};
use shakedown_model::plan::{EmbeddedSettings, Generation, Login};
use shakedown_model::secrets::Secret;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("usage: serve PORT [DIR]")?.parse()?;
    let grpc_port = port.checked_add(1000).ok_or("PORT must leave room for the gRPC port 1000 above it")?;
    let server = EmbeddedServer::start(ServerConfig {
        http: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, grpc_port)),
        data: arguments.next().filter(|dir| dir != "-").map(PathBuf::from),
        generation: if arguments.next().as_deref() == Some("3") { Generation::V3 } else { Generation::V2 },
        login: arguments
            .next()
            .map(|password| Login { username: "nacos".to_owned(), password: Secret::new(password) }),
        settings: EmbeddedSettings::default(),
    })?;
    writeln!(std::io::stdout(), "listening: HTTP {}, gRPC {}", server.http_addr(), server.grpc_addr())?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    server.stop();
    Ok(())
}
