//! One fault from before its onset to after its end.

use std::sync::Arc;

use shakedown_model::Offset;
use shakedown_model::fault::FaultWindow;
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::NemesisConfig;
use super::health::{before, clean_up};
use crate::canary::{Canary, LEAD};
use crate::fault::{AppliedFault, FaultError, PreparedFault, WindowRecord};

/// How a fault went; no window when it never began.
#[derive(Default)]
pub(super) struct Ridden {
    pub(super) window: Option<FaultWindow>,
    pub(super) errors: Vec<FaultError>,
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
    let onset = clock.instant(fault.plan.from);
    let probe = Arc::clone(&config.probe);
    let arming = async {
        tokio::join!(
            before(&*config.site.api, &fault.targets),
            Canary::arm(probe, &fault.targets, fault.expectation, onset)
        )
    };
    let (unhealthy, canary) = tokio::select! {
        biased;
        () = stop_called(&mut stopped) => return ridden,
        armed = arming => armed,
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
            if let Err(error) = endure(applied, canary, &mut record, (fault, config), &mut stopped).await {
                ridden.errors.push(error);
            }
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

/// Watches the fault bite, waits for its end or for a stop, and heals it.
async fn endure(
    applied: AppliedFault<'_>,
    mut canary: Canary,
    record: &mut WindowRecord,
    (fault, config): (&PreparedFault, &NemesisConfig),
    stopped: &mut watch::Receiver<bool>,
) -> Result<(), FaultError> {
    let until = config.clock.instant(fault.plan.until);
    let is_whole = tokio::select! {
        biased;
        () = stop_called(stopped) => false,
        () = canary.observe(until) => true,
    };
    record.set_bite(canary.verdict(is_whole));
    // A stop is seen again here, at once.
    wait(stopped, config, fault.plan.until).await;
    applied.heal(record).await
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
