//! gRPC on one connection, over an HTTP/2 codec directly: the transport is the connection's identity
//! (nacos-facts.md §2.1, §2.3).

mod outbox;
mod unary;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use shakedown_nacos::grpc::frame::{self, Decoder, FrameError};
use shakedown_nacos::grpc::message::{ConnectionSetupRequest, FromClient};
use shakedown_nacos::grpc::payload::{Payload, STREAM_PATH, UNARY_PATH};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

pub(super) use self::outbox::{Link, Sent};
use self::outbox::{Outbox, send_all, write_frames};
use super::node::Node;
use crate::core::{Caller, ClientInfo, ConnectionId};

/// A connection that does not begin to speak HTTP/2 within this is closed.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Streams that a client may have open at once.
const MAX_STREAMS: u32 = 100;

/// Calls that a client may give up before they are looked at. A link that heals hands over a burst of calls whose
/// time is long up, which is no attack; the codec's default of 20 would end the connection.
const MAX_GIVEN_UP: usize = 1024;

/// What a client may send before it is read: per stream, and over all streams.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// What frames that wait to be read may cost beside their bytes: the codec counts up to 256 for each small one. This
/// is a stream's window full of the smallest message there is, so that a burst of acks, as a link hands over when it
/// heals, never looks like an attack.
const FRAME_OVERHEAD: usize = STREAM_WINDOW as usize / SMALLEST_MESSAGE * 256;

/// Five bytes of framing, a type's name and an empty object take more than this.
const SMALLEST_MESSAGE: usize = 32;

/// What is buffered of answers before a client takes them, per stream.
const MAX_SEND_BUFFER: usize = 64 * 1024;

/// Request headers beyond this are refused.
const MAX_HEADER_LIST: u32 = 16 * 1024;

/// How long a unary request may take to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The label of a connection that holds the client's tag: labels of the application have this beginning.
const TAG_LABEL: &str = "app_Vipserver-Tag";

/// Serves one connection to its end.
pub(super) async fn serve(node: Rc<Node>, stream: TcpStream, peer: SocketAddr) {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_GIVEN_UP)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .data_frame_budget(FRAME_OVERHEAD)
        .max_send_buffer_size(MAX_SEND_BUFFER)
        .max_header_list_size(MAX_HEADER_LIST);
    let Ok(Ok(mut http2)) =
        tokio::time::timeout(HANDSHAKE_TIMEOUT, builder.handshake::<_, Bytes>(stream)).await
    else {
        return;
    };
    let connection = node.input(|core, now| core.open(now, peer));
    let (link, closed) = Link::new();
    node.add_link(connection, link);
    let close = closed.notified();
    tokio::pin!(close);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut close => break,
            accepted = http2.accept() => accepted,
        };
        let Some(Ok((request, respond))) = accepted else { break };
        // The tasks end with their streams, and these with the connection.
        spawn_local(answer(Rc::clone(&node), connection, request, respond));
    }
    // Dropping the connection closes the TCP socket.
    drop(http2);
    node.end_connection(connection);
}

async fn answer(
    node: Rc<Node>,
    connection: ConnectionId,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let ended = match (request.method(), request.uri().path()) {
        (&Method::POST, UNARY_PATH) => answer_unary(&node, connection, request.into_body(), respond).await,
        (&Method::POST, STREAM_PATH) => serve_stream(&node, connection, request.into_body(), respond).await,
        _ => refuse(respond, GrpcStatus::Unimplemented, "no such method"),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a gRPC stream ended early");
    }
}

async fn answer_unary(
    node: &Node,
    connection: ConnectionId,
    body: RecvStream,
    mut respond: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let mut body = Incoming::new(body);
    let request = match tokio::time::timeout(REQUEST_TIMEOUT, body.next()).await {
        Ok(Ok(Some(request))) => request,
        Ok(Ok(None)) => return refuse(respond, GrpcStatus::Internal, "half closed without a request"),
        Ok(Err(IncomingError::Http2(error))) => return Err(error),
        Ok(Err(IncomingError::Frame(error))) => {
            return refuse(respond, error_status(&error), &error.to_string());
        }
        Err(_) => {
            respond.send_reset(Reason::CANCEL);
            return Ok(());
        }
    };
    match frame::encode(&unary::answer(node, connection, &request).await) {
        Ok(frame) => {
            let mut send = respond.send_response(response_head(), false)?;
            send_all(&mut send, frame).await?;
            send.send_trailers(trailers(GrpcStatus::Ok, ""))
        }
        Err(error) => refuse(respond, error_status(&error), &error.to_string()),
    }
}

/// The bidirectional stream: the first setup makes it the connection's, everything after it is an answer to a push.
async fn serve_stream(
    node: &Node,
    connection: ConnectionId,
    body: RecvStream,
    mut respond: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let mut send = respond.send_response(response_head(), false)?;
    let (outbox, frames) = Outbox::new();
    let mut body = Incoming::new(body);
    let reads = read_stream(node, connection, &mut body, &outbox);
    let ended = tokio::select! {
        ended = reads => ended,
        ended = write_frames(&mut send, frames) => ended.map_err(IncomingError::Http2),
    };
    node.with_link(connection, |link| link.detach(&outbox));
    match ended {
        Ok(()) => send.send_trailers(trailers(GrpcStatus::Ok, "")),
        Err(IncomingError::Http2(error)) => Err(error),
        Err(IncomingError::Frame(error)) => {
            send.send_trailers(trailers(error_status(&error), &error.to_string()))
        }
    }
}

async fn read_stream(
    node: &Node,
    connection: ConnectionId,
    body: &mut Incoming,
    outbox: &Outbox,
) -> Result<(), IncomingError> {
    while let Some(payload) = body.next().await? {
        match FromClient::try_from(&payload) {
            Ok(FromClient::Setup(setup)) => {
                // The way out comes first: registering may have something to send.
                node.with_link(connection, |link| link.attach(outbox));
                let tag = setup.labels.get(TAG_LABEL).filter(|tag| !tag.trim().is_empty());
                let caller =
                    Caller { ip: payload.client_ip().into(), tag: tag.map(|tag| tag.as_str().into()) };
                let has_abilities = setup.ability_table.is_some();
                let ConnectionSetupRequest { client_version, tenant, labels, .. } = *setup;
                let client = ClientInfo { version: client_version, tenant, labels };
                node.input(|core, now| {
                    core.introduce(connection, client);
                    core.register(now, connection, caller, has_abilities)
                });
            }
            Ok(FromClient::Ack { request_id: Some(id), is_success }) => {
                if let Ok(id) = id.parse() {
                    node.input(|core, now| core.stream_answer(now, connection, id, is_success));
                }
            }
            // The real server logs these and goes on.
            Ok(FromClient::Ack { request_id: None, .. } | FromClient::Unknown(_)) | Err(_) => {
                tracing::debug!(
                    connection = connection.0,
                    message = payload.type_name(),
                    "ignored on a stream"
                );
            }
        }
    }
    Ok(())
}

/// The payloads that a client sends on one stream.
struct Incoming {
    body: RecvStream,
    decoder: Decoder,
}

#[derive(Debug)]
enum IncomingError {
    Http2(h2::Error),
    Frame(FrameError),
}

impl Incoming {
    fn new(body: RecvStream) -> Self {
        Self { body, decoder: Decoder::default() }
    }

    /// The next payload, or `None` at the end of the stream.
    async fn next(&mut self) -> Result<Option<Payload>, IncomingError> {
        loop {
            if let Some(payload) = self.decoder.next_payload().map_err(IncomingError::Frame)? {
                return Ok(Some(payload));
            }
            let Some(data) = self.body.data().await else {
                self.decoder.finish().map_err(IncomingError::Frame)?;
                return Ok(None);
            };
            let data = data.map_err(IncomingError::Http2)?;
            self.decoder.push(&data);
            self.body.flow_control().release_capacity(data.len()).map_err(IncomingError::Http2)?;
        }
    }
}

/// The gRPC statuses that the server uses.
#[derive(Debug, Clone, Copy)]
enum GrpcStatus {
    Ok = 0,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
}

const fn error_status(error: &FrameError) -> GrpcStatus {
    match error {
        FrameError::TooLarge { .. } => GrpcStatus::ResourceExhausted,
        FrameError::Flag(_) => GrpcStatus::Unimplemented,
        FrameError::Protobuf(_) | FrameError::CutShort(_) => GrpcStatus::Internal,
    }
}

fn response_head() -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

fn trailers(status: GrpcStatus, message: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(status as u16));
    if let Ok(message) = HeaderValue::from_str(message)
        && !message.is_empty()
    {
        trailers.insert("grpc-message", message);
    }
    trailers
}

/// Ends a call without an answer, by a status in the trailers.
fn refuse(mut respond: SendResponse<Bytes>, status: GrpcStatus, message: &str) -> Result<(), h2::Error> {
    let mut send: SendStream<Bytes> = respond.send_response(response_head(), false)?;
    send.send_trailers(trailers(status, message))
}
