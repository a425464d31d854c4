//! What a run has on a container engine: a network, containers, volumes; and that nothing of it is left behind.
//!
//! [`Containers`] is one run's share of the engine. Everything in it bears the labels of its [`Owner`], by which it is
//! removed at the run's end, by the guard when the harness was killed, and by [`sweep`] when both were. Ports are
//! mapped to numbers that the harness chose, so that a container that is stopped and started, or cut off and connected
//! again, is found where it was (ADR 22).

mod engine;
mod error;
mod orphans;
mod own;
mod owner;
mod removal;
mod request;
mod usage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use testcontainers::{ContainerAsync, GenericImage};

pub(crate) use self::engine::Engine;
pub use self::error::ContainerError;
pub use self::orphans::{Orphan, Orphans, Sweep, orphans, sweep};
pub(crate) use self::own::OwnContainer;
pub(crate) use self::owner::Owner;
pub(crate) use self::removal::remove_all;
use self::removal::save_logs;
pub(crate) use self::request::{ContainerRequest, Mapped};
pub use self::usage::{LiveUsage, Usage};
use crate::guard::Guard;

/// Tells a person how far the set-up is.
pub type Progress<'a> = &'a (dyn Fn(String) + Send + Sync);

/// A run's share of the container engine. Clones are the same share; dropping the last one removes it, which blocks.
#[derive(Clone)]
pub struct Containers {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    owner: Owner,
    network: String,
    logs: PathBuf,
    guard: Guard,
    is_ended: AtomicBool,
    /// By name. Each removes its container when it is dropped: the last resort of three.
    handles: Mutex<BTreeMap<String, Handle>>,
}

type Handle = ContainerAsync<GenericImage>;

impl Containers {
    /// Whether an engine answers; its version.
    ///
    /// # Errors
    /// [`ContainerError::NoEngine`].
    pub async fn check() -> Result<String, ContainerError> {
        Engine::connect().await?.version().await
    }

    /// Makes the network of the run `run`. Logs of containers go to the folder `logs` once they are removed.
    ///
    /// # Errors
    /// [`ContainerError`]; nothing is left behind then.
    pub async fn open(run: &str, logs: &Path, guard: &Guard) -> Result<Self, ContainerError> {
        let engine = Engine::connect().await?;
        let owner = Owner::this_process(run);
        guard.watch_containers(&owner)?;
        // From here on a drop removes what was made.
        let inner = Inner {
            engine,
            network: owner.name("network"),
            owner,
            logs: logs.to_owned(),
            guard: guard.clone(),
            is_ended: AtomicBool::new(false),
            handles: Mutex::default(),
        };
        let containers = Self { inner: Arc::new(inner) };
        containers.engine().make_network(&containers.inner.network, &containers.inner.owner).await?;
        Ok(containers)
    }

    /// Sees to it that the engine has an image, which may mean to fetch it.
    ///
    /// # Errors
    /// [`ContainerError::NoImage`].
    pub async fn provide(&self, image: &str, progress: Progress<'_>) -> Result<(), ContainerError> {
        self.engine().provide(image, progress).await
    }

    /// Saves the containers' logs and removes everything. What cannot be removed is in the log, and stays for
    /// `doctor --sweep`.
    pub async fn end(&self) {
        self.inner.is_ended.store(true, Ordering::Release);
        self.inner.remove(self.engine()).await;
    }

    /// Keeps a container until it is removed.
    pub(crate) fn keep(&self, name: &str, handle: Handle) {
        drop(self.inner.handles().insert(name.to_owned(), handle));
    }

    /// Saves the log of a container and removes it, but not its data.
    pub(crate) async fn remove(&self, name: &str, part: &str) -> Result<(), ContainerError> {
        save_logs(self.engine().docker(), name, &self.inner.logs.join(format!("{part}.log"))).await;
        let handle = self.inner.handles().remove(name);
        match handle {
            Some(handle) => handle.rm().await.map_err(ContainerError::of(format!("remove {name}"))),
            None => Ok(()),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.inner.owner
    }

    pub(crate) fn network(&self) -> &str {
        &self.inner.network
    }

    /// The address at which mapped ports are found.
    pub(crate) fn host(&self) -> std::net::IpAddr {
        self.inner.engine.host()
    }
}

impl std::fmt::Debug for Containers {
    /// Without the containers themselves, whose environment holds secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Containers").field("owner", &self.inner.owner).finish_non_exhaustive()
    }
}

impl Inner {
    fn handles(&self) -> MutexGuard<'_, BTreeMap<String, Handle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn remove(&self, engine: &Engine) {
        match remove_all(engine, &self.owner, Some(&self.logs)).await {
            Ok(_) => {
                if let Err(error) = self.guard.forget_containers(&self.owner) {
                    tracing::warn!(%error, "the guard is gone");
                }
            }
            Err(error) => {
                tracing::warn!(run = self.owner.run(), %error, "something of the run is left on the engine");
            }
        }
    }
}

impl Drop for Inner {
    /// Only set-ups that end early come here; a drop cannot wait, so a thread with a runtime of its own does.
    fn drop(&mut self) {
        if self.is_ended.load(Ordering::Acquire) {
            return;
        }
        let this = &*self;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let Ok(runtime) = runtime else { return };
                runtime.block_on(async {
                    if let Ok(engine) = Engine::connect().await {
                        this.remove(&engine).await;
                    }
                });
            });
        });
    }
}
