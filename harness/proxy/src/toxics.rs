//! Toxics: what they are on the wire, and what they do to one connection, without sockets.
//!
//! Each kind has a file of its own; [`set`] holds the toxics of one proxy and says which touch a connection, [`chain`] is
//! what those make of its bytes.
//! Every draw is a pure function of the server's seed, the proxy's name, the connection's number, the toxic's name,
//! the direction and the byte offset, so the same toxic picks the same connections and delays again.

pub(crate) mod answers;
mod bandwidth;
mod blackhole;
mod chain;
mod error;
mod flap;
mod go_away;
mod half_open;
pub(crate) mod latency;
mod limit_data;
mod noop;
mod refuse;
mod reset_peer;
mod rst_stream;
mod set;
mod silence;
mod slicer;
mod slow_close;
mod stalled_window;
mod swallowed;
mod timeout;
mod wire;

use answers::Answers;
use bandwidth::Bandwidth;
use blackhole::{Blackhole, Heal};
pub(crate) use chain::{Chain, Load, Parcel, Place, Waiting};
pub(crate) use error::ToxicError;
use flap::Flap;
use go_away::GoAway;
use half_open::HalfOpen;
use latency::Latency;
use limit_data::LimitData;
use noop::Noop;
use refuse::Refuse;
use reset_peer::ResetPeer;
use rst_stream::RstStream;
use set::MAX_TOXICS;
pub(crate) use set::{Leave, Mask, ToxicSet};
use silence::Silence;
use slicer::Slicer;
use slow_close::SlowClose;
use stalled_window::StalledWindow;
use swallowed::Swallowed;
use timeout::Timeout;
pub(crate) use wire::ToxicView;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    Answers(Box<Answers>),
    Bandwidth(Bandwidth),
    Blackhole(Blackhole),
    Flap(Flap),
    GoAway(GoAway),
    HalfOpen(HalfOpen),
    Latency(Latency),
    LimitData(LimitData),
    Noop(Noop),
    Refuse(Refuse),
    ResetPeer(ResetPeer),
    RstStream(RstStream),
    Silence(Silence),
    Slicer(Slicer),
    SlowClose(SlowClose),
    StalledWindow(StalledWindow),
    Swallowed(Swallowed),
    Timeout(Timeout),
}

impl Kind {
    /// Whether bytes of this direction are held by it, as a toxic of `own` direction.
    fn holds(&self, own: Stream, stream: Stream) -> bool {
        match self {
            Self::Blackhole(_) => own == stream,
            Self::Silence(_) => true,
            _ => false,
        }
    }

    /// What healing does to connections that it held.
    const fn heal(&self) -> Option<Heal> {
        match self {
            Self::Blackhole(blackhole) => Some(blackhole.heal),
            Self::Silence(silence) => Some(silence.heal),
            _ => None,
        }
    }

    /// Whether bytes pass through it; the others act on a connection as a whole.
    const fn is_stage(&self) -> bool {
        !self.reads_http()
            && !matches!(
                self,
                Self::Blackhole(_)
                    | Self::Flap(_)
                    | Self::HalfOpen(_)
                    | Self::Noop(_)
                    | Self::Refuse(_)
                    | Self::ResetPeer(_)
                    | Self::Silence(_)
            )
    }

    /// Whether it acts on requests, frames or messages, which must be followed from a connection's first byte.
    pub(crate) const fn reads_http(&self) -> bool {
        matches!(
            self,
            Self::Answers(_)
                | Self::GoAway(_)
                | Self::RstStream(_)
                | Self::StalledWindow(_)
                | Self::Swallowed(_)
        )
    }
}

/// How often a toxic acted, of those that count it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    acted: AtomicU64,
    of: AtomicU64,
}

impl Counts {
    /// It acted.
    pub(crate) fn acted(&self) {
        self.acted.fetch_add(1, Ordering::Relaxed);
    }

    /// Something passed on which it could act.
    pub(crate) fn could(&self) {
        self.of.fetch_add(1, Ordering::Relaxed);
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
    /// How often it acted; the same over changes.
    counts: Arc<Counts>,
}

impl Toxic {
    /// Whether it touches the connection with this seed, which began at `began`. The draw is kept over updates: raising
    /// the toxicity adds connections and lowering it takes some away, none is exchanged.
    fn touches(&self, connection: Seed, began: Moment) -> bool {
        let is_of_age = match self.kind {
            Kind::Silence(_) => began >= self.since,
            Kind::HalfOpen(_) | Kind::GoAway(_) | Kind::RstStream(_) | Kind::StalledWindow(_) => {
                began < self.since
            }
            _ => true,
        };
        is_of_age && connection.child(&self.name).unit(0) < f64::from(self.toxicity)
    }
}
