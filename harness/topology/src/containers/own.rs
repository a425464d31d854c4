//! A container of the run: started, paused, cut off, killed, and started again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;
use shakedown_model::secrets::Secret;
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{NetworkConnectRequest, NetworkDisconnectRequest};
use testcontainers::bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, StartContainerOptions, StatsOptionsBuilder,
    StopContainerOptionsBuilder, WaitContainerOptions,
};
use testcontainers::runners::AsyncRunner as _;
use tokio::task::AbortHandle;

use super::Containers;
use super::error::{ContainerError, status};
use super::removal::last_lines;
use super::request::ContainerRequest;
use super::usage::{LiveUsage, Usage};
use crate::parts::{PartConnections, PartPlace};

/// How many seconds a container may take to end after SIGTERM before it gets SIGKILL, as for a process.
const GRACE_SECONDS: i32 = 10;
/// What it uses is asked for this often, where `/proc` does not show it.
const USAGE_PERIOD: Duration = Duration::from_secs(1);
/// An engine that cannot say how a container stands is asked again after this.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// A container of the run. Clones are the same container; it is removed with the run, not on drop.
#[derive(Debug, Clone)]
pub(crate) struct OwnContainer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    containers: Containers,
    /// Its name on the engine and in the network.
    name: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    request: ContainerRequest,
    is_paused: bool,
    /// Why it is gone, when it ended by itself.
    ended: Option<String>,
    place: PartPlace,
    watches: Vec<AbortHandle>,
}

impl OwnContainer {
    /// Makes a container and starts it. What was made goes with the run, also when the start fails.
    pub(crate) async fn start_new(
        containers: &Containers,
        request: ContainerRequest,
    ) -> Result<Self, ContainerError> {
        let name = request.name(containers.owner());
        if request.data.is_some() {
            containers.engine().make_volume(&name, containers.owner()).await?;
        }
        let state = State {
            request,
            is_paused: false,
            ended: None,
            place: PartPlace::Told(LiveUsage::default()),
            watches: Vec::new(),
        };
        let container = Self {
            inner: Arc::new(Inner { containers: containers.clone(), name, state: Mutex::new(state) }),
        };
        container.make().await?;
        Ok(container)
    }

    async fn make(&self) -> Result<(), ContainerError> {
        let containers = &self.inner.containers;
        let request = self.state().request.image(containers.owner(), containers.network());
        let handle =
            request.start().await.map_err(ContainerError::of(format!("start {}", self.inner.name)))?;
        containers.keep(&self.inner.name, handle);
        self.watch().await
    }

    /// Starts it again: its data and its ports are what they were.
    pub(crate) async fn start(&self) -> Result<(), ContainerError> {
        let name = &self.inner.name;
        let started = self.docker().start_container(name, None::<StartContainerOptions>).await;
        started.map_err(ContainerError::at(format!("start {name}")))?;
        self.watch().await
    }

    /// Begins to look whether it is there and what it uses.
    async fn watch(&self) -> Result<(), ContainerError> {
        let (docker, name) = (self.docker(), self.inner.name.clone());
        let found = docker.inspect_container(&name, None::<InspectContainerOptions>).await;
        let found = found.map_err(ContainerError::at(format!("look at {name}")))?;
        let id = found.id.unwrap_or_default();
        let pid = found.state.and_then(|state| state.pid).and_then(|pid| u32::try_from(pid).ok());
        let watch = watched(docker.clone(), name.clone(), Arc::downgrade(&self.inner));
        let mut watches = vec![tokio::spawn(watch).abort_handle()];
        let place = match pid.filter(|pid| is_here(*pid, &id)) {
            // What starts in a container leads its own process group (setsid(2) by the runtime).
            Some(pid) => PartPlace::Group(pid),
            None => {
                let usage = LiveUsage::default();
                watches.push(tokio::spawn(told_usage(docker.clone(), name, usage.clone())).abort_handle());
                PartPlace::Told(usage)
            }
        };
        let mut state = self.state();
        state.stop_watching();
        state.ended = None;
        state.is_paused = false;
        state.place = place;
        state.watches = watches;
        Ok(())
    }

    /// Asks it to end (SIGTERM), and kills it if it does not within 10 s. A paused one goes on for that.
    pub(crate) async fn stop(&self) -> Result<(), ContainerError> {
        self.resume().await?;
        self.state().stop_watching();
        let options = StopContainerOptionsBuilder::new().t(GRACE_SECONDS).build();
        let name = &self.inner.name;
        let stopped = self.docker().stop_container(name, Some(options)).await;
        stopped.map_err(ContainerError::at(format!("stop {name}")))
    }

    /// Kills it (SIGKILL), and waits until it is gone.
    pub(crate) async fn kill(&self) -> Result<(), ContainerError> {
        self.state().stop_watching();
        let name = &self.inner.name;
        let options = KillContainerOptionsBuilder::new().signal("KILL").build();
        match self.docker().kill_container(name, Some(options)).await {
            Ok(()) => {}
            // It is gone already.
            Err(error) if status(&error) == Some(409) => {}
            Err(error) => return Err(ContainerError::at(format!("kill {name}"))(error)),
        }
        self.state().is_paused = false;
        wait(self.docker(), name).await;
        Ok(())
    }

    /// Lets every process in it stand still (the kernel's freezer). Its sockets stay open.
    pub(crate) async fn pause(&self) -> Result<(), ContainerError> {
        let name = &self.inner.name;
        let paused = self.docker().pause_container(name).await;
        paused.map_err(ContainerError::at(format!("pause {name}")))?;
        self.state().is_paused = true;
        Ok(())
    }

    /// Lets it go on; nothing happens to one that is not paused.
    pub(crate) async fn resume(&self) -> Result<(), ContainerError> {
        if !self.state().is_paused {
            return Ok(());
        }
        let name = &self.inner.name;
        let resumed = self.docker().unpause_container(name).await;
        resumed.map_err(ContainerError::at(format!("resume {name}")))?;
        self.state().is_paused = false;
        Ok(())
    }

    /// Takes its network away: to other containers, and its mapped ports.
    pub(crate) async fn disconnect(&self) -> Result<(), ContainerError> {
        let name = &self.inner.name;
        let request = NetworkDisconnectRequest { container: name.clone(), force: Some(true) };
        let done = self.docker().disconnect_network(self.inner.containers.network(), request).await;
        done.map_err(ContainerError::at(format!("disconnect {name}")))
    }

    /// Gives it its network back, under its old name and with its old ports.
    pub(crate) async fn connect(&self) -> Result<(), ContainerError> {
        let name = &self.inner.name;
        let request = NetworkConnectRequest { container: name.clone(), endpoint_config: None };
        let done = self.docker().connect_network(self.inner.containers.network(), request).await;
        done.map_err(ContainerError::at(format!("connect {name}")))
    }

    /// Puts a container of another image in its place, over the same data and at the same ports, and starts it.
    pub(crate) async fn replace(
        &self,
        image: &str,
        env: BTreeMap<String, Secret>,
    ) -> Result<(), ContainerError> {
        self.state().stop_watching();
        let part = self.state().request.part.clone();
        self.inner.containers.remove(&self.inner.name, &part).await?;
        {
            let mut state = self.state();
            image.clone_into(&mut state.request.image);
            state.request.env = env;
        }
        self.make().await
    }

    /// The image that it is of.
    pub(crate) fn image(&self) -> String {
        self.state().request.image.clone()
    }

    /// Why it is gone, when it ended by itself; the last lines of its log are in the text.
    pub(crate) fn failed(&self) -> Option<String> {
        self.state().ended.clone()
    }

    /// Where its processor time and memory are found.
    pub(crate) fn place(&self) -> PartPlace {
        self.state().place.clone()
    }

    /// Its connections: they end in a network of its own, which is seen where its processes are.
    pub(crate) fn connections(&self) -> PartConnections {
        let state = self.state();
        match state.place {
            PartPlace::Group(pid) => {
                PartConnections::In(pid, state.request.ports.iter().map(|mapped| mapped.inside).collect())
            }
            PartPlace::Threads(_) | PartPlace::Told(_) | PartPlace::Elsewhere => PartConnections::Unknown,
        }
    }

    /// The last lines of its log, as a text to append to a message.
    pub(crate) async fn log_tail(&self) -> String {
        last_lines(self.docker(), &self.inner.name).await
    }

    fn docker(&self) -> &Docker {
        self.inner.containers.engine().docker()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state()
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn stop_watching(&mut self) {
        for watch in self.watches.drain(..) {
            watch.abort();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.stop_watching();
    }
}

/// Waits for the end of a container that should not end, and says why it is gone.
async fn watched(docker: Docker, name: String, container: Weak<Inner>) {
    wait(&docker, &name).await;
    let why = why_gone(&docker, &name).await;
    let text = format!("the container {name} ended by itself{why}{}", last_lines(&docker, &name).await);
    if let Some(container) = container.upgrade() {
        container.state().ended = Some(text);
    }
}

/// How it ended, by the engine's word.
async fn why_gone(docker: &Docker, name: &str) -> String {
    let found = docker.inspect_container(name, None::<InspectContainerOptions>).await;
    let Some(state) = found.ok().and_then(|found| found.state) else {
        return ": the engine has it no more".to_owned();
    };
    let code = state.exit_code.map_or_else(String::new, |code| format!(" with exit code {code}"));
    match state.oom_killed {
        Some(true) => format!("{code}: it wanted more memory than it may take (`server.container.memory`)"),
        _ => code,
    }
}

/// Until the container does not run, or is not there any more.
async fn wait(docker: &Docker, name: &str) {
    loop {
        // The end of the stream, or an error in it, is only a reason to look: the engine reports exit codes as errors.
        let _code = docker.wait_container(name, None::<WaitContainerOptions>).next().await;
        match docker.inspect_container(name, None::<InspectContainerOptions>).await {
            Ok(found) if found.state.as_ref().and_then(|state| state.running) == Some(true) => {}
            Err(error) if status(&error) != Some(404) => {}
            Ok(_) | Err(_) => return,
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Keeps `usage` up to date for as long as the container runs.
async fn told_usage(docker: Docker, name: String, usage: LiveUsage) {
    let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
    let mut ticks = tokio::time::interval(USAGE_PERIOD);
    loop {
        ticks.tick().await;
        if let Some(Ok(stats)) = docker.stats(&name, Some(options.clone())).next().await
            && let Some(now) = Usage::of(&stats)
        {
            usage.set(now);
        }
    }
}

/// Whether this process of the engine's machine can be seen here, and is the container's: the engine may run elsewhere,
/// where the number is another's.
fn is_here(pid: u32, id: &str) -> bool {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    !id.is_empty() && groups.contains(id)
}
