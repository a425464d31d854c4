//! Listening: Go's address forms, and a deep accept queue.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

/// A fleet that reconnects at once fits into it.
const BACKLOG: i32 = 4096;

/// A listen address that cannot be used, in Go's words.
#[derive(Debug, Error)]
pub(crate) enum ListenError {
    /// It has no port.
    #[error("listen tcp: address {0}: missing port in address")]
    NoPort(String),
    /// Its name has no address.
    #[error("listen tcp: lookup {0}: {1}")]
    Lookup(String, #[source] io::Error),
    /// It cannot be bound.
    #[error("listen tcp {0}: bind: {1}")]
    Bind(SocketAddr, String),
}

/// The address that `listen` means: `host:port`, `:port` for every interface, nothing for any port of them.
pub(super) async fn resolve(listen: &str) -> Result<SocketAddr, ListenError> {
    let any = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    if listen.is_empty() {
        return Ok(any(0));
    }
    if let Ok(address) = listen.parse() {
        return Ok(address);
    }
    let no_port = || ListenError::NoPort(listen.to_owned());
    let (host, port) = listen.rsplit_once(':').ok_or_else(no_port)?;
    let port: u16 = port.parse().map_err(|_| no_port())?;
    if host.is_empty() {
        return Ok(any(port));
    }
    let lookup = |error| ListenError::Lookup(host.to_owned(), error);
    let addresses: Vec<_> = tokio::net::lookup_host((host, port)).await.map_err(lookup)?.collect();
    let first = addresses.iter().find(|address| address.is_ipv4()).or_else(|| addresses.first());
    first.copied().ok_or_else(|| lookup(io::Error::other("no such host")))
}

/// A listener on `address`, ready for an async runtime, or why there is none.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    listener(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => "address already in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "cannot assign requested address".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    })
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
