//! Faults on links: what each does to a proxy, as steps of the proxy's API, one file per fault.
//!
//! A recipe is data; [`LinkFault`] carries it out on all proxies at once.

mod bandwidth;
mod blackhole;
mod flap;
mod half_open;
mod latency;
mod limit_data;
mod on_path;
mod one_way;
mod ramp;
mod refuse;
mod reset;
mod silence;
mod slicer;
mod slow_close;
mod timeout;
mod toxic;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use shakedown_model::fault::{ALL_PPM, FaultAction, FaultPlan};
use shakedown_model::plan::ProxyKind;
use tokio::time::{Instant, sleep_until};

use crate::canary::Expectation;
use crate::fault::{Fault, FaultError};
use crate::toxiproxy::{Direction, ProxyApi, ProxyApiError, ToxicConfig, ToxicKind};

/// Proxies that are changed at once.
const AT_ONCE: usize = 16;
/// Tries of one healing step: a fault that stays behind would spoil the rest of the run.
const HEAL_TRIES: u32 = 3;
/// How long healing may take in all: a stop must not hang on a proxy's API that does not answer.
const HEAL_LIMIT: Duration = Duration::from_secs(15);
/// The pause between tries.
const HEAL_PAUSE: Duration = Duration::from_millis(200);

/// One change of one proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Adds a toxic.
    Add(ToxicConfig),
    /// Removes the toxic of this name; one that is gone already is fine.
    Remove(String),
    /// Stops accepting, and ends all connections.
    Close,
    /// Accepts again.
    Open,
}

/// What a fault does to each of its proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) onset: Vec<Step>,
    /// What is done while it is in force: how long after the onset, and what.
    pub(crate) course: Vec<(Duration, Vec<Step>)>,
    /// Every step is tried, whichever of the onset's steps were done.
    pub(crate) healing: Vec<Step>,
}

impl Recipe {
    /// Adds toxics at the onset and removes them at the end.
    fn of_toxics(toxics: Vec<ToxicConfig>) -> Self {
        let healing = toxics.iter().map(|toxic| Step::Remove(toxic.name.clone())).collect();
        Self { onset: toxics.into_iter().map(Step::Add).collect(), course: Vec::new(), healing }
    }
}

pub(crate) use on_path::{OnPath, concerns};
pub(crate) use toxic::toxics as toxic_configs;

/// What a fault on links does, and what a canary must then see. `None` for faults of watchers.
pub(crate) fn plan_of(
    prefix: &str,
    kind: ProxyKind,
    fault: &FaultPlan,
) -> Result<Option<(Recipe, Expectation)>, FaultError> {
    let window = fault.until - fault.from;
    Ok(Some(match fault.action {
        FaultAction::Toxic { toxic } => {
            (toxic::recipe(prefix, kind, toxic)?, toxic::expectation(toxic, window))
        }
        FaultAction::Ramp { toxic, steps } => {
            // A canary watches the last step.
            let last = toxic::expectation(toxic, window / u32::from(steps.get()));
            (ramp::recipe(prefix, kind, toxic, (steps, window))?, last)
        }
        FaultAction::Reset => (reset::recipe(prefix, kind)?, reset::expectation(Duration::ZERO)),
        FaultAction::Blackhole { stream } => {
            (blackhole::recipe(prefix, kind, stream), blackhole::EXPECTATION)
        }
        FaultAction::OneWay { stream } => (one_way::recipe(prefix, kind, stream)?, one_way::EXPECTATION),
        FaultAction::HalfOpen => (half_open::recipe(prefix, kind)?, half_open::EXPECTATION),
        FaultAction::Silence => (silence::recipe(prefix, kind)?, silence::EXPECTATION),
        FaultAction::Refuse => (refuse::recipe(prefix, kind), refuse::expectation(kind)),
        FaultAction::Flap { up, down } => (flap::recipe(prefix, kind, up, down)?, flap::EXPECTATION),
        FaultAction::Path { trouble } => (on_path::recipe(prefix, kind, trouble)?, on_path::EXPECTATION),
        FaultAction::Crash
        | FaultAction::Watcher { .. }
        | FaultAction::Control { .. }
        | FaultAction::InvalidContent { .. }
        | FaultAction::Server { .. } => return Ok(None),
    }))
}

/// A toxic on every connection.
fn on_all(name: String, stream: Direction, kind: ToxicKind) -> ToxicConfig {
    ToxicConfig { name, stream, toxicity_ppm: ALL_PPM, kind }
}

/// The recipe of a mode that the embedded proxy has as one toxic, whose stream means nothing.
fn of_mode(prefix: &str, kind: ProxyKind, mode: ToxicKind) -> Result<Recipe, FaultError> {
    embedded_only(kind, mode.name())?;
    let name = format!("{prefix}-{}", mode.name());
    Ok(Recipe::of_toxics(vec![on_all(name, Direction::Downstream, mode)]))
}

fn embedded_only(kind: ProxyKind, fault: &'static str) -> Result<(), FaultError> {
    match kind {
        ProxyKind::Embedded => Ok(()),
        ProxyKind::Toxiproxy | ProxyKind::None => Err(FaultError::EmbeddedOnly { fault }),
    }
}

/// The API's unit of time.
fn whole_millis(attribute: &'static str, value: Duration) -> Result<u64, FaultError> {
    let millis = u64::try_from(value.as_millis()).ok();
    millis
        .filter(|millis| Duration::from_millis(*millis) == value)
        .ok_or(FaultError::NotWholeMillis { attribute, value })
}

#[derive(Clone, Copy)]
enum Side<'a> {
    /// One step after the other; the first that fails ends it.
    Steps(&'a [Step]),
    Healing,
}

/// A recipe and the proxies that it is for.
pub(crate) struct LinkFault {
    pub(crate) api: Arc<dyn ProxyApi>,
    pub(crate) proxies: Vec<String>,
    pub(crate) recipe: Recipe,
}

impl LinkFault {
    async fn steps(&self, proxy: &str, steps: &[Step]) -> Result<(), ProxyApiError> {
        for step in steps {
            self.take(proxy, step).await?;
        }
        Ok(())
    }

    async fn healing(&self, proxy: &str) -> Result<(), ProxyApiError> {
        let mut result = Ok(());
        for step in &self.recipe.healing {
            result = result.and(self.heal_step(proxy, step).await);
        }
        result
    }

    async fn heal_step(&self, proxy: &str, step: &Step) -> Result<(), ProxyApiError> {
        let mut tries = 1;
        loop {
            match self.take(proxy, step).await {
                Err(_) if tries < HEAL_TRIES => tries += 1,
                result => return result,
            }
            tokio::time::sleep(HEAL_PAUSE).await;
        }
    }

    async fn take(&self, proxy: &str, step: &Step) -> Result<(), ProxyApiError> {
        match step {
            Step::Add(toxic) => self.api.add_toxic(proxy, toxic).await,
            Step::Remove(toxic) => match self.api.remove_toxic(proxy, toxic).await {
                Err(error) if error.is_not_found() => Ok(()),
                result => result,
            },
            Step::Close => self.api.set_enabled(proxy, false).await,
            Step::Open => self.api.set_enabled(proxy, true).await,
        }
    }

    /// Does one side of the recipe on every proxy, whatever becomes of the others.
    async fn on_all(&self, side: Side<'_>) -> Result<(), FaultError> {
        let results: Vec<BoxFuture<'_, _>> = self
            .proxies
            .iter()
            .map(|proxy| -> BoxFuture<'_, Option<(String, ProxyApiError)>> {
                Box::pin(async move {
                    let result = match side {
                        Side::Steps(steps) => self.steps(proxy, steps).await,
                        Side::Healing => self.healing(proxy).await,
                    };
                    result.err().map(|source| (proxy.clone(), source))
                })
            })
            .collect();
        let mut failures: Vec<_> =
            stream::iter(results).buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
        let failed = failures.len();
        if failed == 0 {
            return Ok(());
        }
        let (proxy, source) = failures.swap_remove(0);
        Err(FaultError::Partly { failed, all: self.proxies.len(), proxy, source })
    }
}

impl Fault for LinkFault {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(self.on_all(Side::Steps(&self.recipe.onset)))
    }

    fn go_on(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let onset = Instant::now();
            for (after, steps) in &self.recipe.course {
                sleep_until(onset + *after).await;
                self.on_all(Side::Steps(steps)).await?;
            }
            Ok(())
        })
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let healing = self.on_all(Side::Healing);
            tokio::time::timeout(HEAL_LIMIT, healing)
                .await
                .unwrap_or(Err(FaultError::HealTimeout { limit: HEAL_LIMIT }))
        })
    }
}

#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod tests;
