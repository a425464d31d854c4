//! Starting and stopping the proxy server: its threads, and whether they are well.

use std::any::Any;
use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::{io, thread};

use shakedown_model::Seed;
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::api::{self, Api, Begin};
use crate::registry::{Registry, bind};
use crate::shard;
use crate::stats::{Stats, StatsBook};
use crate::tap::Tap;

/// How to start a proxy server.
#[derive(Debug, Clone, Copy)]
pub struct ProxyConfig {
    /// Where the API listens; port 0 is any.
    pub api: SocketAddr,
    /// How many threads move bytes; 0 counts as 1. One is enough for 10,000 connections of config traffic.
    pub shards: usize,
    /// What jitter and toxicity are drawn from.
    pub seed: Seed,
}

/// The proxy server could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The API's address cannot be bound.
    #[error(
        "the proxy's API cannot listen on {address} (port {}): {why}; free the port or choose another",
        address.port()
    )]
    Api {
        /// The address that was tried.
        address: SocketAddr,
        /// Why not.
        why: String,
    },
    /// A proxy to begin with could not be created.
    #[error("the proxies could not be created: {0}; correct the list of proxies")]
    Populate(String),
    /// The system gave no thread, or no files for one.
    #[error("a thread of the proxy could not be started; raise the limits on threads and open files")]
    Thread(#[source] io::Error),
}

/// Starts proxy servers.
///
/// ```
/// use shakedown_model::Seed;
/// use shakedown_proxy::{ProxyConfig, ProxyServer};
/// let api = "127.0.0.1:0".parse().unwrap();
/// let server = ProxyServer::start(ProxyConfig { api, shards: 1, seed: Seed(7) }).unwrap();
/// assert_ne!(server.api_addr().port(), 0);
/// assert_eq!(server.failed(), None);
/// server.stop();
/// ```
#[derive(Debug)]
pub struct ProxyServer;

impl ProxyServer {
    /// Starts the API and the data plane on threads of their own; it needs no runtime and may be called from one.
    ///
    /// # Errors
    /// When the API's port is taken, or the system has no more threads or files.
    pub fn start(config: ProxyConfig) -> Result<RunningProxyServer, StartError> {
        Self::start_with(config, None, None)
    }

    /// As [`ProxyServer::start`], with a tap that is told of every connection.
    ///
    /// # Errors
    /// As [`ProxyServer::start`].
    pub fn start_tapped(config: ProxyConfig, tap: &Arc<dyn Tap>) -> Result<RunningProxyServer, StartError> {
        Self::start_with(config, None, Some(tap))
    }

    /// As [`ProxyServer::start`], with proxies to begin with: `proxies` is JSON as for `POST /populate`, which is the
    /// form of the file that `toxiproxy-server -config` reads. All of them exist when it returns.
    ///
    /// # Errors
    /// Also when a proxy cannot be created; then nothing is left running.
    pub fn start_populated(config: ProxyConfig, proxies: &[u8]) -> Result<RunningProxyServer, StartError> {
        let (done, outcome) = std::sync::mpsc::channel();
        let server = Self::start_with(config, Some(Begin { proxies: proxies.to_vec(), done }), None)?;
        match outcome.recv() {
            Ok(Ok(())) => Ok(server),
            Ok(Err(why)) => Err(StartError::Populate(why)),
            Err(_) => {
                Err(StartError::Populate(server.failed().unwrap_or_else(|| "its thread ended".to_owned())))
            }
        }
    }

    fn start_with(
        config: ProxyConfig,
        begin: Option<Begin>,
        tap: Option<&Arc<dyn Tap>>,
    ) -> Result<RunningProxyServer, StartError> {
        let refused = |why| StartError::Api { address: config.api, why };
        let listener = bind(config.api).map_err(refused)?;
        let api_addr = listener.local_addr().map_err(|error| refused(error.to_string()))?;
        let stats = Arc::new(StatsBook::default());
        let mut server = RunningProxyServer {
            api_addr,
            stats: Arc::clone(&stats),
            threads: Vec::new(),
            failure: Arc::default(),
        };
        let (senders, inboxes): (Vec<_>, Vec<_>) = (0..config.shards.max(1)).map(|_| shard::inbox()).unzip();
        for (index, inbox) in inboxes.into_iter().enumerate() {
            let place =
                shard::Place { index, peers: senders.clone(), counters: stats.total(), tap: tap.cloned() };
            server.spawn(format!("proxy-shard-{index}"), move |runtime, stop| {
                shard::run(runtime, place, inbox, stop)
            })?;
        }
        let registry = Registry::new(senders, config.seed, Arc::clone(&stats));
        server.spawn_api(listener, Api::new(registry, stats), begin)?;
        Ok(server)
    }
}

/// A proxy server at work. Dropping it stops it.
#[derive(Debug)]
pub struct RunningProxyServer {
    api_addr: SocketAddr,
    stats: Arc<StatsBook>,
    threads: Vec<Worker>,
    failure: Arc<Mutex<Option<String>>>,
}

#[derive(Debug)]
struct Worker {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl RunningProxyServer {
    /// Where the API listens.
    #[must_use]
    pub const fn api_addr(&self) -> SocketAddr {
        self.api_addr
    }

    /// The counters now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats.read()
    }

    /// Why the server is no longer whole, if a thread of it ended by itself: a defect, and the run is to end.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the API, every listener and every connection, and waits for the threads (milliseconds).
    pub fn stop(mut self) {
        self.end();
    }

    fn spawn_api(&mut self, listener: TcpListener, api: Api, begin: Option<Begin>) -> Result<(), StartError> {
        self.spawn("proxy-api".to_owned(), move |runtime, stop| {
            api::run(runtime, (listener, api), begin, stop)
        })
    }

    fn spawn<F>(&mut self, name: String, work: F) -> Result<(), StartError>
    where
        F: FnOnce(&Runtime, oneshot::Receiver<()>) -> io::Result<()> + Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let (stop, stopped) = oneshot::channel();
        let failure = Arc::clone(&self.failure);
        let label = name.clone();
        let body = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| work(&runtime, stopped)));
            // A name lookup may still hang in the pool; nobody waits for it.
            runtime.shutdown_background();
            let why = match ended {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => panic_text(panic.as_ref()),
            };
            tracing::error!(thread = label, why, "a thread of the proxy failed");
            let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| format!("the proxy's thread `{label}` failed: {why}"));
        };
        let thread = thread::Builder::new().name(name).spawn(body).map_err(StartError::Thread)?;
        self.threads.push(Worker { stop, thread });
        Ok(())
    }

    fn end(&mut self) {
        // The API goes first, so that no request meets half a data plane.
        for Worker { stop, thread } in self.threads.drain(..).rev() {
            let had_ended = stop.send(()).is_err();
            if thread.join().is_err() || had_ended {
                tracing::debug!("a thread of the proxy had ended before it was stopped");
            }
        }
    }
}

impl Drop for RunningProxyServer {
    fn drop(&mut self) {
        self.end();
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

#[cfg(test)]
mod tests;
