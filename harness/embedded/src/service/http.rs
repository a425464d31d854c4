//! HTTP on one connection: which API a path belongs to, and who may call it (nacos-facts.md §1).

mod accounts;
mod answers;
mod bad;
mod call;
mod details;
mod gone;
mod history;
mod loader;
mod namespaces;
mod poll;
mod routes;
mod state;
mod v1;
mod v2;
mod v3;
mod writes;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use self::answers::{refused, text};
use self::call::Call;
use super::node::Node;
use crate::core::ConnectionId;

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
        async move { Ok::<_, Infallible>(answer(&node, connection, peer, request).await) }
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

async fn answer(
    node: &Node,
    connection: ConnectionId,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<bad::Sent> {
    let (head, body) = request.into_parts();
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(refusal) => return bad::after(None, refusal).await,
    };
    let bad = bad::kind(&head).and_then(|kind| node.bad_answer(kind));
    if let Some(instead) = bad::before(bad, head.uri.path()).await {
        return bad::after(None, instead).await;
    }
    bad::after(bad, routes::answer(Call::new(node, connection, peer, head, body)).await).await
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
