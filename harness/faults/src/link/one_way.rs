//! One way: bytes of one direction are held while TCP answers, and delivered, whole and in order, at the end.

use shakedown_model::fault::Stream;
use shakedown_model::plan::ProxyKind;

use super::{Recipe, embedded_only, on_all};
use crate::canary::Expectation;
use crate::fault::FaultError;
use crate::toxiproxy::{BlackholeHeal, Direction, ToxicKind};

/// A request or its answer is held: no answer comes, whichever it is.
pub(super) const EXPECTATION: Expectation = Expectation::Silence;

pub(super) fn recipe(prefix: &str, kind: ProxyKind, stream: Stream) -> Result<Recipe, FaultError> {
    embedded_only(kind, "one_way")?;
    let held = ToxicKind::Blackhole { heal: BlackholeHeal::Release };
    let toxic = |stream: &Direction| on_all(format!("{prefix}-one_way-{}", stream.name()), *stream, held);
    Ok(Recipe::of_toxics(Direction::of(stream).iter().map(toxic).collect()))
}
