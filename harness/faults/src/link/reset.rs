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

use shakedown_model::fault::{ALL_PPM, Stream, Toxic, ToxicKind as Planned};
use shakedown_model::plan::ProxyKind;

use super::{Recipe, Step, toxic, whole_millis};
use crate::canary::Expectation;
use crate::fault::FaultError;
use crate::toxiproxy::{Direction, ToxicKind};

/// The fault: a `reset_peer` at once.
pub(super) fn recipe(prefix: &str, proxy: ProxyKind) -> Result<Recipe, FaultError> {
    let kind = Planned::ResetPeer { timeout: Duration::ZERO };
    toxic::recipe(prefix, proxy, Toxic { stream: Stream::Both, toxicity_ppm: ALL_PPM, kind })
}

pub(super) fn kind(timeout: Duration) -> Result<ToxicKind, FaultError> {
    Ok(ToxicKind::ResetPeer { timeout_ms: whole_millis("timeout", timeout)? })
}

pub(super) const fn expectation(timeout: Duration) -> Expectation {
    Expectation::Cut { new_within: timeout }
}

/// In which directions it must be added to act on a connection.
pub(super) const fn directions(proxy: ProxyKind) -> &'static [Direction] {
    match proxy {
        ProxyKind::Embedded => &[Direction::Downstream],
        ProxyKind::Toxiproxy | ProxyKind::None => &[Direction::Upstream, Direction::Downstream],
    }
}

/// The recipe with what ends live connections on the real proxy.
pub(super) fn with_live(mut recipe: Recipe, proxy: ProxyKind) -> Recipe {
    if proxy == ProxyKind::Toxiproxy {
        recipe.onset.extend([Step::Close, Step::Open]);
        // An onset that failed half-way may have left the proxy closed.
        recipe.healing.push(Step::Open);
    }
    recipe
}
