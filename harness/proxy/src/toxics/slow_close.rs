//! `slow_close`: bytes pass, the end of the stream comes later.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::chain::{Load, Parcel};
use super::wire::whole;

/// An end, orderly or not, is held back for `delay` milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SlowClose {
    /// Milliseconds.
    #[serde(deserialize_with = "whole")]
    pub(crate) delay: u64,
}

impl SlowClose {
    pub(super) fn pass(self, parcel: &mut Parcel) {
        if let Load::End(_) = parcel.load {
            parcel.at = parcel.at + Duration::from_millis(self.delay);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::queue::End;

    #[test]
    fn only_the_end_waits() {
        let slow = SlowClose { delay: 3 };
        let mut bytes = Parcel::bytes(Moment(7), 0, 1);
        slow.pass(&mut bytes);
        assert_eq!(bytes.at, Moment(7));
        for end in [End::Fin, End::Reset, End::Close] {
            let mut end = Parcel::end(Moment(7), 1, end);
            slow.pass(&mut end);
            assert_eq!(end.at, Moment(3_000_007));
        }
    }
}
