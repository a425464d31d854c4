//! The watchers' side: a process that opens connections, takes its turns and says when each chain ended.

use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use serde::{Deserialize, Serialize};
use shakedown_model::floor::FloorShape;
use socket2::{Domain, Socket, Type};

use crate::clock::now_ns;
use crate::crowd::Crowd;
use crate::turns;

/// The command, with an address behind it, by which a program does the watchers' side: it must call [`peer`].
pub const PEER: &str = "floor-peer";

/// Connections of one source address; past 14,000 `connect` becomes slow (design: about 12,000 for a pair of addresses).
const PER_SOURCE: u32 = 10_000;
/// Seconds without any message after which a round is given up.
pub(crate) const PATIENCE: i64 = 30;

/// What the peer is told in its first line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) shape: FloorShape,
    pub(crate) rounds: u32,
}

/// The peer could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The process that measures is not there, or went away.
    #[error("the process that measures the floor cannot be heard at {address}")]
    Gone {
        /// Where it was to be.
        address: SocketAddr,
        /// What happened.
        source: io::Error,
    },
    /// A connection could not be opened.
    #[error(
        "connection {nth} of {all} could not be opened from {source_address}: raise the limit on open files, or measure with fewer"
    )]
    Connect {
        /// Which.
        nth: u32,
        /// Of how many.
        all: u32,
        /// Where it was to come from.
        source_address: Ipv4Addr,
        /// What happened.
        source: io::Error,
    },
    /// A connection failed under way.
    #[error("a connection failed while the floor was measured")]
    Round(#[source] io::Error),
}

/// Does the watchers' part for the process that listens at `address`, until all rounds are done.
///
/// # Errors
/// [`PeerError`], which that process learns from this one's standard error.
pub fn peer(address: SocketAddr) -> Result<(), PeerError> {
    let gone = |source| PeerError::Gone { address, source };
    let control = TcpStream::connect(address).map_err(gone)?;
    let mut line = String::new();
    BufReader::new(control.try_clone().map_err(gone)?).read_line(&mut line).map_err(gone)?;
    let task: Task = serde_json::from_str(&line).map_err(|error| gone(error.into()))?;

    let mut crowd = Crowd::new(turns::of_watchers(task.shape)).map_err(PeerError::Round)?;
    for nth in 0..task.shape.connections {
        let source_address = source_of(nth);
        let all = task.shape.connections;
        connect(address, source_address)
            .and_then(|stream| crowd.add(stream))
            .map_err(|source| PeerError::Connect { nth: nth + 1, all, source_address, source })?;
    }
    let mut stamps = vec![0_u64; crowd.len()];
    let mut out = BufWriter::new(control);
    for _ in 0..task.rounds {
        crowd.round(PATIENCE, |index| stamps[index] = now_ns()).map_err(PeerError::Round)?;
        let told = stamps.iter().try_for_each(|stamp| out.write_all(&stamp.to_le_bytes()));
        told.and_then(|()| out.flush()).map_err(gone)?;
    }
    Ok(())
}

/// Addresses that no watcher of a run uses: those go from 127.1.0.0 upwards.
fn source_of(nth: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 0, 200, 1).to_bits() + nth / PER_SOURCE)
}

fn connect(address: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(IpAddr::V4(from), 0).into())?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}
