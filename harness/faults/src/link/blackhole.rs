//! Blackhole: bytes vanish from sight while TCP still answers; healing ends the connections.
//!
//! The embedded proxy holds the bytes and resets on healing. The real one has no such toxic; its `timeout` with 0
//! drops every byte until it is removed, which then closes the connection. What a client sees of Toxiproxy 2.12.0
//! (tried): connects succeed, nothing is answered, and on healing every connection reads an orderly end (FIN), those
//! that never sent a byte included.

use shakedown_model::fault::Stream;
use shakedown_model::plan::ProxyKind;

use super::{Recipe, on_all};
use crate::canary::Expectation;
use crate::toxiproxy::{BlackholeHeal, Direction, ToxicKind};

pub(super) const EXPECTATION: Expectation = Expectation::Silence;

pub(super) fn recipe(prefix: &str, kind: ProxyKind, stream: Stream) -> Recipe {
    let toxic_kind = match kind {
        ProxyKind::Embedded => ToxicKind::Blackhole { heal: BlackholeHeal::Reset },
        ProxyKind::Toxiproxy | ProxyKind::None => ToxicKind::Timeout { timeout_ms: 0 },
    };
    let toxic =
        |stream: &Direction| on_all(format!("{prefix}-blackhole-{}", stream.name()), *stream, toxic_kind);
    Recipe::of_toxics(Direction::of(stream).iter().map(toxic).collect())
}
