//! The toxics of one proxy, and which of them touch a connection.

use std::time::Duration;

use shakedown_model::Seed;

use super::{Heal, Kind, Stream, Toxic};
use crate::clock::Moment;

/// The most toxics that one proxy can have: a connection remembers them as bits.
pub(crate) const MAX_TOXICS: usize = 64;

/// Which toxics of a set touch a connection, by their place in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mask(u64);

/// The toxics of one proxy, in the order in which they were added. Never changed once shards have it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToxicSet {
    pub(super) toxics: Vec<Toxic>,
    delays: [bool; 2],
}

impl ToxicSet {
    pub(super) fn of(toxics: Vec<Toxic>) -> Self {
        let delays = Stream::BOTH.map(|stream| {
            toxics.iter().any(|toxic| toxic.stream == stream && matches!(toxic.kind, Kind::Latency(_)))
        });
        Self { toxics, delays }
    }

    /// Which toxics touch the connection with this seed.
    pub(crate) fn mask(&self, connection: Seed) -> Mask {
        let bits = self.toxics.iter().enumerate().filter(|(_, toxic)| toxic.touches(connection));
        Mask(bits.fold(0, |mask, (n, _)| mask | 1 << n))
    }

    fn touching(&self, mask: Mask) -> impl Iterator<Item = &Toxic> {
        self.toxics.iter().enumerate().filter(move |(n, _)| mask.0 >> n & 1 == 1).map(|(_, toxic)| toxic)
    }

    /// The delay of the chunk that begins at `offset`: the sum over the latency toxics of this direction.
    pub(crate) fn delay(&self, mask: Mask, connection: Seed, stream: Stream, offset: u64) -> Duration {
        if !self.delays[stream.index()] {
            return Duration::ZERO;
        }
        let draws = connection.nth(stream.index() as u64);
        self.touching(mask)
            .filter(|toxic| toxic.stream == stream)
            .filter_map(|toxic| match toxic.kind {
                Kind::Latency(latency) => Some(latency.delay(draws.child(&toxic.name), offset)),
                Kind::ResetPeer(_) | Kind::Blackhole(_) => None,
            })
            .fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Whether bytes of this direction are held.
    pub(crate) fn holds(&self, mask: Mask, stream: Stream) -> bool {
        self.touching(mask).any(|toxic| toxic.stream == stream && matches!(toxic.kind, Kind::Blackhole(_)))
    }

    /// Whether any toxic may hold bytes of this direction, on whichever connection.
    pub(crate) fn can_hold(&self, stream: Stream) -> bool {
        self.toxics.iter().any(|toxic| toxic.stream == stream && matches!(toxic.kind, Kind::Blackhole(_)))
    }

    /// When a connection that began at `began` is reset, if ever.
    pub(crate) fn reset_at(&self, mask: Mask, began: Moment) -> Moment {
        self.touching(mask)
            .filter_map(|toxic| match toxic.kind {
                Kind::ResetPeer(reset) => Some(reset.at(began, toxic.since)),
                Kind::Latency(_) | Kind::Blackhole(_) => None,
            })
            .min()
            .unwrap_or(Moment::NEVER)
    }

    /// Whether a connection that `self` held under `mask` is reset by `next`, which holds it no more.
    pub(crate) fn heals_by_reset(&self, mask: Mask, next: &Self, next_mask: Mask) -> bool {
        self.touching(mask).any(|held| {
            let Kind::Blackhole(blackhole) = held.kind else { return false };
            let is_still_held = next
                .touching(next_mask)
                .any(|toxic| toxic.name == held.name && matches!(toxic.kind, Kind::Blackhole(_)));
            // An update may change how it heals in the same breath as it heals.
            let updated = next.toxics.iter().find(|toxic| toxic.name == held.name).map(|toxic| &toxic.kind);
            let heal = if let Some(Kind::Blackhole(now)) = updated { now.heal } else { blackhole.heal };
            !is_still_held && heal == Heal::Reset
        })
    }
}
