//! HTTP v1 on one connection: routes, parameters, answers (nacos-facts.md §1.2, §1.4, §1.8).

mod answers;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use shakedown_nacos::ConfigKey;
use shakedown_nacos::http::listening::{self, ListeningError};
use shakedown_nacos::http::names;
use tokio::net::TcpStream;

use self::answers::{refused, text};
use super::node::{Node, WriteError};
use super::params::{Params, header};
use crate::core::{ConnectionId, Listened, NewConfig, Poll, PollId, PollReply, check_key, stored_key};

/// A body beyond this is refused: the longest content of ASCII characters, each escaped.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// A connection on which no request begins, or whose head takes longer, is closed (Tomcat: 60 s).
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Request heads beyond this are refused.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A body that takes longer than this is given up.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

type Answer = Response<Full<Bytes>>;

/// Serves one connection to its end.
pub(super) async fn serve(node: Rc<Node>, stream: TcpStream, peer: SocketAddr) {
    let connection = node.input(|core, now| core.open(now, peer));
    let handle = service_fn(|request| {
        let node = Rc::clone(&node);
        async move { Ok::<_, Infallible>(answer(&node, connection, request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), handle)
        .await;
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "an HTTP connection ended early");
    }
    node.end_connection(connection);
}

async fn answer(node: &Node, connection: ConnectionId, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    match path {
        names::READINESS_PATH | "/nacos/v1/console/health/liveness" => return text(StatusCode::OK, "OK"),
        names::CONFIGS_PATH | names::LISTENER_PATH => {}
        _ => return answers::error_page(StatusCode::NOT_FOUND, "No message available", path),
    }
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let query = head.uri.query().unwrap_or_default();
    if path == names::LISTENER_PATH {
        return match head.method {
            Method::POST => listen(node, connection, &head.headers, query, &body).await,
            other => answers::no_such_method(&other, path),
        };
    }
    let params = Params::parse(query, &body);
    match head.method {
        Method::POST => publish(node, &head.headers, params),
        Method::GET => get(node, params),
        Method::DELETE => delete(node, params),
        other => answers::no_such_method(&other, path),
    }
}

async fn read_body(body: Incoming) -> Result<Bytes, Answer> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(text(StatusCode::PAYLOAD_TOO_LARGE, format!("body is above {MAX_BODY_BYTES} bytes")))
        }
        Ok(Err(error)) => Err(refused(&format!("body cannot be read: {error}"))),
        Err(_) => Err(text(StatusCode::REQUEST_TIMEOUT, "body takes too long")),
    }
}

/// The key that a call names, or the name of the parameter that is missing.
fn key(params: &mut Params) -> Result<ConfigKey, &'static str> {
    let mut required = |name| params.take(name).ok_or(name);
    let (data_id, group) = (required("dataId")?, required("group")?);
    Ok(ConfigKey { data_id, group, tenant: params.take("tenant").unwrap_or_default() })
}

fn publish(node: &Node, headers: &HeaderMap, mut params: Params) -> Answer {
    let key = match key(&mut params) {
        Ok(key) => key,
        Err(missing) => return answers::missing(missing),
    };
    let is_gray =
        params.is_given("tag") || header(headers, "betaIps").is_some_and(|ips| !ips.trim().is_empty());
    let Some(content) = params.take("content") else { return answers::missing("content") };
    let new = NewConfig {
        key,
        content,
        cas_md5: header(headers, names::CAS_MD5).map(String::from),
        content_type: params.take("type"),
        encrypted_data_key: params.take("encryptedDataKey"),
        is_gray,
    };
    written(node.publish(new))
}

fn delete(node: &Node, mut params: Params) -> Answer {
    match key(&mut params) {
        Ok(key) => written(node.remove(key)),
        Err(missing) => answers::missing(missing),
    }
}

fn written(result: Result<(), WriteError>) -> Answer {
    match result {
        Ok(()) => answers::done(),
        Err(error) => answers::write_error(&error),
    }
}

fn get(node: &Node, mut params: Params) -> Answer {
    let key = match key(&mut params) {
        Ok(key) => key,
        Err(missing) => return answers::missing(missing),
    };
    match stored_key(key) {
        Err(error) => answers::key_error(&error),
        Ok(key) => match node.input(|core, _| core.get(&key)) {
            Some(entry) => answers::content(&entry),
            None => answers::absent(),
        },
    }
}

async fn listen(
    node: &Node,
    connection: ConnectionId,
    headers: &HeaderMap,
    query: &str,
    body: &[u8],
) -> Answer {
    let parsed = listening::parse(body).or_else(|error| match error {
        ListeningError::Blank => listening::parse(query.as_bytes()),
        other => Err(other),
    });
    let entries = match parsed {
        Ok(entries) => entries,
        Err(ListeningError::TooManyWords { .. } | ListeningError::TooManyEntries) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return answers::error_page(status, "invalid probeModify", names::LISTENER_PATH);
        }
        Err(_) => return refused("invalid probeModify"),
    };
    if let Some(error) = entries.iter().find_map(|entry| check_key(&entry.key).err()) {
        return answers::key_error(&error);
    }
    let listened = entries.into_iter().map(Listened::from).collect();
    let timeout = header(headers, names::LONG_PULLING_TIMEOUT);
    let millis = timeout.as_ref().map(|millis| millis.parse().map(Duration::from_millis));
    let is_no_hangup = header(headers, names::NO_HANGUP).is_some_and(|value| value == "true");
    let poll = Poll { connection, listened, timeout: millis.clone().and_then(Result::ok), is_no_hangup };
    match (node.input(|core, now| core.poll(now, poll)), millis) {
        (PollReply::Answer(changed), None) if !has_bodies(headers) => answers::changed_in_headers(&changed),
        (PollReply::Answer(changed), Some(Err(_))) if changed.is_empty() && !is_no_hangup => {
            refused(&format!("For input string: \"{}\"", timeout.unwrap_or_default()))
        }
        (PollReply::Answer(changed), _) => answers::changed(&changed),
        (PollReply::Hangs(poll), _) => hang(node, poll).await,
    }
}

/// Whether a short-polling client takes its answer in the body: from version 2.0.4 on, and none is 2.0.0.
fn has_bodies(headers: &HeaderMap) -> bool {
    let version = header(headers, names::CLIENT_VERSION).unwrap_or_default();
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next()) >= (2, 0, 4)
}

/// Waits for a hanging poll. When the client goes away, hyper drops this future, and the poll with it.
async fn hang(node: &Node, poll: PollId) -> Answer {
    struct EndsPoll<'a>(&'a Node, PollId);
    impl Drop for EndsPoll<'_> {
        fn drop(&mut self) {
            self.0.end_poll(self.1);
        }
    }
    let awaited = node.await_poll(poll);
    let _ends = EndsPoll(node, poll);
    // The sender is dropped unsent only when the server goes down, and this task with it.
    answers::poll_body(awaited.await.unwrap_or_default())
}
