//! `serve nacos` and `serve proxy`: one embedded part alone, until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use shakedown_embedded::{ClusterConfig, EmbeddedCluster, NodePorts, RunningServer};
use shakedown_model::Seed;
use shakedown_model::plan::{AuthScope, EmbeddedSettings, Generation, Login};
use shakedown_model::secrets::Secret;
use shakedown_proxy::{ProxyConfig, ProxyServer};

use super::runtime;
use crate::args::{NacosArgs, NacosMode};
use crate::exit::{Exit, Failure};
use crate::logging;
use crate::output::say;
use crate::stop::stop_signal;

/// How often a part that ended by itself is noticed.
const WATCH_PERIOD: Duration = Duration::from_millis(200);

/// Serves nodes of the embedded Nacos, the first on `127.0.0.1:port`, and gRPC on the port plus 1000.
pub(super) fn nacos(args: NacosArgs) -> Result<(), Failure> {
    logging::to_stderr();
    let NacosArgs { port, nodes, data, mode, no_dump_tick, auth, username, password } = args;
    let ports: Option<Vec<_>> = (0..nodes).map(|node| node_ports(port, node)).collect();
    let ports = ports.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("{nodes} nodes from port {port} on reach above port 65535: choose a lower --port"),
        )
    })?;
    let generation = match mode {
        NacosMode::V2 => Generation::V2,
        NacosMode::V3 => Generation::V3,
    };
    let auth_scope = if auth { AuthScope::Everything } else { AuthScope::Admin };
    // Without `--auth` a 2.x server has nothing that needs a login.
    let needs_login = auth || generation == Generation::V3;
    let login = needs_login.then(|| Login { username: username.clone(), password: Secret::new(password) });
    let mut settings = EmbeddedSettings { auth_scope, ..EmbeddedSettings::default() };
    if no_dump_tick {
        settings.dump_tick = Duration::ZERO;
    }
    let missing = |error| Failure::from_error(Exit::Missing, &error);
    let config = ClusterConfig { nodes: ports.clone(), data, generation, login, settings, seed: Seed(1) };
    let cluster = EmbeddedCluster::open(config).map_err(missing)?;
    let servers: Vec<_> =
        (0..ports.len()).map(|node| cluster.start(node)).collect::<Result<_, _>>().map_err(missing)?;
    for server in &servers {
        let (http, grpc) = (server.http_addr(), server.grpc_addr());
        say(&format!("nacos: HTTP http://{http}/nacos, gRPC {grpc}; end with Ctrl-C"));
    }
    let http = ports[0].http;
    if needs_login {
        let what = if auth { "every call needs" } else { "calls of /nacos/v3/admin need" };
        let login = match generation {
            Generation::V2 => "v1/auth/users/login",
            Generation::V3 => "v3/auth/user/login",
        };
        say(&format!(
            "nacos: {what} a token: POST http://{http}/nacos/{login} with username={username} and the password \
             (--password, default nacos), then send it as the header accessToken"
        ));
    }
    let end = until_stopped(|| servers.iter().find_map(RunningServer::failed));
    for server in servers {
        server.stop();
    }
    end
}

/// `nacos-node`: a node of a run's embedded server, started by `run` and never by a person.
pub(super) fn node() -> Result<(), Failure> {
    logging::to_stderr();
    shakedown_engine::raise_open_files();
    shakedown_embedded::node_main().map_err(|error| Failure::from_error(Exit::Missing, &error))
}

/// Where node number `node` listens when the first one listens at `port`; `None` beyond the last port.
fn node_ports(port: u16, node: u16) -> Option<NodePorts> {
    let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let http = port.checked_add(10 * node)?;
    Some(NodePorts { http: at(http), grpc: at(http.checked_add(1000)?) })
}

/// Serves the embedded proxy's API, with the proxies of `file` to begin with.
pub(super) fn proxy(api: SocketAddr, file: Option<&Path>, seed: u64) -> Result<(), Failure> {
    logging::to_stderr();
    let config = ProxyConfig { api, shards: 1, seed: Seed(seed) };
    let proxies = file.map(|file| {
        std::fs::read(file).map_err(|error| {
            Failure::new(Exit::Usage, format!("cannot read the proxies of `{}`: {error}", file.display()))
        })
    });
    let started = match proxies.transpose()? {
        Some(proxies) => ProxyServer::start_populated(config, &proxies),
        None => ProxyServer::start(config),
    };
    let server = started.map_err(|error| Failure::from_error(Exit::Missing, &error))?;
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
