//! TCP sockets of clients: where they come from, why they fail, when bytes were read from them.
//!
//! A socket that is bound to a source address takes its port at the connect, so one source address carries at most the
//! ephemeral ports of the machine (28,232 by Linux's default) to each peer.

mod client_stream;
mod metered;
mod peer;
mod source;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

pub(crate) use self::client_stream::ClientStream;
pub(crate) use self::metered::{MeteredStream, SocketFacts};
pub use self::peer::Peer;
use crate::tls::{TlsPeer, TlsTrouble};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The peer, or a router before it, turned it down.
    #[error("connecting to {peer} was refused: check that it listens there")]
    Refused {
        /// Where to.
        peer: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// The peer reset or closed it while it was being set up.
    #[error("connection to {peer} broke while it was being set up")]
    Broken {
        /// Where to.
        peer: SocketAddr,
        /// What happened.
        source: io::Error,
    },
    /// The connection is there, and no TLS session on it.
    #[error("TLS with {name} at {peer}: {trouble} ({said})")]
    Tls {
        /// Where to.
        peer: SocketAddr,
        /// Who was expected there.
        name: String,
        /// What is wrong.
        trouble: TlsTrouble,
        /// The library's words.
        said: String,
    },
    /// The system gave up waiting; callers usually do so earlier.
    #[error("connecting to {peer} timed out in the system")]
    TimedOut {
        /// Where to.
        peer: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// This machine could not: no file, no port, no such source address.
    #[error("this machine cannot connect from {from} to {peer}: raise its limits or spread sources")]
    Local {
        /// Where from.
        from: Ipv4Addr,
        /// Where to.
        peer: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndCause {
    /// Not in order: reset, or given up by the system.
    Reset,
    /// In order: the peer closed it or said goodbye.
    Closed,
    /// In order, and only the stream (gRPC): the connection itself is still open.
    StreamEnded,
    /// Either side broke the protocol.
    Protocol,
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::StreamEnded => "ended by the server, the stream alone",
            Self::Protocol => "ended over a protocol error",
        })
    }
}

/// The end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("connection was {cause}: {text}")]
pub struct End {
    /// How.
    pub cause: EndCause,
    /// In words, for logs.
    pub text: String,
}

/// Connects from `source` (unspecified leaves the choice to the system) to `peer`, with `TCP_NODELAY`, and through the
/// handshake of TLS where it is spoken. A source within this machine reaches nothing beyond it, so for a peer elsewhere
/// the system chooses as well.
///
/// Dropping the future closes the socket.
pub(crate) async fn connect(peer: &Peer, source: Ipv4Addr) -> Result<ClientStream, ConnectError> {
    let tcp = connect_tcp(peer.addr, source).await?;
    let local_addr = tcp.local_addr().map_err(|source| ConnectError::Broken { peer: peer.addr, source })?;
    let (metered, facts) = MeteredStream::new(tcp);
    let Some(tls) = &peer.tls else { return Ok(ClientStream::plain(metered, facts, local_addr)) };
    let connector = TlsConnector::from(std::sync::Arc::clone(&tls.config));
    // The handshake's buffers are needed once, and are not to lie in every future above.
    let session = Box::pin(connector.connect(tls.name.clone(), metered));
    let session = session.await.map_err(|error| no_session(error, peer.addr, tls))?;
    Ok(ClientStream::tls(session, facts, local_addr))
}

pub(crate) fn no_session(error: io::Error, peer: SocketAddr, tls: &TlsPeer) -> ConnectError {
    match TlsTrouble::within(&error) {
        Some(within) => ConnectError::Tls {
            peer,
            name: tls.host.to_string(),
            trouble: TlsTrouble::of(within),
            said: within.to_string(),
        },
        None => ConnectError::Broken { peer, source: error },
    }
}

/// Connects from `source` to `peer` as every client here does (`TCP_NODELAY`; for a peer that the source cannot reach the
/// system chooses another), and says nothing there yet, nothing of TLS either.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect_tcp(peer: SocketAddr, source: Ipv4Addr) -> Result<TcpStream, ConnectError> {
    let local = |error| ConnectError::Local { from: source, peer, source: error };
    let socket = if peer.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(local)?;
    if is_bound_to(source, peer) {
        source::bind(&socket, source).map_err(local)?;
    }
    let stream = socket.connect(peer).await.map_err(|error| classify(error, peer, source))?;
    stream.set_nodelay(true).map_err(|source| ConnectError::Broken { peer, source })?;
    Ok(stream)
}

fn is_bound_to(source: Ipv4Addr, peer: SocketAddr) -> bool {
    !source.is_unspecified() && (peer.ip().is_loopback() || !source.is_loopback())
}

fn classify(error: io::Error, peer: SocketAddr, from: Ipv4Addr) -> ConnectError {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            ConnectError::Refused { peer, source: error }
        }
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            ConnectError::Broken { peer, source: error }
        }
        ErrorKind::TimedOut => ConnectError::TimedOut { peer, source: error },
        // EADDRNOTAVAIL, EMFILE, ENOBUFS, EPERM and whatever else the peer did not say.
        _ => ConnectError::Local { from, peer, source: error },
    }
}

#[cfg(test)]
mod tests;
