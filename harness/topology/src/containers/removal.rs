//! Removing what a run has on the engine, and keeping what its containers said.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use shakedown_model::log::tail;
use testcontainers::bollard::Docker;
use testcontainers::bollard::container::LogOutput;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use super::engine::Engine;
use super::error::{ContainerError, status};
use super::owner::{Owner, PART};
use crate::process::LOG_LINES;

/// What is being made while the harness is killed may come after the first look; removing one thing may need another gone.
const ROUNDS: usize = 5;
const BETWEEN_ROUNDS: Duration = Duration::from_millis(300);

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Removed {
    /// Containers.
    pub(crate) containers: usize,
    /// Networks.
    pub(crate) networks: usize,
    /// Volumes.
    pub(crate) volumes: usize,
}

/// Things on the engine, by their names.
#[derive(Debug, Default)]
struct Things {
    /// (name, part)
    containers: Vec<(String, String)>,
    networks: Vec<String>,
    volumes: Vec<String>,
}

impl Things {
    async fn of(docker: &Docker, owner: &Owner) -> Result<Self, ContainerError> {
        let filter = owner.filter();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filter).build();
        let found = docker.list_containers(Some(options)).await;
        let containers = found.map_err(ContainerError::at("list containers"))?;
        let options = ListNetworksOptionsBuilder::new().filters(&filter).build();
        let networks =
            docker.list_networks(Some(options)).await.map_err(ContainerError::at("list networks"))?;
        let options = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let volumes = docker.list_volumes(Some(options)).await.map_err(ContainerError::at("list volumes"))?;
        let named = |container: testcontainers::bollard::models::ContainerSummary| {
            let part =
                container.labels.unwrap_or_default().remove(PART).unwrap_or_else(|| "container".to_owned());
            container.id.map(|id| (id, part))
        };
        Ok(Self {
            containers: containers.into_iter().filter_map(named).collect(),
            networks: networks.into_iter().filter_map(|network| network.id).collect(),
            volumes: volumes.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect(),
        })
    }

    fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty()
    }
}

/// Removes everything of this owner, and keeps the containers' logs in the folder `logs`, if one is given.
pub(crate) async fn remove_all(
    engine: &Engine,
    owner: &Owner,
    logs: Option<&Path>,
) -> Result<Removed, ContainerError> {
    let docker = engine.docker();
    let mut removed = Removed::default();
    for _ in 0..ROUNDS {
        let things = Things::of(docker, owner).await?;
        if things.is_empty() {
            return Ok(removed);
        }
        let ends = things.containers.iter().map(|(id, part)| async move {
            if let Some(logs) = logs {
                save_logs(docker, id, &logs.join(format!("{part}.log"))).await;
            }
            remove_container(docker, id).await
        });
        removed.containers += gone(&join_all(ends).await);
        removed.networks += gone(&join_all(things.networks.iter().map(|id| docker.remove_network(id))).await);
        let force = || Some(RemoveVolumeOptionsBuilder::new().force(true).build());
        removed.volumes +=
            gone(&join_all(things.volumes.iter().map(|name| docker.remove_volume(name, force()))).await);
        tokio::time::sleep(BETWEEN_ROUNDS).await;
    }
    let left = Things::of(docker, owner).await?;
    if left.is_empty() {
        return Ok(removed);
    }
    let left = format!(
        "{} containers, {} networks, {} volumes of the run {}",
        left.containers.len(),
        left.networks.len(),
        left.volumes.len(),
        owner.run()
    );
    Err(ContainerError::Left { left })
}

fn gone(ends: &[Result<(), Error>]) -> usize {
    for error in ends.iter().filter_map(|end| end.as_ref().err()) {
        tracing::debug!(%error, "not removed at this try");
    }
    ends.iter().filter(|end| end.is_ok()).count()
}

/// Removes a container, running or not, with its nameless volumes.
pub(super) async fn remove_container(docker: &Docker, name: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match docker.remove_container(name, Some(options)).await {
        Err(error) if status(&error) == Some(404) => Ok(()),
        end => end,
    }
}

/// Appends what a container said to a file; what cannot be had is said in the harness' own log.
pub(super) async fn save_logs(docker: &Docker, name: &str, file: &Path) {
    let saved = async {
        let mut out = std::fs::File::options().create(true).append(true).open(file)?;
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).build();
        let mut lines = docker.logs(name, Some(options));
        while let Some(line) = lines.next().await {
            out.write_all(&line.map_err(std::io::Error::other)?.into_bytes())?;
        }
        Ok::<_, std::io::Error>(())
    };
    if let Err(error) = saved.await {
        tracing::warn!(container = name, %error, "its log could not be kept");
    }
}

/// The last lines of a container's log, as a text to append to a message.
pub(super) async fn last_lines(docker: &Docker, name: &str) -> String {
    let count = LOG_LINES.to_string();
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&count).build();
    let chunks: Vec<_> =
        docker.logs(name, Some(options)).filter_map(|line| async { line.ok() }).collect().await;
    let log: Vec<u8> = chunks.into_iter().flat_map(LogOutput::into_bytes).collect();
    match tail(&log, LOG_LINES) {
        tail if tail.is_empty() => "; its log is empty".to_owned(),
        tail => format!("; the end of its log:\n    {tail}"),
    }
}
