//! Nodes that somebody else runs: found by their addresses, asked whether they are ready, and left alone otherwise.

use std::net::SocketAddr;
use std::time::Duration;

use shakedown_model::NodeId;
use shakedown_model::plan::{ExternalNode, Generation, ServerSpec};
use shakedown_nacos::admin::AdminClient;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::control::{Running, Starter};
use super::{NodeAddress, Servers, ServersControl, ServersError};
use crate::names;

/// How long a call or a connection may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Finds every node and waits until each is ready, for `ready_timeout` at most.
pub(super) async fn start(spec: &ServerSpec) -> Result<Servers, ServersError> {
    let given = spec.external.as_ref().map_or(&[][..], |external| &external.nodes);
    let mut nodes = Vec::with_capacity(given.len());
    for (node, given) in (0_u16..).map(NodeId).zip(given) {
        let unreachable = |why| ServersError::Unreachable { node: node.0, address: given.http.clone(), why };
        let found = find(node, given).await.map_err(unreachable)?;
        wait_ready(spec, found).await.map_err(unreachable)?;
        nodes.push(found);
    }
    let addresses: Vec<&str> = given.iter().map(|node| node.http.as_str()).collect();
    let description = format!("Nacos {}, somebody else's, at {}", spec.version, addresses.join(", "));
    let running = nodes.iter().map(|_| Running::External).collect();
    let control = ServersControl::new(spec, nodes.clone(), Starter::External, running);
    Ok(Servers { nodes, control, description })
}

async fn find(node: NodeId, given: &ExternalNode) -> Result<NodeAddress, String> {
    let http = names::resolve(&given.http).await?;
    let grpc = names::resolve(&given.grpc_address()).await?;
    Ok(NodeAddress { node, http, grpc })
}

async fn wait_ready(spec: &ServerSpec, node: NodeAddress) -> Result<(), String> {
    let admin = AdminClient::new(node.http, PATIENCE).map_err(|error| error.to_string())?;
    let admin = admin.speaking(spec.generation());
    let deadline = Instant::now() + spec.ready_timeout;
    loop {
        let problem = match connect(node.http).await {
            Err(why) => format!("tried HTTP at {}: {why}", node.http),
            Ok(()) if !admin.is_ready().await => format!(
                "tried HTTP at {}: it does not say that it is ready, asked as a {} server; check `server.version`",
                node.http,
                match spec.generation() {
                    Generation::V2 => "2.x",
                    Generation::V3 => "3.x",
                }
            ),
            Ok(()) => match connect(node.grpc).await {
                Ok(()) => return Ok(()),
                Err(why) => format!("HTTP at {} is ready; tried gRPC at {}: {why}", node.http, node.grpc),
            },
        };
        if Instant::now() >= deadline {
            return Err(format!("{problem}, for {} s", spec.ready_timeout.as_secs()));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn connect(to: SocketAddr) -> Result<(), String> {
    match timeout(PATIENCE, TcpStream::connect(to)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}
