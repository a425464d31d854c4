//! Flap: the link goes down, where every connection is reset, and comes back, over and over.

use std::time::Duration;

use shakedown_model::plan::ProxyKind;

use super::{Recipe, of_mode, whole_millis};
use crate::canary::Expectation;
use crate::fault::FaultError;
use crate::toxiproxy::ToxicKind;

/// Down comes first, and lasts longer than a canary needs for its first new connection.
pub(super) const EXPECTATION: Expectation = Expectation::Cut { new_within: Duration::ZERO };

pub(super) fn recipe(
    prefix: &str,
    kind: ProxyKind,
    up: Duration,
    down: Duration,
) -> Result<Recipe, FaultError> {
    let mode = ToxicKind::Flap { up_ms: whole_millis("up", up)?, down_ms: whole_millis("down", down)? };
    of_mode(prefix, kind, mode)
}
