//! A port for a socket that is bound to a source address.
//!
//! Left to itself, the kernel searches for one when the socket is bound, port by port from a random one on, among those
//! that are odd first: with 10,000 sockets at an address that search took 80 % of two processors. So ports are tried here,
//! at random: one try finds whether one is free, and with 12,000 of 28,000 taken the second try on average is the last.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use shakedown_model::Seed;
use tokio::net::TcpSocket;

/// Linux's own range of such ports; nothing of a run listens there.
const PORTS: std::ops::Range<u16> = 32_768..61_000;
/// Then the kernel may search.
const TRIES: u32 = 16;

/// Binds to `source` and a port that is free there.
pub(super) fn bind(socket: &TcpSocket, source: Ipv4Addr) -> io::Result<()> {
    for _ in 0..TRIES {
        match socket.bind(SocketAddr::from((source, next_port()))) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            bound => return bound,
        }
    }
    socket.bind(SocketAddr::from((source, 0)))
}

/// Another at each call, and others in each process.
fn next_port() -> u16 {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let nth = DRAWN.fetch_add(1, Ordering::Relaxed);
    let draw = Seed(u64::from(std::process::id())).child("source-ports").below(nth, PORTS.len() as u64);
    PORTS.start + u16::try_from(draw).expect("below the count of ports")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_socket_has_a_port_of_its_own_above_those_that_are_listened_at() {
        let source = Ipv4Addr::new(127, 88, 7, 6);
        let sockets: Vec<_> = (0..500)
            .map(|_| {
                let socket = TcpSocket::new_v4().unwrap();
                bind(&socket, source).unwrap();
                socket
            })
            .collect();
        let ports: std::collections::BTreeSet<_> =
            sockets.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
        assert_eq!(ports.len(), sockets.len());
        assert!(ports.iter().all(|port| PORTS.contains(port)), "{ports:?}");
    }

    #[tokio::test]
    async fn an_address_that_is_not_here_is_said_at_once() {
        let socket = TcpSocket::new_v4().unwrap();
        let error = bind(&socket, Ipv4Addr::new(203, 0, 113, 1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
