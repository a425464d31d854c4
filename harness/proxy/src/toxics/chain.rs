//! The chain of one direction of one connection: its toxics in the order in which they were added, as in Toxiproxy.
//!
//! What arrives is sent through all stages at once, by arithmetic: each stage lets a parcel go at some instant, cuts it,
//! drops it or ends the stream, and no stage lets anything overtake. What comes out waits in the connection's queue.
//!
//! Times of stages add up, but for one thing that Toxiproxy has, too: a latency counts from the arrival at the proxy
//! (and from the latencies before it), so that the wait for a bandwidth ahead of it is not paid twice.

use shakedown_model::Seed;

use super::{Kind, Mask, Stream, Timeout, ToxicSet};
use crate::clock::Moment;
use crate::queue::End;

#[cfg(test)]
mod tests;

/// What a parcel holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// So many bytes, at least one.
    Bytes(usize),
    /// The end of the stream.
    End(End),
}

/// Bytes, or the end, on the way through a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// What latencies count from: the arrival, later by the latencies that it has had.
    pub(crate) since: Moment,
    /// When the stage before lets it go.
    pub(crate) at: Moment,
    /// The place of its first byte in the stream.
    pub(crate) offset: u64,
    pub(crate) load: Load,
}

impl Parcel {
    /// Bytes that arrive now.
    pub(crate) const fn bytes(now: Moment, offset: u64, len: usize) -> Self {
        Self { since: now, at: now, offset, load: Load::Bytes(len) }
    }

    /// An end that arrives now.
    pub(crate) const fn end(now: Moment, offset: u64, end: End) -> Self {
        Self { since: now, at: now, offset, load: Load::End(end) }
    }
}

/// One toxic of the chain, with what it remembers of the connection.
#[derive(Debug)]
struct Stage {
    /// The toxic, whatever else comes and goes.
    id: u32,
    /// Its place in the set.
    place: usize,
    draws: Seed,
    /// Nothing leaves the stage before; for `timeout`, when it last had something to drop.
    free_at: Moment,
    /// Bytes that it let through.
    passed: u64,
}

/// The toxics that bytes of one direction of one connection pass; empty, it costs no memory.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    stages: Box<[Stage]>,
}

/// Whose chain: the draws of a direction come from the connection's seed.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) seed: Seed,
    pub(crate) stream: Stream,
    /// When the connection began.
    pub(crate) began: Moment,
}

impl Chain {
    pub(crate) const fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Goes over to the toxics of `set` that touch the connection; a toxic that stays keeps what it remembers.
    pub(crate) fn adopt(&mut self, set: &ToxicSet, mask: Mask, place: Place) {
        let before = std::mem::take(&mut self.stages);
        if !set.shapes(place.stream) {
            return;
        }
        let draws = place.seed.nth(place.stream.index() as u64);
        let staged =
            set.touching(mask).filter(|(_, toxic)| toxic.stream == place.stream && toxic.kind.is_stage());
        self.stages = staged
            .map(|(index, toxic)| {
                let known = before.iter().find(|stage| stage.id == toxic.id);
                let (mut free_at, passed) =
                    known.map_or((Moment::START, 0), |stage| (stage.free_at, stage.passed));
                if let Kind::Timeout(_) = toxic.kind {
                    free_at = free_at.max(place.began).max(toxic.since);
                }
                Stage { id: toxic.id, place: index, draws: draws.child(&toxic.name), free_at, passed }
            })
            .collect();
    }

    /// Sends what arrived through the chain.
    pub(crate) fn send(&mut self, set: &ToxicSet, parcel: Parcel, out: &mut dyn FnMut(Parcel)) {
        pass(set, &mut self.stages, parcel, out);
    }

    /// Sends what waits through the chain once more, after a change: `waiting` bytes have passed the stages that stayed.
    ///
    /// `resend` sends each parcel and sees to it that none becomes later than it was; lines are taken as free from `now`.
    pub(crate) fn resend(&mut self, set: &ToxicSet, waiting: Waiting, resend: impl FnOnce(&mut Self)) {
        let before: Vec<_> = self.stages.iter().map(|stage| stage.free_at).collect();
        for stage in &mut self.stages {
            match set.kind(stage.place) {
                Kind::Latency(_) => stage.free_at = Moment::START,
                Kind::Timeout(_) => {}
                _ => stage.free_at = stage.free_at.min(waiting.now),
            }
            stage.passed = stage.passed.saturating_sub(waiting.bytes);
        }
        resend(self);
        for (stage, before) in self.stages.iter_mut().zip(before) {
            let is_new = before == Moment::START;
            // What was spared by a new toxic keeps its line busy no longer than it waits itself.
            stage.free_at = stage.free_at.min(if is_new { waiting.until } else { before });
        }
    }

    /// Whether a limit is reached, so that nothing more will pass.
    pub(crate) fn is_spent(&self, set: &ToxicSet) -> bool {
        self.stages.iter().any(|stage| match set.kind(stage.place) {
            Kind::LimitData(limit) => limit.is_spent(stage.passed),
            _ => false,
        })
    }

    /// When the connection is closed if no more bytes come.
    pub(crate) fn closes_at(&self, set: &ToxicSet) -> Moment {
        let ends = self.stages.iter().filter_map(|stage| match set.kind(stage.place) {
            Kind::Timeout(timeout) => Some(Timeout::closes_at(*timeout, stage.free_at)),
            _ => None,
        });
        ends.min().unwrap_or(Moment::NEVER)
    }

    /// The most bytes that one read may bring.
    pub(crate) fn read_limit(&self, set: &ToxicSet) -> usize {
        let limits = self.stages.iter().filter_map(|stage| match set.kind(stage.place) {
            Kind::Slicer(slicer) => Some(slicer.read_limit()),
            _ => None,
        });
        limits.min().unwrap_or(usize::MAX)
    }
}

/// What waits when a chain changes.
#[derive(Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) now: Moment,
    /// When the last of it is due as things were.
    pub(crate) until: Moment,
    pub(crate) bytes: u64,
}

/// Sends a parcel through `stages`, and what comes of it to `out`.
fn pass(set: &ToxicSet, stages: &mut [Stage], parcel: Parcel, out: &mut dyn FnMut(Parcel)) {
    let Some((stage, rest)) = stages.split_first_mut() else { return out(parcel) };
    let Stage { free_at, passed, draws, .. } = stage;
    let mut next = |parcel| pass(set, rest, parcel, out);
    match set.kind(stage.place) {
        Kind::Latency(latency) => in_order(parcel, free_at, |parcel| latency.pass(*draws, parcel), &mut next),
        Kind::SlowClose(slow) => in_order(parcel, free_at, |parcel| slow.pass(parcel), &mut next),
        Kind::Bandwidth(line) => {
            let from = *free_at;
            line.pass(parcel, from, &mut |piece| {
                *free_at = piece.at;
                next(piece);
            });
        }
        Kind::Slicer(slicer) => slicer.pass(*draws, parcel, free_at, &mut next),
        Kind::LimitData(limit) => limit.pass(parcel, passed, &mut next),
        Kind::Timeout(_) => match parcel.load {
            // What never comes out of a stage ahead is not dropped here either.
            Load::Bytes(_) if parcel.at < Moment::NEVER => *free_at = parcel.at.max(*free_at),
            Load::Bytes(_) => {}
            Load::End(_) => next(parcel),
        },
        // None of these is a stage; they act on a connection as a whole, on its requests and frames, or on the listener.
        Kind::Answers(_)
        | Kind::Blackhole(_)
        | Kind::Flap(_)
        | Kind::GoAway(_)
        | Kind::HalfOpen(_)
        | Kind::Noop(_)
        | Kind::Refuse(_)
        | Kind::ResetPeer(_)
        | Kind::RstStream(_)
        | Kind::Silence(_)
        | Kind::StalledWindow(_)
        | Kind::Swallowed(_) => next(parcel),
    }
}

/// Lets `delay` move a parcel, but never ahead of the one before it.
fn in_order(
    mut parcel: Parcel,
    free_at: &mut Moment,
    delay: impl FnOnce(&mut Parcel),
    next: &mut dyn FnMut(Parcel),
) {
    delay(&mut parcel);
    parcel.at = parcel.at.max(*free_at);
    *free_at = parcel.at;
    next(parcel);
}
