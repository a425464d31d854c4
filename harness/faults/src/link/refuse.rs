//! Refuse: nobody listens. On the embedded proxy live connections go on; the real one can only be disabled, which ends
//! them, too.

use shakedown_model::plan::ProxyKind;

use super::{Recipe, Step, on_all};
use crate::canary::Expectation;
use crate::toxiproxy::{Direction, ToxicKind};

pub(super) const fn expectation(kind: ProxyKind) -> Expectation {
    Expectation::RefusedNew { spares_live: matches!(kind, ProxyKind::Embedded) }
}

pub(super) fn recipe(prefix: &str, kind: ProxyKind) -> Recipe {
    match kind {
        ProxyKind::Embedded => Recipe::of_toxics(vec![on_all(
            format!("{prefix}-refuse"),
            Direction::Downstream,
            ToxicKind::Refuse,
        )]),
        ProxyKind::Toxiproxy | ProxyKind::None => {
            Recipe { onset: vec![Step::Close], course: Vec::new(), healing: vec![Step::Open] }
        }
    }
}
