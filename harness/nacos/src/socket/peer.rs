//! Where a connection goes, and whether TLS is spoken there.

use std::fmt;
use std::net::SocketAddr;

use crate::tls::TlsPeer;

/// Where a connection goes. In the clear unless it says whom TLS expects there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The address, which may be a proxy's.
    pub addr: SocketAddr,
    /// Who is expected at the other end of TLS.
    pub tls: Option<TlsPeer>,
}

impl Peer {
    /// The same at another address, such as that of a proxy in front of it.
    #[must_use]
    pub fn at(&self, addr: SocketAddr) -> Self {
        Self { addr, ..self.clone() }
    }

    /// The same for a client that looks at no certificate.
    #[must_use]
    pub fn unchecked(&self) -> Self {
        Self { addr: self.addr, tls: self.tls.as_ref().map(TlsPeer::unchecked) }
    }

    /// What a request calls the server: the address, or the name that TLS expects with its port.
    #[must_use]
    pub fn authority(&self) -> String {
        match &self.tls {
            Some(tls) => format!("{}:{}", tls.host, self.addr.port()),
            None => self.addr.to_string(),
        }
    }

    /// The scheme of URIs there.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

impl From<&Peer> for Peer {
    fn from(peer: &Peer) -> Self {
        peer.clone()
    }
}

impl From<SocketAddr> for Peer {
    fn from(addr: SocketAddr) -> Self {
        Self { addr, tls: None }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tls {
            Some(tls) => write!(f, "{} ({} by TLS)", self.addr, tls.host),
            None => write!(f, "{}", self.addr),
        }
    }
}
