//! `bandwidth`: bytes leave at a rate, in pieces of at most 100 ms, as Toxiproxy cuts them.

use serde::{Deserialize, Serialize};

use super::chain::{Load, Parcel};
use super::wire::whole;
use crate::clock::Moment;

/// A line that carries `rate` KB a second (1 KB is 1,000 bytes), so `rate` bytes each millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Bandwidth {
    /// KB per second; at 0 nothing passes and nothing is lost.
    #[serde(deserialize_with = "whole")]
    pub(crate) rate: u64,
}

/// The longest that one piece takes, in milliseconds.
const PIECE_MS: u64 = 100;
const NANOS_PER_MS: u64 = 1_000_000;

impl Bandwidth {
    /// Sends a parcel over the line, which is free at `free_at`, and hands its pieces on.
    pub(super) fn pass(self, mut parcel: Parcel, free_at: Moment, next: &mut dyn FnMut(Parcel)) {
        parcel.at = parcel.at.max(free_at);
        let Load::Bytes(mut left) = parcel.load else { return next(parcel) };
        let most = usize::try_from(self.rate.saturating_mul(PIECE_MS)).unwrap_or(usize::MAX);
        while self.rate > 0 && left > most {
            parcel.at = parcel.at + self.takes(most);
            next(Parcel { load: Load::Bytes(most), ..parcel });
            parcel.offset += most as u64;
            left -= most;
        }
        parcel.at = if self.rate == 0 { Moment::NEVER } else { parcel.at + self.takes(left) };
        next(Parcel { load: Load::Bytes(left), ..parcel });
    }

    fn takes(self, bytes: usize) -> std::time::Duration {
        std::time::Duration::from_nanos((bytes as u64).saturating_mul(NANOS_PER_MS) / self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::End;

    const MS: u64 = NANOS_PER_MS;

    fn sent(rate: u64, parcel: Parcel, free_at: Moment) -> Vec<(usize, u64)> {
        let mut pieces = Vec::new();
        Bandwidth { rate }.pass(parcel, free_at, &mut |piece| {
            let Load::Bytes(len) = piece.load else { panic!("an end from bytes") };
            pieces.push((len, piece.at.0 / MS));
        });
        pieces
    }

    #[test]
    fn a_chunk_takes_its_length_over_the_rate_in_pieces_of_a_tenth_of_a_second() {
        let chunk = Parcel::bytes(Moment(5 * MS), 0, 2_500);
        assert_eq!(sent(10, chunk, Moment::START), [(1_000, 105), (1_000, 205), (500, 255)]);
        assert_eq!(
            sent(10, chunk, Moment(100 * MS)),
            [(1_000, 200), (1_000, 300), (500, 350)],
            "a busy line"
        );
        assert_eq!(sent(1_000, chunk, Moment::START), [(2_500, 7)]);
    }

    #[test]
    fn nothing_passes_a_rate_of_zero_but_an_end() {
        let chunk = Parcel::bytes(Moment(5), 0, 10);
        let mut out = Vec::new();
        Bandwidth::default().pass(chunk, Moment::START, &mut |piece| out.push(piece.at));
        Bandwidth::default()
            .pass(Parcel::end(Moment(6), 0, End::Fin), Moment::START, &mut |piece| out.push(piece.at));
        assert_eq!(out, [Moment::NEVER, Moment(6)], "the order is the stage's care");
    }
}
