//! Bandwidth: a line with a rate. What a canary sends is small, so it is held up visibly at low rates only.

use std::time::Duration;

use shakedown_model::fault::Stream;

use crate::canary::{ASK_BYTES, Expectation, MOST_ASK_BYTES};
use crate::toxiproxy::ToxicKind;

pub(super) const fn kind(kilobytes_per_second: u64) -> ToxicKind {
    ToxicKind::Bandwidth { rate: kilobytes_per_second }
}

pub(super) fn expectation(stream: Stream, kilobytes_per_second: u64) -> Expectation {
    // A KB per second is a byte per millisecond.
    let takes = |bytes: u64| Duration::from_micros(1000 * bytes / kilobytes_per_second.max(1));
    Expectation::slower(stream, takes(ASK_BYTES), takes(MOST_ASK_BYTES))
}
