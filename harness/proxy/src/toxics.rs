//! Toxics: what they are on the wire, and what they do to one connection, without sockets.
//!
//! Each kind has a file of its own; [`set`] holds the toxics of one proxy and says which touch a connection, [`chain`] is
//! what those make of its bytes.
//! Every draw is a pure function of the server's seed, the proxy's name, the connection's number, the toxic's name,
//! the direction and the byte offset, so the same toxic picks the same connections and delays again.

mod bandwidth;
mod blackhole;
mod chain;
mod error;
pub(crate) mod latency;
mod limit_data;
mod noop;
mod reset_peer;
mod set;
mod slicer;
mod slow_close;
mod timeout;
mod wire;

use bandwidth::Bandwidth;
use blackhole::{Blackhole, Heal};
pub(crate) use chain::{Chain, Load, Parcel, Place, Waiting};
pub(crate) use error::ToxicError;
use latency::Latency;
use limit_data::LimitData;
use noop::Noop;
use reset_peer::ResetPeer;
use set::MAX_TOXICS;
pub(crate) use set::{Leave, Mask, ToxicSet};
use slicer::Slicer;
use slow_close::SlowClose;
use timeout::Timeout;
pub(crate) use wire::ToxicView;

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
    Bandwidth(Bandwidth),
    Blackhole(Blackhole),
    Latency(Latency),
    LimitData(LimitData),
    Noop(Noop),
    ResetPeer(ResetPeer),
    Slicer(Slicer),
    SlowClose(SlowClose),
    Timeout(Timeout),
}

impl Kind {
    /// Whether bytes pass through it; the others act on a connection as a whole.
    const fn is_stage(&self) -> bool {
        !matches!(self, Self::ResetPeer(_) | Self::Blackhole(_) | Self::Noop(_))
    }
}

/// A toxic of one proxy.
#[derive(Debug, Clone)]
pub(crate) struct Toxic {
    /// Which one, whatever its name and place.
    id: u32,
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
