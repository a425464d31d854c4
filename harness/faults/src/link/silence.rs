//! Silence: new connections are accepted and never answered, as by a process that hangs; live ones go on.

use shakedown_model::plan::ProxyKind;

use super::{Recipe, of_mode};
use crate::canary::Expectation;
use crate::fault::FaultError;
use crate::toxiproxy::{BlackholeHeal, ToxicKind};

pub(super) const EXPECTATION: Expectation = Expectation::SilenceOnNew;

pub(super) fn recipe(prefix: &str, kind: ProxyKind) -> Result<Recipe, FaultError> {
    of_mode(prefix, kind, ToxicKind::Silence { heal: BlackholeHeal::Reset })
}
