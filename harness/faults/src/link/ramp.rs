//! Ramp: a toxic that grows in steps. Each step's toxic is added before the one before it is taken away, so that no byte
//! passes unharmed between them.

use std::num::NonZeroU16;
use std::time::Duration;

use shakedown_model::fault::Toxic;
use shakedown_model::plan::ProxyKind;

use super::{Recipe, Step, toxic};
use crate::fault::FaultError;

pub(super) fn recipe(
    prefix: &str,
    proxy: ProxyKind,
    toxic: Toxic,
    (steps, window): (NonZeroU16, Duration),
) -> Result<Recipe, FaultError> {
    let named = |nth: u16| toxic::recipe(&format!("{prefix}-{nth}"), proxy, toxic.at_step(nth, steps));
    let mut recipe = named(1)?;
    let mut before = recipe.healing.clone();
    for nth in 2..=steps.get() {
        let Recipe { onset, healing, .. } = named(nth)?;
        let after = window / u32::from(steps.get()) * u32::from(nth - 1);
        let replace: Vec<Step> = onset.into_iter().chain(std::mem::replace(&mut before, healing)).collect();
        recipe.healing.extend(before.clone());
        recipe.course.push((after, replace));
    }
    Ok(recipe)
}
