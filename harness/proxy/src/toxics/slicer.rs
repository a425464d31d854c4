//! `slicer`: chunks are cut into smaller ones, each written on its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shakedown_model::Seed;

use super::chain::{Load, Parcel};
use super::wire::whole;
use crate::clock::Moment;

/// Slices of `average_size` bytes, give or take, with `delay` microseconds after each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Slicer {
    /// Bytes; at 0 nothing is cut (Toxiproxy 2.12 dies of it).
    #[serde(deserialize_with = "whole")]
    pub(crate) average_size: u64,
    /// Bytes by which a cut is moved at most.
    #[serde(deserialize_with = "whole")]
    pub(crate) size_variation: u64,
    /// Microseconds until the next slice may go.
    #[serde(deserialize_with = "whole")]
    pub(crate) delay: u64,
}

/// The most slices, about, that one read is cut into.
const SLICES_PER_READ: u64 = 2048;

impl Slicer {
    /// The most bytes to read at once, so that the slices of one read do not overfill the queue.
    pub(super) fn read_limit(self) -> usize {
        if self.average_size == 0 {
            return usize::MAX;
        }
        usize::try_from(self.average_size.saturating_mul(SLICES_PER_READ)).unwrap_or(usize::MAX)
    }

    /// Cuts a parcel; the first slice goes when the one before it has had its delay, at `free_at`, which moves on.
    pub(super) fn pass(
        self,
        draws: Seed,
        mut parcel: Parcel,
        free_at: &mut Moment,
        next: &mut dyn FnMut(Parcel),
    ) {
        parcel.at = parcel.at.max(*free_at);
        let Load::Bytes(len) = parcel.load else { return next(parcel) };
        let end = parcel.offset + len as u64;
        let delay = Duration::from_micros(self.delay);
        self.cut(draws, parcel.offset, end, &mut |from, to| {
            let slice = usize::try_from(to - from).expect("a slice is no longer than its chunk");
            next(Parcel { load: Load::Bytes(slice), offset: from, ..parcel });
            parcel.at = parcel.at + delay;
        });
        *free_at = parcel.at;
    }

    /// Halves a chunk, with a drawn shift, until what is left is no longer than wanted: Toxiproxy's way, which favours
    /// no place of the chunk. A cut is drawn by the byte offset that it would have without its shift.
    fn cut(self, draws: Seed, from: u64, to: u64, slice: &mut dyn FnMut(u64, u64)) {
        let len = to - from;
        let longest = self.average_size.saturating_add(self.size_variation);
        if self.average_size == 0 || len <= longest || len < 2 {
            return slice(from, to);
        }
        let middle = from + len / 2;
        let shift = draws.below(middle, self.size_variation.saturating_mul(2));
        let cut = middle.saturating_add(shift).saturating_sub(self.size_variation).clamp(from + 1, to - 1);
        self.cut(draws, from, cut, slice);
        self.cut(draws, cut, to, slice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(slicer: Slicer, offset: u64, len: usize) -> Vec<(u64, usize, u64)> {
        let mut out = Vec::new();
        let chunk = Parcel::bytes(Moment(1_000), offset, len);
        slicer.pass(Seed(3), chunk, &mut Moment(0), &mut |parcel| {
            let Load::Bytes(len) = parcel.load else { panic!("an end from bytes") };
            out.push((parcel.offset, len, parcel.at.0));
        });
        out
    }

    #[test]
    fn slices_follow_each_other_with_the_delay_between() {
        let slicer = Slicer { average_size: 25, size_variation: 0, delay: 10 };
        let wanted: Vec<_> = (0..4).map(|n| (500 + 25 * n, 25, 1_000 + 10_000 * n)).collect();
        assert_eq!(slices(slicer, 500, 100), wanted);
        let mut free_at = Moment(0);
        slicer.pass(Seed(3), Parcel::bytes(Moment(1_000), 0, 100), &mut free_at, &mut |_| {});
        assert_eq!(free_at, Moment(41_000), "the last slice has its delay too");
    }

    #[test]
    fn sizes_vary_around_the_average_within_bounds_and_lose_no_byte() {
        let slicer = Slicer { average_size: 100, size_variation: 30, delay: 0 };
        let cut = slices(slicer, 0, 60_000);
        let mut at = 0;
        for &(offset, len, _) in &cut {
            assert_eq!(offset, at);
            assert!((1..=130).contains(&len), "{len}");
            at += len as u64;
        }
        assert_eq!(at, 60_000);
        assert!((500..1_100).contains(&cut.len()), "{}", cut.len());
        assert!(cut.iter().any(|slice| slice.1 != cut[0].1), "they vary");
        assert_eq!(cut, slices(slicer, 0, 60_000), "the same draws again");
    }

    #[test]
    fn settings_that_make_no_sense_end_all_the_same() {
        assert_eq!(slices(Slicer::default(), 0, 1_000).len(), 1, "no size, no cut");
        let wild = Slicer { average_size: 1, size_variation: u64::MAX, delay: 0 };
        assert_eq!(slices(wild, 0, 1_000).len(), 1);
        let wild = Slicer { average_size: 1, size_variation: 500, delay: u64::MAX };
        assert_eq!(slices(wild, 0, 1_000).iter().map(|slice| slice.1).sum::<usize>(), 1_000);
        assert_eq!(slices(Slicer { average_size: 1, ..Slicer::default() }, 0, 1_000).len(), 1_000);
    }
}
