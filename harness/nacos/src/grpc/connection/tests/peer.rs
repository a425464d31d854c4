//! A small server that does as it is told.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::grpc::frame::{self, Decoder};
use crate::grpc::message::{
    ConfigChangeNotifyRequest, ConfigQueryResponse, ErrorResponse, Response as _, ServerCheckResponse, Unary,
};
use crate::grpc::payload::{Payload, STREAM_PATH};

/// What the server does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Behaviour {
    /// How many notifies it pushes once a stream is open.
    pub(super) pushes: u32,
    /// Sends each byte in a frame of its own.
    pub(super) splits: bool,
    /// Says goodbye and closes once it has pushed.
    pub(super) closes_after_pushes: bool,
    /// Ends the stream in order, and keeps the connection.
    pub(super) ends_stream: bool,
    /// Never answers calls.
    pub(super) is_mute: bool,
    /// Answers calls with this gRPC status.
    pub(super) status: Option<&'static str>,
    /// Answers queries with content of so many bytes.
    pub(super) content_bytes: usize,
    /// Collects so many calls and answers the last first.
    pub(super) answers_in_reverse: Option<usize>,
}

/// Serves one connection; what comes on its stream comes out of the channel.
pub(super) async fn serve(behaviour: Behaviour) -> (SocketAddr, mpsc::Receiver<Payload>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (tx, rx) = mpsc::channel(100);
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        connection(socket, behaviour, tx).await;
    });
    (addr, rx)
}

async fn connection(socket: TcpStream, behaviour: Behaviour, seen: mpsc::Sender<Payload>) {
    let mut connection = h2::server::handshake(socket).await.unwrap();
    let mut kept = Vec::new();
    let (pushed, mut all_pushed) = mpsc::channel::<()>(1);
    loop {
        let (request, respond) = tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok(accepted)) => accepted,
                _ => return,
            },
            Some(()) = all_pushed.recv() => {
                connection.graceful_shutdown();
                continue;
            }
        };
        if request.uri().path() == STREAM_PATH {
            tokio::spawn(stream(request, respond, behaviour, (seen.clone(), pushed.clone())));
            continue;
        }
        kept.push((request, respond));
        if behaviour.is_mute || kept.len() < behaviour.answers_in_reverse.unwrap_or(1) {
            continue;
        }
        for (request, respond) in kept.drain(..).rev() {
            tokio::spawn(call(request, respond, behaviour));
        }
    }
}

async fn call(request: Request<h2::RecvStream>, mut respond: SendResponse<Bytes>, behaviour: Behaviour) {
    assert_eq!(request.headers()["te"], "trailers");
    assert_eq!(request.headers()["content-type"], "application/grpc");
    let mut decoder = Decoder::default();
    let mut body = request.into_body();
    while let Some(bytes) = body.data().await {
        decoder.push(&bytes.unwrap());
    }
    decoder.next_payload().unwrap().map_or_else(
        || panic!("a call without a message"),
        |payload| answer(&payload, &mut respond, behaviour),
    );
}

fn answer(payload: &Payload, respond: &mut SendResponse<Bytes>, behaviour: Behaviour) {
    if let Some(status) = behaviour.status {
        let head =
            Response::builder().header("grpc-status", status).header("grpc-message", "no").body(()).unwrap();
        respond.send_response(head, true).unwrap();
        return;
    }
    let reply = match Unary::try_from(payload).unwrap() {
        Unary::ServerCheck(_) => {
            Payload::new(&ServerCheckResponse { connection_id: "c-1".into(), ..Default::default() })
        }
        Unary::Query(_) => Payload::new(&ConfigQueryResponse {
            content: Some("x".repeat(behaviour.content_bytes)),
            ..Default::default()
        }),
        _ => Payload::new(&ErrorResponse::failure(302, "no handler")),
    };
    let mut out = respond.send_response(Response::new(()), false).unwrap();
    send(&mut out, &reply, behaviour.splits);
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
    out.send_trailers(trailers).unwrap();
}

async fn stream(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    behaviour: Behaviour,
    (seen, pushed): (mpsc::Sender<Payload>, mpsc::Sender<()>),
) {
    let mut out = respond.send_response(Response::new(()), false).unwrap();
    for n in 0..behaviour.pushes {
        let notify = ConfigChangeNotifyRequest { request_id: Some(n.to_string()), ..Default::default() };
        send(&mut out, &Payload::new(&notify), behaviour.splits);
    }
    if behaviour.ends_stream || behaviour.closes_after_pushes {
        let status = if behaviour.ends_stream { "1" } else { "0" };
        let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), status.parse().unwrap())]);
        out.send_trailers(trailers).unwrap();
    }
    if behaviour.closes_after_pushes {
        pushed.send(()).await.unwrap();
    }
    let mut decoder = Decoder::default();
    let mut body = request.into_body();
    while let Some(Ok(bytes)) = body.data().await {
        body.flow_control().release_capacity(bytes.len()).unwrap();
        decoder.push(&bytes);
        while let Some(payload) = decoder.next_payload().unwrap() {
            // Some tests do not look.
            drop(seen.send(payload).await);
        }
    }
}

fn send(out: &mut h2::SendStream<Bytes>, payload: &Payload, splits: bool) {
    let frame = frame::encode(payload).unwrap();
    let chunk = if splits { 1 } else { frame.len() };
    for start in (0..frame.len()).step_by(chunk) {
        out.send_data(frame.slice(start..start + chunk), false).unwrap();
    }
}
