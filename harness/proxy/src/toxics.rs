//! Toxics: what they are on the wire, and what they do to one connection, without sockets.
//!
//! Each kind has a file of its own; [`set`] holds the toxics of one proxy and answers what applies to a connection.
//! Every draw is a pure function of the server's seed, the proxy's name, the connection's number, the toxic's name,
//! the direction and the byte offset, so the same toxic picks the same connections and delays again.

mod blackhole;
mod latency;
mod reset_peer;
mod set;
mod wire;

pub(crate) use blackhole::{Blackhole, Heal};
pub(crate) use latency::Latency;
pub(crate) use reset_peer::ResetPeer;
pub(crate) use set::{MAX_TOXICS, Mask, ToxicSet};
pub(crate) use wire::{ToxicError, ToxicView};

use serde::Serialize;
use shakedown_model::Seed;

use crate::clock::Moment;

/// A direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// From the client to the upstream.
    Up,
    /// From the upstream to the client.
    Down,
}

impl Stream {
    pub(crate) const BOTH: [Self; 2] = [Self::Up, Self::Down];

    /// The place of this direction in an array of two.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }

    pub(crate) const fn opposite(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// What a toxic does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Kind {
    Latency(Latency),
    ResetPeer(ResetPeer),
    Blackhole(Blackhole),
}

/// A toxic of one proxy.
#[derive(Debug, Clone)]
pub(crate) struct Toxic {
    name: String,
    stream: Stream,
    /// The stream as the API was given it; Toxiproxy echoes the spelling.
    stream_text: String,
    toxicity: f32,
    kind: Kind,
    /// When it was added or its attributes changed.
    since: Moment,
}

impl Toxic {
    /// Whether it touches the connection with this seed. The draw is kept over updates: raising the toxicity adds
    /// connections and lowering it takes some away, none is exchanged.
    fn touches(&self, connection: Seed) -> bool {
        connection.child(&self.name).unit(0) < f64::from(self.toxicity)
    }
}
