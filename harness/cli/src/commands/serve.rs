//! `serve nacos` and `serve proxy`: one embedded part alone, until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use shakedown_embedded::{EmbeddedServer, ServerConfig};
use shakedown_model::Seed;
use shakedown_model::plan::{EmbeddedSettings, Generation};
use shakedown_proxy::{ProxyConfig, ProxyServer};

use super::{runtime, say};
use crate::exit::{Exit, Failure};
use crate::logging;
use crate::stop::stop_signal;

/// How often a part that ended by itself is noticed.
const WATCH_PERIOD: Duration = Duration::from_millis(200);

/// Serves the embedded Nacos on `127.0.0.1:port`, and gRPC on the port plus 1000.
pub(super) fn nacos(port: u16, data: Option<PathBuf>) -> Result<(), Failure> {
    logging::to_stderr();
    let http = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let grpc = SocketAddr::from((Ipv4Addr::LOCALHOST, port + 1000));
    let config = ServerConfig {
        http,
        grpc,
        data,
        generation: Generation::V2,
        login: None,
        settings: EmbeddedSettings::default(),
    };
    let server = EmbeddedServer::start(config).map_err(|error| Failure::from_error(Exit::Missing, &error))?;
    say(&format!(
        "nacos: HTTP http://{}/nacos, gRPC {}; end with Ctrl-C",
        server.http_addr(),
        server.grpc_addr()
    ));
    let end = until_stopped(|| server.failed());
    server.stop();
    end
}

/// Serves the embedded proxy's API.
pub(super) fn proxy(api: SocketAddr, seed: u64) -> Result<(), Failure> {
    logging::to_stderr();
    let config = ProxyConfig { api, shards: 1, seed: Seed(seed) };
    let server = ProxyServer::start(config).map_err(|error| Failure::from_error(Exit::Missing, &error))?;
    say(&format!("proxy: API http://{}; end with Ctrl-C", server.api_addr()));
    let end = until_stopped(|| server.failed());
    server.stop();
    end
}

fn until_stopped(failed: impl Fn() -> Option<String>) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let mut stop = stop_signal("stopping").map_err(|error| Failure::from_error(Exit::Missing, &error))?;
        loop {
            if let Some(why) = failed() {
                return Err(Failure::new(Exit::Defect, why));
            }
            if tokio::time::timeout(WATCH_PERIOD, stop.changed()).await.is_ok() {
                return Ok(());
            }
        }
    })
}
