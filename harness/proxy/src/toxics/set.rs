//! The toxics of one proxy, and which of them touch a connection.

use shakedown_model::Seed;

use super::{Counts, Heal, Kind, Stream, Toxic};
use crate::clock::Moment;

/// The most toxics that one proxy can have: a connection remembers them as bits.
pub(crate) const MAX_TOXICS: usize = 64;

/// Which toxics of a set touch a connection, by their place in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mask(u64);

/// What a connection does when a toxic leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leave {
    /// It lives on.
    Stay,
    /// It ends in order, since bytes of it were dropped.
    Close,
    /// It is reset.
    Reset,
}

/// The toxics of one proxy, in the order in which they were added. Never changed once shards have it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToxicSet {
    pub(super) toxics: Vec<Toxic>,
    /// The number of the next toxic: none is used twice, so that a chain knows which of its stages stay.
    pub(super) next_id: u32,
    /// By direction: whether bytes of it pass a chain.
    shapes: [bool; 2],
}

impl ToxicSet {
    pub(super) fn of(toxics: Vec<Toxic>, next_id: u32) -> Self {
        let shapes = Stream::BOTH
            .map(|stream| toxics.iter().any(|toxic| toxic.stream == stream && toxic.kind.is_stage()));
        Self { toxics, next_id, shapes }
    }

    /// No toxics, after these.
    pub(crate) fn cleared(&self) -> Self {
        Self::of(Vec::new(), self.next_id)
    }

    /// Which toxics touch the connection with this seed, which began at `began`.
    pub(crate) fn mask(&self, connection: Seed, began: Moment) -> Mask {
        let bits = self.toxics.iter().enumerate().filter(|(_, toxic)| toxic.touches(connection, began));
        Mask(bits.fold(0, |mask, (n, _)| mask | 1 << n))
    }

    /// The toxics under a mask, with their places.
    pub(super) fn touching(&self, mask: Mask) -> impl Iterator<Item = (usize, &Toxic)> {
        self.toxics.iter().enumerate().filter(move |(n, _)| mask.0 >> n & 1 == 1)
    }

    /// Whether bytes of this direction pass a chain, on whichever connection.
    pub(super) const fn shapes(&self, stream: Stream) -> bool {
        self.shapes[stream.index()]
    }

    /// The toxics under a mask that act on requests, frames and messages: their numbers, places and names.
    pub(crate) fn reading_http(&self, mask: Mask) -> impl Iterator<Item = (u32, usize, &str)> {
        self.touching(mask)
            .filter(|(_, toxic)| toxic.kind.reads_http())
            .map(|(place, toxic)| (toxic.id, place, toxic.name.as_str()))
    }

    /// Where the toxic at a place counts.
    pub(crate) fn counts(&self, place: usize) -> &Counts {
        &self.toxics[place].counts
    }

    /// What the toxic at a place does.
    pub(crate) fn kind(&self, place: usize) -> &Kind {
        &self.toxics[place].kind
    }

    /// Whether bytes of this direction are held.
    pub(crate) fn holds(&self, mask: Mask, stream: Stream) -> bool {
        self.touching(mask).any(|(_, toxic)| toxic.kind.holds(toxic.stream, stream))
    }

    /// Whether the connection loses its upstream without its client's knowledge.
    pub(crate) fn halves(&self, mask: Mask) -> bool {
        self.touching(mask).any(|(_, toxic)| matches!(toxic.kind, Kind::HalfOpen(_)))
    }

    /// Whether new connections are refused.
    pub(crate) fn refuses(&self) -> bool {
        self.toxics.iter().any(|toxic| toxic.toxicity > 0.0 && matches!(toxic.kind, Kind::Refuse(_)))
    }

    /// Whether any toxic may hold bytes of this direction, on whichever connection.
    pub(crate) fn can_hold(&self, stream: Stream) -> bool {
        self.toxics.iter().any(|toxic| toxic.kind.holds(toxic.stream, stream))
    }

    /// When a connection that began at `began` is reset, if ever.
    pub(crate) fn reset_at(&self, mask: Mask, began: Moment) -> Moment {
        self.touching(mask)
            .filter_map(|(_, toxic)| match toxic.kind {
                Kind::ResetPeer(reset) => Some(reset.at(began, toxic.since)),
                Kind::Flap(flap) => Some(flap.at(began, toxic.since)),
                _ => None,
            })
            .min()
            .unwrap_or(Moment::NEVER)
    }

    /// How a direction that `self` touched under `mask` is ended by `next`, which touches it otherwise.
    pub(crate) fn leaves(&self, mask: Mask, next: &Self, next_mask: Mask, stream: Stream) -> Leave {
        let left = self.touching(mask).filter(|(_, toxic)| {
            toxic.stream == stream && !next.touching(next_mask).any(|(_, stays)| stays.id == toxic.id)
        });
        left.map(|(_, toxic)| match toxic.kind.heal() {
            Some(heal) => {
                // An update may change how it heals in the same breath as it heals.
                let updated = next.toxics.iter().find(|updated| updated.id == toxic.id);
                let heal = updated.and_then(|updated| updated.kind.heal()).unwrap_or(heal);
                if heal == Heal::Reset { Leave::Reset } else { Leave::Stay }
            }
            None if matches!(toxic.kind, Kind::Timeout(_)) => Leave::Close,
            None => Leave::Stay,
        })
        .max()
        .unwrap_or(Leave::Stay)
    }
}
