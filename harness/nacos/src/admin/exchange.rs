//! Requests of the control plane over pooled connections.

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::{Instant, timeout_at};

use crate::http::connection::MAX_BODY_BYTES;
use crate::socket::{self, ClientStream, ConnectError, Peer};

/// A connection that nobody needed for this long is closed.
const IDLE: Duration = Duration::from_secs(90);

/// Why a call has no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection came about, so that nothing was sent.
    #[error("no connection")]
    Connect(#[source] Box<Error>),
    /// The time for it was over.
    #[error("no whole answer within {0:?}")]
    TimedOut(Duration),
    /// The connection ended, or what came is no HTTP.
    #[error("the exchange broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Who sends requests to one server; clones share the connections.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    client: Client<Connector, Full<Bytes>>,
    peer: Peer,
    timeout: Duration,
}

/// A request about to be sent.
#[derive(Debug)]
pub(super) struct Call {
    request: http::request::Builder,
    body: Bytes,
}

/// The answer to a call, if not all of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The body as text, or why there is no whole one.
    pub(super) text: Result<String, CallError>,
}

impl Exchange {
    /// Each call ends within `timeout`.
    pub(super) fn new(peer: Peer, timeout: Duration) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(Connector(peer.clone()));
        Self { client, peer, timeout }
    }

    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// A request for `path`, with its query.
    pub(super) fn call(&self, method: Method, path: &str) -> Call {
        // TLS lies below: to the HTTP above it, it is the same.
        let uri = format!("http://{}{path}", self.peer.authority());
        Call { request: Request::builder().method(method).uri(uri), body: Bytes::new() }
    }

    /// Sends it once. A connection that ended before the first byte of it was written is not the call's.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, CallError> {
        let ends = Instant::now() + self.timeout;
        let late = CallError::TimedOut(self.timeout);
        let request =
            call.request.body(Full::new(call.body)).map_err(|error| CallError::Broken(error.into()))?;
        let Ok(answer) = timeout_at(ends, self.client.request(request)).await else { return Err(late) };
        let answer = answer.map_err(no_answer)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_BODY_BYTES).collect();
        let text = match timeout_at(ends, body).await {
            Ok(Ok(body)) => Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned()),
            Ok(Err(error)) => Err(CallError::Broken(error)),
            Err(_) => Err(late),
        };
        Ok(Answer { status, text })
    }
}

impl Answer {
    /// What kept the body from being whole.
    pub(super) fn whole(self) -> Result<(StatusCode, String), CallError> {
        Ok((self.status, self.text?))
    }
}

impl Call {
    /// The same with a header; one whose value is none is left out.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.request = self.request.header(HeaderName::from_static(name), value);
        }
        self
    }

    /// The same with a form for its body.
    pub(super) fn form(mut self, form: impl Into<Bytes>) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.body = form.into();
        self
    }
}

fn no_answer(error: Error) -> CallError {
    if error.is_connect() { CallError::Connect(Box::new(error)) } else { CallError::Broken(error.into()) }
}

impl Connection for ClientStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// Connects to one server, whatever the address in a request says.
#[derive(Debug, Clone)]
struct Connector(Peer);

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<ClientStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<ClientStream>, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let peer = self.0.clone();
        Box::pin(async move { socket::connect(&peer, Ipv4Addr::UNSPECIFIED).await.map(TokioIo::new) })
    }
}
