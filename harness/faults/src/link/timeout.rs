//! Timeout: every byte is dropped, and a connection without any for a while is closed.

use std::time::Duration;

use super::whole_millis;
use crate::canary::{Expectation, PATIENCE};
use crate::fault::FaultError;
use crate::toxiproxy::ToxicKind;

pub(super) fn kind(timeout: Duration) -> Result<ToxicKind, FaultError> {
    Ok(ToxicKind::Timeout { timeout_ms: whole_millis("timeout", timeout)? })
}

/// Silence, and the close where it comes within the fault's window.
pub(super) fn expectation(timeout: Duration, window: Duration) -> Expectation {
    // A live connection is watched first, then a new one, each for as long as it takes.
    if timeout.is_zero() || 2 * (timeout + PATIENCE) > window {
        Expectation::Silence
    } else {
        Expectation::Cut { new_within: timeout }
    }
}
