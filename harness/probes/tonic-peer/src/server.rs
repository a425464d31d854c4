//! A tonic server that plays Nacos as far as a client of it needs.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, StreamingService, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower_service::Service;

use crate::wire::Payload;

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How many pushes follow a setup.
pub const PUSHES: usize = 1_000;

/// What a call of the type `Fail` ends with; not ASCII, so that it is escaped.
pub const FAILURE: &str = "不可用 at 100 %";

/// The content that `ConfigQueryRequest` is answered with.
pub fn content() -> String {
    "0123456789abcdef".repeat(3 * 1024 * 1024 / 16)
}

/// Starts it on a free port.
pub async fn start() -> Result<(SocketAddr, Arc<AtomicUsize>), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let addr = listener.local_addr().map_err(|error| error.to_string())?;
    let acks = Arc::new(AtomicUsize::new(0));
    let server = Server::builder()
        .add_service(Calls)
        .add_service(Streams(Arc::clone(&acks)))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    Ok((addr, acks))
}

/// The unary calls.
#[derive(Debug, Clone)]
struct Calls;

impl NamedService for Calls {
    const NAME: &'static str = "Request";
}

impl Service<http::Request<Body>> for Calls {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Later<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut grpc = Grpc::new(ProstCodec::<Payload, Payload>::default());
        Box::pin(async move { Ok(grpc.unary(Self, request).await) })
    }
}

impl UnaryService<Payload> for Calls {
    type Response = Payload;
    type Future = Later<Result<Response<Payload>, Status>>;

    fn call(&mut self, request: Request<Payload>) -> Self::Future {
        let request = request.into_inner();
        Box::pin(async move {
            let answer = match request.kind() {
                "ServerCheckRequest" => Payload::new(
                    "ServerCheckResponse",
                    &json!({ "resultCode": 200, "connectionId": "tonic" }),
                ),
                "ConfigQueryRequest" => {
                    let body = json!({ "resultCode": 200, "content": content() });
                    Payload::new("ConfigQueryResponse", &body)
                }
                "ConfigPublishRequest" => {
                    let bytes = request.json()["content"].as_str().map_or(0, str::len);
                    let body = json!({ "resultCode": 200, "message": bytes.to_string() });
                    Payload::new("ConfigPublishResponse", &body)
                }
                _ => return Err(Status::unavailable(FAILURE)),
            };
            Ok(Response::new(answer))
        })
    }
}

/// The bidirectional stream; it counts the acks.
#[derive(Debug, Clone)]
struct Streams(Arc<AtomicUsize>);

impl NamedService for Streams {
    const NAME: &'static str = "BiRequestStream";
}

impl Service<http::Request<Body>> for Streams {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Later<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (mut grpc, streams) = (Grpc::new(ProstCodec::<Payload, Payload>::default()), self.clone());
        Box::pin(async move { Ok(grpc.streaming(streams, request).await) })
    }
}

impl StreamingService<Payload> for Streams {
    type Response = Payload;
    type ResponseStream = ReceiverStream<Result<Payload, Status>>;
    type Future = Later<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Payload>>) -> Self::Future {
        let acks = Arc::clone(&self.0);
        Box::pin(async move {
            let mut incoming = request.into_inner();
            let (pushes, outgoing) = mpsc::channel(16);
            tokio::spawn(async move {
                while let Some(Ok(payload)) = incoming.next().await {
                    if payload.kind() == "ConnectionSetupRequest" {
                        tokio::spawn(push_all(pushes.clone()));
                    } else if acks.fetch_add(1, Ordering::Relaxed) + 1 == PUSHES {
                        // The last is acknowledged: the server ends the stream.
                        return;
                    }
                }
            });
            Ok(Response::new(ReceiverStream::new(outgoing)))
        })
    }
}

async fn push_all(pushes: mpsc::Sender<Result<Payload, Status>>) {
    for nth in 0..PUSHES {
        let body = json!({ "requestId": nth.to_string(), "dataId": "d", "group": "g", "tenant": "" });
        if pushes.send(Ok(Payload::new("ConfigChangeNotifyRequest", &body))).await.is_err() {
            return;
        }
    }
}
