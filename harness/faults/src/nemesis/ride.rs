//! One fault from before its onset to after its end.

use std::sync::Arc;
use std::time::Duration;

use shakedown_model::fault::{FaultAction, FaultPlan, FaultWindow};
use shakedown_model::{NodeId, Offset};
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::NemesisConfig;
use super::health::{before, clean_up};
use crate::canary::{Canary, LEAD};
use crate::fault::{AppliedFault, FaultError, PreparedFault, WindowRecord};
use crate::server::service::{self, ServiceWatch};

/// After a fault of servers it is waited for service for this long: as long as a cluster needs to find a change that a
/// node was not told of (30 s, nacos-facts.md §5.2), and some more.
const SERVES_WITHIN: Duration = Duration::from_secs(40);

/// How a fault went; no window when it never began.
#[derive(Default)]
pub(super) struct Ridden {
    pub(super) window: Option<FaultWindow>,
    pub(super) errors: Vec<FaultError>,
}

/// Who sees whether a fault bit.
enum Witness {
    /// On connections through the faulted proxies.
    Canary(Canary),
    /// Straight at the nodes.
    Service(ServiceWatch),
}

pub(super) async fn ride(
    fault: &PreparedFault,
    config: &NemesisConfig,
    mut stopped: watch::Receiver<bool>,
) -> Ridden {
    let clock = config.clock;
    let mut ridden = Ridden::default();
    if !wait(&mut stopped, config, fault.plan.from.saturating_sub(LEAD)).await {
        return ridden;
    }
    let (unhealthy, witness) = tokio::select! {
        biased;
        () = stop_called(&mut stopped) => return ridden,
        armed = arm(fault, config) => armed,
    };
    if !wait(&mut stopped, config, fault.plan.from).await {
        return ridden;
    }
    let mut record = WindowRecord::new(clock, Arc::clone(&config.sink), fault.id);
    if let Some(trouble) = unhealthy {
        record.add_trouble(&format!("before the onset: {trouble}"));
    }
    match record.apply(&*fault.fault).await {
        Ok(applied) => {
            let endured = endure(applied, witness, &mut record, (fault, config), &mut stopped).await;
            ridden.errors.extend(endured.err());
        }
        Err(error) => ridden.errors.push(error),
    }
    if let Some(trouble) = clean_up(&*config.site.api, &fault.targets, fault.id).await {
        record.add_trouble(&format!("after healing: {trouble}"));
    }
    record.emit();
    ridden.window = Some(record.window().clone());
    ridden
}

/// Looks at what the fault acts on, and begins to watch it.
async fn arm(fault: &PreparedFault, config: &NemesisConfig) -> (Option<String>, Witness) {
    if matches!(fault.plan.action, FaultAction::Server { .. }) {
        let nodes: Vec<NodeId> = config.site.servers.nodes();
        let watch = ServiceWatch::start(&config.service, &nodes, (config.clock, config.dump_tick));
        fault.fault.prepare().await;
        return (None, Witness::Service(watch));
    }
    let onset = config.clock.instant(fault.plan.from);
    // Where there is nothing to see, a canary would only be in the way of what counts by itself.
    let watched: &[_] = match fault.plan.action {
        FaultAction::Path { .. } => &[],
        _ => &fault.targets,
    };
    let probe = Arc::clone(&config.probe);
    let (unhealthy, canary) = tokio::join!(
        before(&*config.site.api, &fault.targets),
        Canary::arm(probe, watched, fault.expectation, onset)
    );
    (unhealthy, Witness::Canary(canary))
}

/// Watches the fault bite, waits for its end or for a stop, and heals it.
async fn endure(
    applied: AppliedFault<'_>,
    witness: Witness,
    record: &mut WindowRecord,
    (fault, config): (&PreparedFault, &NemesisConfig),
    stopped: &mut watch::Receiver<bool>,
) -> Result<(), FaultError> {
    match witness {
        Witness::Canary(mut canary) => {
            let until = config.clock.instant(fault.plan.until);
            let observing = async {
                sleep_until(config.clock.instant(whole_from(&fault.plan))).await;
                canary.observe(until).await;
            };
            let mut went = Ok(());
            let is_whole = tokio::select! {
                biased;
                () = stop_called(stopped) => false,
                ((), course) = async { tokio::join!(observing, applied.go_on()) } => {
                    went = course;
                    true
                }
            };
            if let Err(error) = &went {
                record.add_trouble(&crate::fault::in_words(error));
            }
            record.set_bite(canary.verdict(is_whole));
            // A stop is seen again here, at once.
            wait(stopped, config, fault.plan.until).await;
            let healed = applied.heal(record).await;
            if let Some(bite) = fault.fault.seen().await {
                record.set_bite(bite);
            }
            went.and(healed)
        }
        Witness::Service(watch) => {
            endure_without_service(applied, &watch, record, (fault, config), stopped).await
        }
    }
}

/// From when on a fault does all that a canary is to see.
fn whole_from(plan: &FaultPlan) -> Offset {
    match plan.action {
        FaultAction::Ramp { steps, .. } => plan.step_from(steps.get(), steps),
        _ => plan.from,
    }
}

/// Lets a fault of servers run its course, heals it, and waits until everything serves again.
async fn endure_without_service(
    applied: AppliedFault<'_>,
    watch: &ServiceWatch,
    record: &mut WindowRecord,
    (fault, config): (&PreparedFault, &NemesisConfig),
    stopped: &mut watch::Receiver<bool>,
) -> Result<(), FaultError> {
    let mut stopped_again = stopped.clone();
    let course = async {
        let (went, is_whole) =
            tokio::join!(applied.go_on(), wait(&mut stopped_again, config, fault.plan.until));
        (went, is_whole)
    };
    let (went, mut is_whole) = tokio::select! {
        biased;
        () = stop_called(stopped) => (Ok(()), false),
        came = course => came,
    };
    if let Err(error) = &went {
        record.add_trouble(&crate::fault::in_words(error));
    }
    let healed = applied.heal(record).await;
    let since = config.clock.now();
    is_whole &= tokio::select! {
        biased;
        () = stop_called(stopped) => false,
        () = watch.until_serving(since, SERVES_WITHIN) => true,
    };
    let (service, now) = (watch.service(), config.clock.now());
    let applying = record.window().applying;
    let by_service = || service::bite(&fault.fault.befell(), &service, applying, (is_whole, now));
    let bite = fault.fault.seen().await.unwrap_or_else(by_service);
    record.set_service(service, bite);
    went.and(healed)
}

/// Whether `at` came before a stop.
async fn wait(stopped: &mut watch::Receiver<bool>, config: &NemesisConfig, at: Offset) -> bool {
    tokio::select! {
        biased;
        () = stop_called(stopped) => false,
        () = sleep_until(config.clock.instant(at)) => true,
    }
}

/// Returns once the run is stopped; a handle that is gone is a stop too.
async fn stop_called(stopped: &mut watch::Receiver<bool>) {
    // An error says that the sender was dropped, with the handle.
    let _is_told = stopped.wait_for(|stopped| *stopped).await.is_ok();
}
