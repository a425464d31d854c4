//! TLS in front of the nodes that a run brings up: what terminates it, as a reverse proxy or a mesh's sidecar does for
//! servers that do not speak it themselves (ADR 48).
//!
//! Each node has a front of its own, with a door for each port that clients find behind TLS. Authorities, certificates and keys are made for the
//! run, and are in memory alone.

mod authority;
mod front;
mod node;

use std::net::SocketAddr;
use std::sync::Arc;

use shakedown_model::NodeId;
use shakedown_model::fault::CertificateTrouble;
use shakedown_model::plan::{TlsClients, TlsFrontSpec};
use shakedown_nacos::tls::{ClientTls, TlsError, TlsMaterial};
use tokio_rustls::rustls;

use self::authority::{Authorities, Identity};
use self::front::FrontThread;
pub use self::node::FrontCount;
use self::node::NodeFront;
use crate::ports::{PortError, Ports};
use crate::servers::{NodeAddress, NodeTls};
use crate::{Part, PartConnections, PartPlace};

/// The name of the thread, and of the part.
const NAME: &str = "tls-front";

/// TLS could not be put in front of the nodes.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// No certificate could be made.
    #[error("no certificate could be made for the run")]
    Certificate(#[from] rcgen::Error),
    /// The library refuses what was made.
    #[error("TLS cannot be set up in front of the nodes")]
    Library(#[from] rustls::Error),
    /// Clients cannot be set up.
    #[error(transparent)]
    Clients(#[from] TlsError),
    /// No port.
    #[error(transparent)]
    Ports(#[from] PortError),
    /// The thread, or its sockets.
    #[error("TLS cannot be served in front of the nodes; look at the limits of threads and open files")]
    Serve(#[source] std::io::Error),
}

/// The fronts of a run. Clones are the same fronts; the last one that is dropped closes them.
#[derive(Debug, Clone)]
pub struct TlsFront {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Where clients find the nodes, and whom they expect there.
    nodes: Vec<NodeAddress>,
    /// One per node.
    fronts: Vec<Arc<NodeFront>>,
    material: TlsMaterial,
    thread: FrontThread,
}

impl TlsFront {
    /// Puts fronts in front of `nodes`, and serves.
    ///
    /// # Errors
    /// [`FrontError`].
    pub async fn start(
        spec: TlsFrontSpec,
        nodes: &[NodeAddress],
        ports: &mut Ports,
    ) -> Result<Self, FrontError> {
        let authorities = Arc::new(Authorities::new()?);
        let client = match spec.clients {
            TlsClients::Anyone => None,
            TlsClients::Certified => Some(authorities.client()?),
        };
        let material = TlsMaterial {
            authority: authorities.of_servers().to_vec(),
            client: client.map(|Identity { certificate, key }| (certificate, key)),
        };
        let tls = ClientTls::of(&material)?;
        let (mut found, mut fronts, mut doors) = (Vec::new(), Vec::new(), Vec::new());
        for node in nodes {
            let name = name_of(node.node);
            let front = Arc::new(NodeFront::new(Arc::clone(&authorities), spec.clients, &name)?);
            let mut door = |inner: SocketAddr, is_grpc, has_tls: bool| {
                let at = if has_tls { ports.one()? } else { inner };
                if has_tls {
                    doors.push(front::Door { front: Arc::clone(&front), at, inner, is_grpc });
                }
                Ok::<_, PortError>(at)
            };
            let http = door(node.http, false, spec.on.has_http())?;
            let grpc = door(node.grpc, true, spec.on.has_grpc())?;
            let tls = NodeTls {
                http: spec.on.has_http().then(|| tls.http(&name)).transpose()?,
                grpc: spec.on.has_grpc().then(|| tls.grpc(&name)).transpose()?,
            };
            found.push(NodeAddress { tls, ..NodeAddress::new(node.node, http, grpc) });
            fronts.push(front);
        }
        let thread = FrontThread::start(NAME, doors).await.map_err(FrontError::Serve)?;
        Ok(Self { inner: Arc::new(Inner { nodes: found, fronts, material, thread }) })
    }

    /// Where clients find the nodes, and whom they expect there.
    #[must_use]
    pub fn nodes(&self) -> &[NodeAddress] {
        &self.inner.nodes
    }

    /// What clients in other processes need.
    #[must_use]
    pub fn material(&self) -> &TlsMaterial {
        &self.inner.material
    }

    /// From now on a node's front is wrong in this way for sessions that begin, or right again. With `cuts` it closes the
    /// connections that live.
    ///
    /// # Errors
    /// [`FrontError`]; nothing has changed then.
    pub fn set(
        &self,
        node: NodeId,
        trouble: Option<CertificateTrouble>,
        cuts: bool,
    ) -> Result<(), FrontError> {
        self.inner.fronts[node.index()].set(trouble, cuts)
    }

    /// What a node's front has counted since it was made.
    #[must_use]
    pub fn count(&self, node: NodeId) -> FrontCount {
        self.inner.fronts[node.index()].count()
    }

    /// As a part of the bench.
    #[must_use]
    pub fn part(&self) -> Part {
        let open = self.inner.fronts.iter().map(|front| front.count().open).sum();
        Part {
            name: NAME.to_owned(),
            place: PartPlace::Threads(NAME.to_owned()),
            connections: PartConnections::Known(open),
            tells_at: None,
        }
    }

    /// Why it serves no longer, if it does not.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        self.inner.thread.is_gone().then(|| "what terminates TLS in front of the nodes has ended".to_owned())
    }
}

/// The name in a node's certificate, below a domain that nobody has (RFC 6761).
fn name_of(node: NodeId) -> String {
    format!("nacos-{node}.shakedown.test")
}

#[cfg(test)]
mod tests;
