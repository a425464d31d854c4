//! Connecting to an upstream.

use std::io;
use std::net::{IpAddr, SocketAddr};

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpSocket, TcpStream};

/// Connects to `upstream` (`host:port`), from `source` if given: the first of its addresses that answers.
pub(super) async fn connect(upstream: &str, source: Option<IpAddr>) -> io::Result<TcpStream> {
    if let Ok(address) = upstream.parse() {
        return connect_to(address, source).await;
    }
    let mut last = None;
    for address in tokio::net::lookup_host(upstream).await? {
        match connect_to(address, source).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("the upstream's name has no address")))
}

async fn connect_to(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_nodelay(true)?;
    if let Some(source) = source {
        // The port is chosen at the connect, where it need be free for this upstream only.
        setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(address).await
}
