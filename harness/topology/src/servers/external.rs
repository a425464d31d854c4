//! Nodes that somebody else runs: found by their addresses, asked whether they are ready, and left alone otherwise.

use std::net::Ipv4Addr;
use std::time::Duration;

use shakedown_model::NodeId;
use shakedown_model::plan::{ExternalNode, Generation, ServerSpec, TlsPorts};
use shakedown_nacos::admin::{AdminClient, AdminError};
use shakedown_nacos::grpc::connection::{GrpcConnection, GrpcLimits};
use shakedown_nacos::grpc::message::ServerCheckRequest;
use shakedown_nacos::grpc::payload::Payload;
use shakedown_nacos::tls::{ClientTls, TlsError, TlsTrouble, prove};
use shakedown_nacos::{ConnectError, Peer};
use tokio::time::{Instant, timeout};

use super::control::{Running, Starter};
use super::{NodeAddress, NodeTls, Servers, ServersControl, ServersError};
use crate::names;

/// How long a call or a connection may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Finds every node and waits until each is ready, for `ready_timeout` at most.
pub(super) async fn start(spec: &ServerSpec) -> Result<Servers, ServersError> {
    let tls = Tls::of(spec)?;
    let given = spec.external.as_ref().map_or(&[][..], |external| &external.nodes);
    let mut nodes = Vec::with_capacity(given.len());
    for (node, given) in (0_u16..).map(NodeId).zip(given) {
        let unreachable = |why| ServersError::Unreachable { node: node.0, address: given.http.clone(), why };
        let address = find(node, given).await.map_err(unreachable)?;
        let found = NodeAddress { tls: tls.at(given)?, ..address };
        wait_ready(spec, &found).await.map_err(unreachable)?;
        nodes.push(found);
    }
    let addresses: Vec<&str> = given.iter().map(|node| node.http.as_str()).collect();
    let description = format!("Nacos {}, somebody else's, at {}", spec.version, addresses.join(", "));
    let running = nodes.iter().map(|_| Running::External).collect();
    let control = ServersControl::new(spec, nodes.clone(), Starter::External, running);
    Ok(Servers { nodes, control, description, front: None })
}

async fn find(node: NodeId, given: &ExternalNode) -> Result<NodeAddress, String> {
    let http = names::resolve(&given.http).await?;
    let grpc = names::resolve(&given.grpc_address()).await?;
    Ok(NodeAddress::new(node, http, grpc))
}

/// How TLS is spoken, if it is.
struct Tls(Option<(ClientTls, TlsPorts)>);

impl Tls {
    fn of(spec: &ServerSpec) -> Result<Self, TlsError> {
        let tls = spec.external.as_ref().and_then(|external| external.tls.as_ref());
        Ok(Self(tls.map(|tls| Ok((ClientTls::load(tls)?, tls.on))).transpose()?))
    }

    /// Whom a node's ports are expected to be.
    fn at(&self, given: &ExternalNode) -> Result<NodeTls, TlsError> {
        let Some((tls, on)) = &self.0 else { return Ok(NodeTls::default()) };
        let grpc = given.grpc_address();
        Ok(NodeTls {
            http: on.has_http().then(|| tls.http(host_of(&given.http))).transpose()?,
            grpc: on.has_grpc().then(|| tls.grpc(host_of(&grpc))).transpose()?,
        })
    }
}

/// The host of `host:port`.
fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

async fn wait_ready(spec: &ServerSpec, node: &NodeAddress) -> Result<(), String> {
    let admin = AdminClient::new(node.http_peer(), PATIENCE).speaking(spec.generation());
    let deadline = Instant::now() + spec.ready_timeout;
    loop {
        let problem = match admin.readiness().await {
            Err(error @ AdminError::NoAnswer { .. }) => {
                let why = no_session(&node.http_peer()).await.unwrap_or_else(|| with_causes(&error));
                format!("tried HTTP at {}: {why}", node.http_peer())
            }
            Err(error) => format!(
                "tried HTTP at {}: it does not say that it is ready, asked as a {} server; check `server.version` ({error})",
                node.http_peer(),
                match spec.generation() {
                    Generation::V2 => "2.x",
                    Generation::V3 => "3.x",
                }
            ),
            Ok(()) => match server_check(node).await {
                Ok(()) => return Ok(()),
                Err(why) => {
                    format!("HTTP at {} is ready; tried gRPC at {}: {why}", node.http, node.grpc_peer())
                }
            },
        };
        if Instant::now() >= deadline {
            return Err(format!("{problem}, for {} s", spec.ready_timeout.as_secs()));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Asks for what needs no registration. A server that wants a client's certificate says so only after the handshake of
/// TLS 1.3, so that a connection alone would prove nothing.
async fn server_check(node: &NodeAddress) -> Result<(), String> {
    let ask = async {
        let connect = GrpcConnection::connect(node.grpc_peer(), Ipv4Addr::UNSPECIFIED, GrpcLimits::default());
        let mut connection = connect.await.map_err(|error| with_causes(&error))?;
        let check = Payload::new(&ServerCheckRequest::default());
        connection.unary(&check).await.map(drop).map_err(|error| with_causes(&error))
    };
    timeout(PATIENCE, ask).await.map_err(|_| "no answer".to_owned())?
}

/// What is wrong with TLS, where that is why there was no answer. A pool of connections may have learnt of an alert only that
/// its connection is gone.
async fn no_session(peer: &Peer) -> Option<String> {
    peer.tls.as_ref()?;
    match timeout(PATIENCE, prove(peer, Ipv4Addr::UNSPECIFIED)).await {
        Ok(Err(error @ ConnectError::Tls { .. })) => Some(error.to_string()),
        _ => None,
    }
}

fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    TlsTrouble::behind(error).map_or(text.clone(), |trouble| format!("{text}: {trouble}"))
}
