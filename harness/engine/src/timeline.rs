//! From offset zero to the end: phases, drain, final reads, tear-down.

mod fault_log;
mod hand;
mod movers;
mod stage;
mod watchers;

use std::sync::Arc;
use std::time::Duration;

use shakedown_load::drivers::SightSender;
use shakedown_model::manifest::{Manifest, RunStatus};
use shakedown_record::{Clock, RunDir};
use tokio::sync::watch;

use crate::clients;
use crate::connections::{ConnectionLog, Connections};
use crate::node_reads::NodeReads;
use crate::observer::{Observer, RunEvent};
use crate::run::EngineError;
use crate::setup::Setup;
use fault_log::FaultLog;
use movers::{Movers, end_mutator, end_nemesis, end_watchers};
pub(crate) use movers::{group_addresses, watchers_login};
use stage::Stage;

/// Works through the phases of what was set up, then drains and takes everything down again.
pub(crate) async fn work_through(
    mut setup: Setup,
    dir: &RunDir,
    manifest: &mut Manifest,
    observer: Arc<dyn Observer>,
    stop: watch::Receiver<bool>,
) -> Result<(), EngineError> {
    // Side by side, so that a packet capture can be laid beside the run to some microseconds.
    let (clock, started) = (Clock::start(), jiff::Timestamp::now());
    let real = std::mem::take(&mut setup.real);
    let sights = real.sights().clone();
    let connections = log_connections(&mut setup, dir, clock, &sights)?;
    manifest.started = started.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    dir.write_manifest(manifest)?;
    let faults = Arc::new(FaultLog::new(dir.clone(), Arc::clone(&observer)));
    let crew = std::mem::take(&mut setup.crew);
    let movers = Movers::start(&setup, (real, crew), (dir, manifest.run_id), clock, &faults)?;
    let live = movers.live();
    let Movers { fleet, crew, mutator, nemesis, mut lateness, .. } = movers;
    let mut stage = Stage::new(setup, live, dir, clock, observer).stopped_by(stop);
    let mut status = stage.phases(&faults).await;
    // Every fault has ended by now unless the run was cut short, and then healing comes first.
    manifest.remarks.extend(end_nemesis(nemesis, &status).await);
    let last_publishes =
        if status == RunStatus::Complete { stage.setup.plan.delivery_timeout } else { Duration::ZERO };
    manifest.remarks.extend(end_mutator(mutator, last_publishes, &mut status).await);
    if status == RunStatus::Complete {
        status = stage.drain().await;
    }
    manifest.remarks.extend(end_watchers((fleet, crew), &mut status).await);
    lateness.shutdown().await;
    manifest.remarks.extend(connections.and_then(ConnectionLog::finish));
    manifest.remarks.extend(clients::remark(&sights));
    manifest.ended = Some(clock.now());
    let Stage { setup, observer, .. } = stage;
    if status == RunStatus::Complete {
        let recorder = setup.history.recorder();
        let reads = NodeReads { plan: &setup.plan, run_id: manifest.run_id };
        manifest.remarks.extend(reads.record_all(setup.servers.nodes(), clock, &recorder).await);
    }
    // A remark would say that the run can tell nothing.
    if let Some(upgrades) = setup.servers.control().upgrades() {
        manifest.server = format!("{}; {upgrades}", manifest.server);
    }
    observer.on(&RunEvent::TearingDown);
    manifest.remarks.extend(faults.trouble());
    take_down(setup, dir, &mut status).await;
    manifest.status = status;
    if let Err(error) = dir.write_manifest(manifest) {
        // A full disk: the manifest on disk still says that the run goes on, which is judged as no verdict.
        observer.on(&RunEvent::Trouble(error.to_string()));
    }
    Ok(())
}

/// Begins to write what the tap tells, where there is one.
fn log_connections(
    setup: &mut Setup,
    dir: &RunDir,
    clock: Clock,
    sights: &SightSender,
) -> Result<Option<ConnectionLog>, EngineError> {
    let connections = setup.connections.take();
    let write = |connections: Connections| {
        connections.write(dir, clock, &setup.plan.groups, (&setup.addresses, sights.clone()))
    };
    connections.map(write).transpose().map_err(EngineError::Connections)
}

/// Stops servers and proxies, closes the history, and removes what only the run itself needed.
async fn take_down(setup: Setup, dir: &RunDir, status: &mut RunStatus) {
    let Setup { servers, proxies, history, containers, guard, .. } = setup;
    proxies.stop().await;
    servers.stop().await;
    if let Some(containers) = containers {
        containers.end().await;
    }
    drop(guard);
    if let Err(error) = history.finish() {
        fail(status, error.to_string());
    }
    remove(&dir.snapshots_dir());
    if *status == RunStatus::Complete {
        // After trouble the servers' own logs and data may tell why.
        remove(&dir.server_data_dir());
    }
}

fn remove(path: &std::path::Path) {
    if let Err(error) = std::fs::remove_dir_all(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a folder of the run could not be removed");
    }
}

/// The first trouble counts, and an interrupt is no trouble.
fn fail(status: &mut RunStatus, why: String) {
    if *status == RunStatus::Complete {
        *status = RunStatus::Failed(why);
    }
}
