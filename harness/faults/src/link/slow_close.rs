//! Slow close: the end of a connection comes late. A canary ends one, and waits for the end from the other side.

use std::time::Duration;

use shakedown_model::fault::Stream;

use super::whole_millis;
use crate::canary::{Expectation, PATIENCE, directions};
use crate::fault::FaultError;
use crate::toxiproxy::ToxicKind;

pub(super) fn kind(delay: Duration) -> Result<ToxicKind, FaultError> {
    Ok(ToxicKind::SlowClose { delay_ms: whole_millis("delay", delay)? })
}

/// The end goes to the server and comes back, and is late in each direction that the toxic acts on.
pub(super) fn expectation(stream: Stream, delay: Duration, window: Duration) -> Expectation {
    let added = delay * directions(stream);
    if added + PATIENCE / 2 > window {
        Expectation::Nothing("the end of a connection comes later than that of the fault")
    } else {
        Expectation::LateEnd { added }
    }
}
