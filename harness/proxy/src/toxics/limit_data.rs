//! `limit_data`: so many bytes pass, then the connection is closed.

use serde::{Deserialize, Serialize};

use super::chain::{Load, Parcel};
use super::wire::whole;
use crate::queue::End;

/// A connection that carries `bytes` bytes of this direction, counted from when the toxic came to it, and then ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LimitData {
    /// The bytes that pass; at 0 the connection is closed at once.
    #[serde(deserialize_with = "whole")]
    pub(crate) bytes: u64,
}

impl LimitData {
    /// Whether nothing more passes after `passed` bytes.
    pub(super) const fn is_spent(self, passed: u64) -> bool {
        passed >= self.bytes
    }

    /// Lets through what is left of the limit; with its last byte comes the close.
    pub(super) fn pass(self, parcel: Parcel, passed: &mut u64, next: &mut dyn FnMut(Parcel)) {
        if self.is_spent(*passed) {
            return;
        }
        let Load::Bytes(len) = parcel.load else { return next(parcel) };
        let left = usize::try_from(self.bytes - *passed).unwrap_or(usize::MAX);
        let taken = len.min(left);
        *passed += taken as u64;
        next(Parcel { load: Load::Bytes(taken), ..parcel });
        if self.is_spent(*passed) {
            next(Parcel { load: Load::End(End::Close), offset: parcel.offset + taken as u64, ..parcel });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;

    fn loads(limit: LimitData, passed: &mut u64, chunks: &[usize]) -> Vec<Load> {
        let mut out = Vec::new();
        for len in chunks {
            limit.pass(Parcel::bytes(Moment(1), 0, *len), passed, &mut |parcel| out.push(parcel.load));
        }
        out
    }

    #[test]
    fn the_limit_cuts_inside_a_chunk_and_nothing_passes_the_close() {
        let passed = &mut 0;
        let got = loads(LimitData { bytes: 10 }, passed, &[4, 9, 3]);
        assert_eq!(got, [Load::Bytes(4), Load::Bytes(6), Load::End(End::Close)]);
        assert_eq!(*passed, 10);
    }

    #[test]
    fn the_last_allowed_byte_brings_the_close() {
        assert_eq!(loads(LimitData { bytes: 4 }, &mut 0, &[4]), [Load::Bytes(4), Load::End(End::Close)]);
        assert!(LimitData::default().is_spent(0));
    }

    #[test]
    fn an_end_below_the_limit_passes() {
        let mut out = Vec::new();
        let end = Parcel::end(Moment(1), 3, End::Fin);
        LimitData { bytes: 4 }.pass(end, &mut 3, &mut |parcel| out.push(parcel.load));
        assert_eq!(out, [Load::End(End::Fin)]);
    }
}
