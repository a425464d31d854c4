//! Listening: Go's address forms, and a deep accept queue.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

/// A fleet that reconnects at once fits into it.
const BACKLOG: i32 = 4096;

/// An address that means nothing, in Go's words.
#[derive(Debug, Error)]
pub(crate) enum AddressError {
    /// It has no port.
    #[error("address {0}: missing port in address")]
    NoPort(String),
    /// Its port is none.
    #[error("address {0}: invalid port")]
    Port(String),
    /// Its port has a name; Go would look it up in the system's list of services.
    #[error("lookup tcp/{0}: unknown port")]
    NamedPort(String),
    /// Its name has no address.
    #[error("lookup {0}: {1}")]
    Lookup(String, #[source] io::Error),
}

/// A proxy that could not listen, in Go's words.
#[derive(Debug, Error)]
pub(crate) enum ListenError {
    /// Its address means nothing.
    #[error("listen tcp: {0}")]
    Address(#[from] AddressError),
    /// Its address cannot be bound.
    #[error("listen tcp {0}: bind: {1}")]
    Bind(SocketAddr, String),
}

/// The address that `listen` means: `host:port`, `:port` for every interface, nothing for any port of them.
pub(super) async fn resolve(listen: &str) -> Result<SocketAddr, AddressError> {
    let any = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    if listen.is_empty() {
        return Ok(any(0));
    }
    if let Ok(address) = listen.parse() {
        return Ok(address);
    }
    let (host, port) = listen.rsplit_once(':').ok_or_else(|| AddressError::NoPort(listen.to_owned()))?;
    let port: u16 = match port.parse() {
        Ok(port) => port,
        Err(_) if port.is_empty() => 0,
        Err(_) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err(AddressError::Port(port.to_owned()));
        }
        Err(_) => return Err(AddressError::NamedPort(port.to_owned())),
    };
    if host.is_empty() {
        return Ok(any(port));
    }
    let lookup = |error| AddressError::Lookup(host.to_owned(), error);
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
