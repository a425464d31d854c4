//! Toxiproxy's HTTP API over the registry: routes, bodies, status codes; tried against Toxiproxy 2.12.0's binary.
//!
//! Changes are carried out one after another; each is answered when it holds. Beside Toxiproxy's routes there is
//! `GET /shakedown/stats`. `/metrics` is always there.

mod answer;
mod request;
mod route;
mod routes;

use std::cell::Cell;
use std::convert::Infallible;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Mutex, oneshot};
use tokio::task::LocalSet;

use crate::registry::Registry;
use crate::stats::StatsBook;

/// A client that sends its request's head slower is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long accepting rests when it failed.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(50);

/// What the routes act on.
pub(crate) struct Api {
    registry: Mutex<Registry>,
    stats: Arc<StatsBook>,
    /// Requests so far that had a route.
    requests: Cell<u64>,
}

impl Api {
    pub(crate) fn new(registry: Registry, stats: Arc<StatsBook>) -> Self {
        Self { registry: Mutex::new(registry), stats, requests: Cell::new(0) }
    }
}

/// Proxies to create before the API answers, as JSON, and where to tell how that went.
pub(crate) struct Begin {
    pub(crate) proxies: Vec<u8>,
    pub(crate) done: std::sync::mpsc::Sender<Result<(), String>>,
}

/// Serves the API on this thread until `stop` says so.
pub(crate) fn run(
    runtime: &tokio::runtime::Runtime,
    (listener, api): (TcpListener, Api),
    begin: Option<Begin>,
    stop: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    let local = LocalSet::new();
    local.block_on(runtime, async move {
        if let Some(Begin { proxies, done }) = begin {
            let outcome = api.populate(&proxies).await.map_err(|error| error.to_string());
            if done.send(outcome).is_err() {
                tracing::debug!("nobody waits for the first proxies any more");
            }
        }
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let api = Rc::new(api);
        tokio::select! {
            () = accept(&listener, &api) => Ok(()),
            _ = stop => Ok(()),
        }
    })
}

async fn accept(listener: &tokio::net::TcpListener, api: &Rc<Api>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the API could not accept a connection");
                tokio::time::sleep(REST_AFTER_FAILURE).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "an API connection died before it was served");
            continue;
        }
        let api = Rc::clone(api);
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| {
                let api = Rc::clone(&api);
                async move { Ok::<_, Infallible>(api.answer(request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an API connection ended early");
            }
        });
    }
}
