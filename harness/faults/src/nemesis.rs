//! The nemesis: carries the plan's faults out at their times, and the only caller of faults.
//!
//! Each fault runs on its own, so they may overlap. Whatever happens, everything that was applied is healed: at its
//! planned end, when the run is stopped, when an error comes, or when the handle is dropped. What happened goes to a
//! sink as it happens; nothing is judged here.

mod health;
mod ride;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use shakedown_model::Plan;
use shakedown_model::fault::FaultWindow;
use shakedown_record::Clock;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::canary::Probe;
use crate::fault::{FaultError, PreparedFault, Site, WindowSink, prepare};
use crate::server::service::ServiceProbe;

/// What the nemesis works with.
#[derive(Clone)]
pub struct NemesisConfig {
    /// The run's clock.
    pub clock: Clock,
    /// Where faults act.
    pub site: Site,
    /// How the canary asks through a proxy.
    pub probe: Arc<dyn Probe>,
    /// How nodes are asked for their service while something befalls them.
    pub service: Arc<dyn ServiceProbe>,
    /// After how long a node makes a write visible, at most: what it may add to a push (real: 100 ms).
    pub dump_tick: Duration,
    /// Told of each fault's window whenever it changes.
    pub sink: WindowSink,
}

/// What the nemesis did.
#[derive(Debug, Default)]
pub struct NemesisReport {
    /// Every fault that began, by its id.
    pub windows: Vec<FaultWindow>,
    /// Every error in applying or healing, with the fault's name. The windows tell of them too.
    pub errors: Vec<(String, FaultError)>,
}

/// A nemesis at work. Dropping it heals in the background; [`NemesisHandle::stop`] waits until that is done.
#[derive(Debug)]
pub struct NemesisHandle {
    stop: watch::Sender<bool>,
    task: JoinHandle<NemesisReport>,
}

/// Starts the plan's faults at their times. Must be called within a runtime.
///
/// # Errors
/// When a fault cannot be carried out at this site; then none is started.
pub fn start(plan: &Plan, config: NemesisConfig) -> Result<NemesisHandle, FaultError> {
    let faults = plan.faults_by_id().map(|(id, fault)| prepare(&config.site, id, fault));
    let faults: Vec<PreparedFault> = faults.collect::<Result<_, _>>()?;
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(ride_all(faults, config, stopped));
    Ok(NemesisHandle { stop, task })
}

impl NemesisHandle {
    /// Heals everything in force, begins nothing more, and waits until it is done: some milliseconds, about half a
    /// minute when the API of the proxies hangs, or as long as a server takes to start that a fault had ended.
    pub async fn stop(self) -> NemesisReport {
        self.stop.send_replace(true);
        finished(self.task).await
    }

    /// Waits until every fault has ended as planned.
    ///
    /// Cancelling this wait drops the handle, so that everything is healed in the background.
    pub async fn join(self) -> NemesisReport {
        let Self { stop, task } = self;
        let report = finished(task).await;
        drop(stop);
        report
    }

    /// Whether every fault has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

async fn finished(task: JoinHandle<NemesisReport>) -> NemesisReport {
    match task.await {
        Ok(report) => report,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down: there is nothing left to heal with.
            Err(_) => NemesisReport::default(),
        },
    }
}

async fn ride_all(
    faults: Vec<PreparedFault>,
    config: NemesisConfig,
    stopped: watch::Receiver<bool>,
) -> NemesisReport {
    let rides = faults.iter().map(|fault| ride::ride(fault, &config, stopped.clone()));
    let mut report = NemesisReport::default();
    for (fault, ridden) in faults.iter().zip(join_all(rides).await) {
        report.windows.extend(ridden.window);
        report.errors.extend(ridden.errors.into_iter().map(|error| (fault.plan.name.clone(), error)));
    }
    report
}

#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod tests;
