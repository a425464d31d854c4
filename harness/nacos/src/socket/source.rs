//! A source address for a socket, whose port is left for the connect.
//!
//! A port that is chosen when the socket is bound must be free for every peer, and the kernel searches for one port by
//! port: with 10,000 sockets at an address that search took 80 % of two processors, and the ports of connections that have
//! just ended are taken for a minute. Chosen at the connect it need only be free for that peer (ip(7),
//! `IP_BIND_ADDRESS_NO_PORT`).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::TcpSocket;

/// Binds to `source` alone.
pub(super) fn bind(socket: &TcpSocket, source: Ipv4Addr) -> io::Result<()> {
    setsockopt(socket, sockopt::IpBindAddressNoPort, &true)?;
    socket.bind(SocketAddr::from((source, 0)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_port_is_chosen_at_the_connect() {
        let source = Ipv4Addr::new(127, 88, 7, 6);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        bind(&socket, source).unwrap();
        assert_eq!(socket.local_addr().unwrap(), SocketAddr::from((source, 0)));
        let stream = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        let from = stream.local_addr().unwrap();
        assert_eq!(from.ip(), source);
        assert_ne!(from.port(), 0);
    }

    #[tokio::test]
    async fn an_address_that_is_not_here_is_said_at_once() {
        let socket = TcpSocket::new_v4().unwrap();
        let error = bind(&socket, Ipv4Addr::new(203, 0, 113, 1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
