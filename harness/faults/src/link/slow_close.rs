//! Slow close: the end of a connection comes late. No canary sees it: nothing is late but an end.

use std::time::Duration;

use super::whole_millis;
use crate::canary::Expectation;
use crate::fault::FaultError;
use crate::toxiproxy::ToxicKind;

pub(super) const EXPECTATION: Expectation =
    Expectation::Nothing("only the end of a connection comes later, and the canary waits for none");

pub(super) fn kind(delay: Duration) -> Result<ToxicKind, FaultError> {
    Ok(ToxicKind::SlowClose { delay_ms: whole_millis("delay", delay)? })
}
