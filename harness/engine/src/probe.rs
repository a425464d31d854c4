//! What a canary asks of Nacos through a proxy: as little as possible, and nothing that a watcher would notice.

use std::io;
use std::net::Ipv4Addr;

use futures_util::future::BoxFuture;
use shakedown_faults::canary::{Probe, ProbeConnection, ProbeError};
use shakedown_faults::proxies::ProxyAddress;
use shakedown_model::plan::Protocol;
use shakedown_nacos::grpc::connection::{GrpcConnection, GrpcLimits, RpcError};
use shakedown_nacos::grpc::message::ServerCheckRequest;
use shakedown_nacos::grpc::payload::Payload;
use shakedown_nacos::http::connection::{HttpConnection, HttpError};
use shakedown_nacos::{ConfigKey, ConnectError, Peer, connect_tcp};
use shakedown_topology::NodeAddress;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Where canaries connect from, so that nobody takes one for a client.
pub(crate) const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 127, 127, 127);

/// Asks Nacos: a get of an item that nobody watches (HTTP), or a server check (gRPC).
#[derive(Debug)]
pub(crate) struct NacosProbe {
    /// A key that does not exist: its 404 is an answer.
    pub(crate) key: ConfigKey,
    /// The nodes, for whom TLS expects behind a proxy.
    pub(crate) nodes: Vec<NodeAddress>,
}

/// A proxy as a client finds it: whom TLS expects is the node behind it.
pub(crate) fn through(nodes: &[NodeAddress], proxy: &ProxyAddress) -> Peer {
    let node = nodes.get(proxy.node.index()).map(|node| match proxy.protocol {
        Protocol::NacosHttp => node.http_peer(),
        Protocol::NacosGrpc => node.grpc_peer(),
    });
    node.map_or_else(|| proxy.listen.into(), |node| node.at(proxy.listen))
}

impl NacosProbe {
    /// A proxy as a client finds it.
    fn peer(&self, target: &ProxyAddress) -> Peer {
        through(&self.nodes, target)
    }
}

impl Probe for NacosProbe {
    fn connect<'a>(
        &'a self,
        target: &'a ProxyAddress,
    ) -> BoxFuture<'a, Result<Box<dyn ProbeConnection>, ProbeError>> {
        Box::pin(async move {
            let connection: Box<dyn ProbeConnection> = match target.protocol {
                Protocol::NacosHttp => {
                    let connection = HttpConnection::connect(self.peer(target), SOURCE)
                        .await
                        .map_err(|error| no_connection(&error))?;
                    Box::new(HttpProbe { connection, key: self.key.clone() })
                }
                Protocol::NacosGrpc => {
                    let limits = GrpcLimits::default();
                    Box::new(GrpcProbe(
                        GrpcConnection::connect(self.peer(target), SOURCE, limits)
                            .await
                            .map_err(|error| no_connection(&error))?,
                    ))
                }
            };
            Ok(connection)
        })
    }

    /// Whatever a server says to a connection that nobody speaks on, it ends it when it hears the end.
    fn end<'a>(&'a self, target: &'a ProxyAddress) -> BoxFuture<'a, Result<(), ProbeError>> {
        Box::pin(async {
            let mut stream =
                connect_tcp(target.listen, SOURCE).await.map_err(|error| no_connection(&error))?;
            let broken = |error: io::Error| ProbeError::Broken(error.to_string());
            stream.shutdown().await.map_err(broken)?;
            let mut heard = [0; 256];
            while stream.read(&mut heard).await.map_err(broken)? > 0 {}
            Ok(())
        })
    }
}

struct HttpProbe {
    connection: HttpConnection,
    key: ConfigKey,
}

impl ProbeConnection for HttpProbe {
    fn ask(&mut self) -> BoxFuture<'_, Result<(), ProbeError>> {
        Box::pin(async {
            match self.connection.get_config(&self.key).await {
                // The canary has no login: where one is asked for, a denial is an answer as well.
                Ok(_) | Err(HttpError::Status { status: 403, .. }) => Ok(()),
                Err(HttpError::Ended(end)) => Err(ProbeError::Broken(end.to_string())),
                Err(error) => Err(ProbeError::Odd(error.to_string())),
            }
        })
    }
}

struct GrpcProbe(GrpcConnection);

impl ProbeConnection for GrpcProbe {
    fn ask(&mut self) -> BoxFuture<'_, Result<(), ProbeError>> {
        Box::pin(async {
            match self.0.unary(&Payload::new(&ServerCheckRequest::default())).await {
                Ok(_) => Ok(()),
                Err(RpcError::Ended(end)) => Err(ProbeError::Broken(end.to_string())),
                Err(error) => Err(ProbeError::Odd(error.to_string())),
            }
        })
    }
}

fn no_connection(error: &ConnectError) -> ProbeError {
    match error {
        ConnectError::Refused { .. } => ProbeError::Refused,
        ConnectError::Broken { .. } | ConnectError::TimedOut { .. } => ProbeError::Broken(error.to_string()),
        ConnectError::Local { .. } | ConnectError::Tls { .. } => ProbeError::Odd(error.to_string()),
    }
}
