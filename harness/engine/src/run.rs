//! The order of a run.

use std::path::PathBuf;
use std::sync::Arc;

use shakedown_faults::fault::FaultError;
use shakedown_faults::toxiproxy::ProxyApiError;
use shakedown_floor::FloorError;
use shakedown_load::drivers::DriversError;
use shakedown_load::mutator::MutatorError;
use shakedown_load::watchers::FleetError;
use shakedown_model::baseline::Baseline;
use shakedown_model::manifest::{Manifest, RunStatus};
use shakedown_model::secrets::Secrets;
use shakedown_model::{Plan, Seed};
use shakedown_record::{RecorderError, RunDir, RunDirError};
use shakedown_topology::{
    ContainerError, Containers, GuardError, PortError, Proxies, ProxiesError, Servers, ServersError,
};
use tokio::sync::watch;

use crate::estate::{self, Estate, EstateError};
use crate::health::ReceiveProbeError;
use crate::node_reads::NotVisible;
use crate::observer::{Observer, RunEvent};
use crate::preflight::{self, PreflightError};
use crate::setup::{Setup, needs_containers};
use crate::workers::CrewError;
use crate::{floor, machine, timeline};

/// The run could not be begun.
///
/// Once the first phase has begun there are no errors any more: trouble ends the run early, and the manifest says so.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// This machine's limits.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// The run directory.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// The history.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// The guard.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// Ports.
    #[error(transparent)]
    Ports(#[from] PortError),
    /// The servers.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// The proxies.
    #[error(transparent)]
    Proxies(#[from] ProxiesError),
    /// The floor.
    #[error(transparent)]
    Floor(#[from] FloorError),
    /// Containers.
    #[error(transparent)]
    Containers(#[from] ContainerError),
    /// The thread that writes what is seen of connections.
    #[error("what the proxy sees of connections cannot be written; raise the limit on threads")]
    Connections(#[source] std::io::Error),
    /// What the run needs at somebody else's servers or proxies.
    #[error(transparent)]
    Estate(#[from] EstateError),
    /// Faults that cannot be carried out here.
    #[error(transparent)]
    Faults(#[from] FaultError),
    /// Real clients.
    #[error(transparent)]
    Drivers(#[from] DriversError),
    /// The watchers.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The workers.
    #[error(transparent)]
    Workers(#[from] CrewError),
    /// The proxies' API.
    #[error(transparent)]
    ProxyApi(#[from] ProxyApiError),
    /// The mutator, or the first versions of the items.
    #[error(transparent)]
    Mutator(#[from] MutatorError),
    /// The first versions cannot be read.
    #[error(transparent)]
    NotVisible(#[from] NotVisible),
    /// The samplers of the harness' own lateness.
    #[error(transparent)]
    Lateness(#[from] ReceiveProbeError),
    /// Stopped by a person during the set-up.
    #[error("interrupted before the first phase; what was started is stopped, and nothing was measured")]
    Interrupted,
}

/// What a run needs beside its plan.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Where run directories are made.
    pub runs: PathBuf,
    /// The scenario's text, secrets redacted, for the run directory.
    pub scenario_text: String,
    /// This program, which has the commands `guard`, `floor-peer` and `worker`.
    pub program: PathBuf,
    /// Whether the floors of the run's fan-outs are measured before it.
    pub measures_floor: bool,
    /// The harness' version, for the manifest.
    pub version: String,
    /// The arguments that a repeat needs, for the manifest.
    pub arguments: Vec<String>,
    /// What gates compare with; its copy in the run directory is what the run is judged by.
    pub baseline: Option<Baseline>,
    /// What must not be written down.
    pub secrets: Secrets,
}

/// Carries a plan out and gives the run directory.
///
/// `on_created` is called once the directory is there; `stop` turns true when a person wants the run to end.
///
/// # Errors
/// [`EngineError`] when the run could not be begun; what was started is stopped again.
pub async fn run(
    plan: Plan,
    options: RunOptions,
    observer: Arc<dyn Observer>,
    on_created: impl FnOnce(&RunDir),
    stop: watch::Receiver<bool>,
) -> Result<RunDir, EngineError> {
    preflight::check(&plan, machine::raise_open_files())?;
    Servers::check_home(&plan.server)?;
    Proxies::check_home(&plan.proxy)?;
    if needs_containers(&plan) {
        Containers::check().await?;
    }
    let dir = RunDir::create(&options.runs, &run_name(&plan))?.hiding(options.secrets.clone());
    on_created(&dir);
    observer.on(&RunEvent::Created { path: dir.path().to_owned() });
    let mut manifest = manifest(&plan, &dir, &options);
    dir.write_manifest(&manifest)?;
    let (mut plan, estate) = (plan, Estate::default());
    estate::name_items(&mut plan, manifest.run_id);
    dir.write_plan(&plan, &options.scenario_text)?;
    if let Some(baseline) = &options.baseline {
        dir.write_baseline(baseline)?;
    }

    let mut stop_in_setup = stop.clone();
    let bringing_up = async {
        manifest.floors = floor::measure(&plan, &options, &*observer).await?;
        Setup::bring_up(plan, &dir, &options, (&*observer, &estate), &mut manifest).await
    };
    let setup = tokio::select! {
        setup = bringing_up => setup,
        Ok(_) = stop_in_setup.wait_for(|stop| *stop) => Err(EngineError::Interrupted),
    };
    let ended = match setup {
        Ok(setup) => timeline::work_through(setup, &dir, &mut manifest, Arc::clone(&observer), stop).await,
        Err(error) => Err(error),
    };
    for trouble in estate.clear().await {
        tracing::warn!("{trouble}");
        observer.on(&RunEvent::Trouble(trouble));
    }
    if let Err(error) = ended {
        manifest.status = match error {
            EngineError::Interrupted => RunStatus::Interrupted,
            _ => RunStatus::Failed(error.to_string()),
        };
        dir.write_manifest(&manifest)?;
        return Err(error);
    }
    Ok(dir)
}

/// `NAME-UTC-SEED`, such as `quickstart-20261121-054200-7`.
fn run_name(plan: &Plan) -> String {
    let utc = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    let name: String = plan
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' })
        .take(60)
        .collect();
    format!("{name}-{utc}-{}", plan.seed)
}

fn manifest(plan: &Plan, dir: &RunDir, options: &RunOptions) -> Manifest {
    let run = dir.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    Manifest {
        // Two runs of one seed must be told apart by their payloads, so the name counts, which has the time in it.
        run_id: Seed(0).child(&run).0,
        harness: options.version.clone(),
        machine: machine::describe(),
        arguments: options.arguments.clone(),
        ..Manifest::new(run, &plan.name, plan.seed)
    }
}
