//! Limit of data: a connection is closed once so many bytes passed. A canary reaches low limits only.

use std::time::Duration;

use crate::canary::{ASK_BYTES, Expectation};
use crate::toxiproxy::ToxicKind;

/// The canary asks no more often than this to reach a limit.
const MOST_ASKS: u64 = 100;
/// What one ask takes at most on a calm link, with the pause after it.
const ASK_TAKES: Duration = Duration::from_millis(40);

pub(super) const fn kind(bytes: u64) -> ToxicKind {
    ToxicKind::LimitData { bytes }
}

pub(super) fn expectation(bytes: u64, window: Duration) -> Expectation {
    let asks = bytes.div_ceil(ASK_BYTES);
    let takes = ASK_TAKES.saturating_mul(u32::try_from(asks).unwrap_or(u32::MAX));
    // A live connection is watched first, then a new one.
    if asks <= MOST_ASKS && 3 * takes < window {
        Expectation::Cut { new_within: takes }
    } else {
        Expectation::Nothing("what the canary sends stays below the limit")
    }
}
