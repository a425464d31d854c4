//! Reset: live connections are cut, and every new one is reset until the fault heals.
//!
//! The embedded proxy's `reset_peer` does both by itself, with a RST at once, idle connections included. The real
//! one's acts only once data flows, each direction on its own, and cuts connections older than the toxic with a FIN.
//! So there it is added in both directions, and the proxy is disabled and enabled right after, which ends live
//! connections at once. What a client then sees of Toxiproxy 2.12.0 (tried, timeout 0):
//! - a live connection, idle or not, reads an orderly end (FIN), not a reset;
//! - between disable and enable (about 2 ms) a new connection is refused;
//! - a new connection is accepted, and reset (RST, after about 0.7 ms) once either side sends; silent ones stay open;
//! - a silent one that outlives the toxic works as if nothing had been.

use std::time::Duration;

use shakedown_model::plan::ProxyKind;

use super::{Recipe, Step, whole_millis};
use crate::fault::FaultError;
use crate::toxiproxy::{Direction, ToxicConfig, ToxicKind};

pub(crate) fn recipe(prefix: &str, kind: ProxyKind, timeout: Duration) -> Result<Recipe, FaultError> {
    let mut recipe = Recipe::of_toxics(toxics(prefix, kind, timeout)?);
    if kind == ProxyKind::Toxiproxy {
        recipe.onset.extend([Step::Close, Step::Open]);
        // An onset that failed half-way may have left the proxy closed.
        recipe.healing.push(Step::Open);
    }
    Ok(recipe)
}

pub(super) fn toxics(
    prefix: &str,
    kind: ProxyKind,
    timeout: Duration,
) -> Result<Vec<ToxicConfig>, FaultError> {
    let timeout_ms = whole_millis("timeout", timeout)?;
    let directions: &[Direction] = match kind {
        ProxyKind::Embedded => &[Direction::Downstream],
        ProxyKind::Toxiproxy => &[Direction::Upstream, Direction::Downstream],
    };
    let toxic = |stream: &Direction| ToxicConfig {
        name: format!("{prefix}-reset_peer-{}", stream.name()),
        stream: *stream,
        kind: ToxicKind::ResetPeer { timeout_ms },
    };
    Ok(directions.iter().map(toxic).collect())
}
