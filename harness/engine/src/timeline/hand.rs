//! The servers as faults move them.

use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_faults::server::{Handshakes, NoSession, NodeMove, ServersHand};
use shakedown_model::NodeId;
use shakedown_model::fault::{CertificateTrouble, NodeTrouble, TroubleCount};
use shakedown_nacos::ConnectError;
use shakedown_nacos::tls::{TlsTrouble, prove};
use shakedown_topology::{ServersControl, TlsFront};
use tokio::time::timeout;

use crate::probe::SOURCE;

/// The run's servers.
pub(super) struct Hand {
    pub(super) control: ServersControl,
    /// What terminates TLS in front of them, if anything does.
    pub(super) front: Option<TlsFront>,
}

/// How long a careful client waits for a session: longer than a busy machine needs for one.
const SHAKEN_WITHIN: Duration = Duration::from_secs(5);
/// A scenario without TLS in front is refused such faults when it is resolved.
const NO_FRONT: &str = "no TLS is in front of it; give `server` a `tls`";

impl Hand {
    async fn shake(&self, node: NodeId) -> Result<(), NoSession> {
        let other = |why: &str| NoSession::Other(why.to_owned());
        let address = self.front.as_ref().and_then(|front| front.nodes().get(node.index()));
        let address = address.ok_or_else(|| other(NO_FRONT))?;
        for peer in [address.http_peer(), address.grpc_peer()].iter().filter(|peer| peer.tls.is_some()) {
            let proven = timeout(SHAKEN_WITHIN, prove(peer, SOURCE)).await;
            proven.map_err(|_| other("no answer in time"))?.map_err(|error| why(&error))?;
        }
        Ok(())
    }
}

fn why(error: &ConnectError) -> NoSession {
    let trouble = match error {
        ConnectError::Tls { trouble, .. } => match trouble {
            TlsTrouble::Expired => Some(CertificateTrouble::Expired),
            TlsTrouble::NotYetValid => Some(CertificateTrouble::NotYetValid),
            TlsTrouble::WrongName => Some(CertificateTrouble::OtherName),
            TlsTrouble::UnknownAuthority => Some(CertificateTrouble::UnknownAuthority),
            TlsTrouble::ClientCertificate => Some(CertificateTrouble::ClientsUntrusted),
            TlsTrouble::NoTls | TlsTrouble::Other => None,
        },
        _ => None,
    };
    trouble.map_or_else(|| NoSession::Other(error.to_string()), NoSession::Refused)
}

impl ServersHand for Hand {
    fn nodes(&self) -> Vec<NodeId> {
        self.control.ids()
    }

    fn take(&self, node: NodeId, what: NodeMove) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let moved = match what {
                NodeMove::Kill => self.control.kill(node).await,
                NodeMove::Stop => self.control.stop(node).await,
                NodeMove::Start => self.control.start(node).await,
                NodeMove::StartUpgraded => self.control.start_upgraded(node).await,
                NodeMove::Pause => self.control.pause(node).await,
                NodeMove::Resume => self.control.resume(node).await,
                NodeMove::Disconnect => self.control.disconnect(node).await,
                NodeMove::Connect => self.control.connect(node).await,
            };
            moved.map_err(|error| error.to_string())
        })
    }

    fn begin_trouble(&self, node: NodeId, number: u64, trouble: NodeTrouble) -> Result<(), String> {
        self.control.begin_trouble(node, number, trouble).map_err(|error| error.to_string())
    }

    fn end_trouble(&self, node: NodeId, number: u64) -> Result<TroubleCount, String> {
        self.control.end_trouble(node, number).map_err(|error| error.to_string())
    }

    fn set_certificate(
        &self,
        node: NodeId,
        trouble: Option<CertificateTrouble>,
        cuts: bool,
    ) -> Result<(), String> {
        let front = self.front.as_ref().ok_or(NO_FRONT)?;
        front.set(node, trouble, cuts).map_err(|error| error.to_string())
    }

    fn handshakes(&self, node: NodeId) -> Handshakes {
        let count = self.front.as_ref().map(|front| front.count(node)).unwrap_or_default();
        Handshakes { all: count.shaken, failed: count.failed }
    }

    fn shake_hands(&self, node: NodeId) -> BoxFuture<'_, Result<(), NoSession>> {
        Box::pin(self.shake(node))
    }

    fn leader(&self) -> BoxFuture<'_, Result<NodeId, String>> {
        Box::pin(async { self.control.leader().await.map_err(|error| error.to_string()) })
    }
}
