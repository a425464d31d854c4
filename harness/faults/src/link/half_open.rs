//! Half-open: the server's end of live connections is gone, as after its crash, and the watcher is not told. It hears
//! nothing, and what it sends next is answered by a reset (RFC 9293 §3.5.1). New connections work.

use shakedown_model::plan::ProxyKind;

use super::{Recipe, of_mode};
use crate::canary::Expectation;
use crate::fault::FaultError;
use crate::toxiproxy::ToxicKind;

pub(super) const EXPECTATION: Expectation = Expectation::LiveLost;

pub(super) fn recipe(prefix: &str, kind: ProxyKind) -> Result<Recipe, FaultError> {
    of_mode(prefix, kind, ToxicKind::HalfOpen)
}
