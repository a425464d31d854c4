//! Free ports on loopback.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports are looked for here: below the ephemeral range (32768 on Linux), or a client could connect to itself.
const RANGE: std::ops::Range<u16> = 15_000..31_000;

/// No port was free.
#[derive(Debug, thiserror::Error)]
#[error("no free port was found on 127.0.0.1 between {} and {}; end what listens there", RANGE.start, RANGE.end)]
pub struct PortError;

/// Hands out free ports, each once.
#[derive(Debug)]
pub struct Ports {
    next: u16,
    taken: BTreeSet<u16>,
}

impl Default for Ports {
    fn default() -> Self {
        Self::new()
    }
}

impl Ports {
    /// Begins at a port of this process' own, and at another for each one that it makes, so that runs side by side
    /// seldom meet.
    #[must_use]
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let span = u32::from(RANGE.end - RANGE.start);
        let nth = MADE.fetch_add(1, Ordering::Relaxed);
        let start = std::process::id().wrapping_mul(97).wrapping_add(nth.wrapping_mul(2_503)) % span;
        let next = RANGE.start + u16::try_from(start).expect("below a u16 span");
        Self { next, taken: BTreeSet::new() }
    }

    /// A free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`PortError`] when a whole round found none.
    pub fn one(&mut self) -> Result<SocketAddr, PortError> {
        self.with_offsets(&[])
    }

    /// A free port p with `p + offset` free too, for each of the offsets.
    ///
    /// # Errors
    /// [`PortError`] when a whole round found none.
    pub fn with_offsets(&mut self, offsets: &[i32]) -> Result<SocketAddr, PortError> {
        for _ in RANGE {
            let port = self.next;
            self.next = if port + 1 >= RANGE.end { RANGE.start } else { port + 1 };
            let wanted: Option<Vec<u16>> = std::iter::once(Some(port))
                .chain(offsets.iter().map(|offset| u16::try_from(i32::from(port) + offset).ok()))
                .collect();
            if let Some(wanted) = wanted
                && wanted.iter().all(|port| !self.taken.contains(port) && is_free(*port))
            {
                self.taken.extend(wanted);
                return Ok(loopback(port));
            }
        }
        Err(PortError)
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_handed_out_once_and_a_taken_one_is_passed_over() {
        let mut ports = Ports::new();
        let first = ports.one().unwrap();
        let holder = TcpListener::bind(loopback(first.port() + 1)).ok();
        let second = ports.with_offsets(&[1000, -1000]).unwrap();
        assert_ne!(first, second);
        if holder.is_some() {
            assert_ne!(second.port(), first.port() + 1);
        }
    }
}
