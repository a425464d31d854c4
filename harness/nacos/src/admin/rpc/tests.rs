//! The publisher against a small server, on real sockets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex};

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response as HttpResponse};
use tokio::net::TcpListener;

use super::*;
use crate::grpc::frame::{self, Decoder};
use crate::grpc::message::{ErrorResponse, Unary};
use crate::grpc::payload::STREAM_PATH;

/// What the server does with the nth publish or removal.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Ack,
    Conflict,
    Unregistered,
    Forbidden,
    Failure,
    /// Cuts the connection.
    Cut,
}

struct Server {
    script: Vec<Answer>,
    /// Health checks that are refused on each connection before it counts as registered.
    slow: usize,
    changes: AtomicUsize,
    connections: AtomicUsize,
    received: StdMutex<Vec<Payload>>,
}

async fn serve(script: Vec<Answer>, slow: usize) -> (RpcAdmin, Arc<Server>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = Arc::new(Server {
        script,
        slow,
        changes: AtomicUsize::new(0),
        connections: AtomicUsize::new(0),
        received: StdMutex::default(),
    });
    let shared = Arc::clone(&server);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            shared.connections.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(connection(socket, Arc::clone(&shared)));
        }
    });
    let admin = AdminClient::new(addr, Duration::from_secs(10));
    (RpcAdmin::new(addr, admin), server)
}

async fn connection(socket: tokio::net::TcpStream, server: Arc<Server>) {
    let mut connection = h2::server::handshake(socket).await.unwrap();
    let (cut, mut is_cut) = mpsc::channel::<()>(1);
    let mut streams = Vec::new();
    let mut asked = 0;
    loop {
        let (request, mut respond) = tokio::select! {
            Some(Ok(accepted)) = connection.accept() => accepted,
            Some(()) = is_cut.recv() => return,
            else => return,
        };
        if request.uri().path() == STREAM_PATH {
            let out = respond.send_response(HttpResponse::new(()), false).unwrap();
            streams.push((request.into_body(), out));
            continue;
        }
        asked += 1;
        tokio::spawn(call(request, respond, (Arc::clone(&server), asked), cut.clone()));
    }
}

async fn call(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    (server, asked): (Arc<Server>, usize),
    cut: mpsc::Sender<()>,
) {
    let mut decoder = Decoder::default();
    let mut body = request.into_body();
    while let Some(bytes) = body.data().await {
        decoder.push(&bytes.unwrap());
    }
    let payload = decoder.next_payload().unwrap().unwrap();
    let reply = match Unary::try_from(&payload).unwrap() {
        Unary::ServerCheck(_) => Payload::new(&ServerCheckResponse::default()),
        // The server check is the first call.
        Unary::HealthCheck(_) if asked <= 1 + server.slow => unregistered(),
        Unary::HealthCheck(_) => Payload::new(&HealthCheckResponse::default()),
        change @ (Unary::Publish(_) | Unary::Remove(_)) => {
            server.received.lock().unwrap().push(payload);
            let nth = server.changes.fetch_add(1, Ordering::Relaxed);
            let answer = server.script.get(nth).copied().unwrap_or(Answer::Ack);
            if answer == Answer::Cut {
                cut.send(()).await.unwrap();
                return;
            }
            answered(answer, matches!(change, Unary::Publish(_)))
        }
        other => panic!("{other:?}"),
    };
    let mut out = respond.send_response(HttpResponse::new(()), false).unwrap();
    out.send_data(frame::encode(&reply).unwrap(), false).unwrap();
    out.send_trailers(HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]))
        .unwrap();
}

fn unregistered() -> Payload {
    Payload::new(&ErrorResponse::failure(codes::NOT_REGISTERED, "Connection is unregistered."))
}

fn answered(answer: Answer, is_publish: bool) -> Payload {
    let (code, text) = match answer {
        Answer::Unregistered => return unregistered(),
        Answer::Ack if is_publish => return Payload::new(&ConfigPublishResponse::default()),
        Answer::Ack | Answer::Cut => return Payload::new(&ConfigRemoveResponse::default()),
        Answer::Conflict => (500, "Cas publish fail, server md5 may have changed."),
        Answer::Forbidden => (403, "no right"),
        Answer::Failure => (500, "did not find the Leader node"),
    };
    Payload::new(&ConfigPublishResponse::failure(code, text))
}

fn key() -> ConfigKey {
    ConfigKey::new("d", "g", "t")
}

#[tokio::test]
async fn one_registered_connection_carries_publishes_and_removals() {
    let (rpc, server) = serve(Vec::new(), 2).await;
    let key = key();
    let publication =
        Publication { cas_md5: Some("m"), beta_ips: Some("10.99.0.1"), ..Publication::new(&key, "x") };
    assert_eq!(rpc.publish(publication).await, PublishAnswer::Acked);
    assert_eq!(rpc.delete(&key).await, PublishAnswer::Acked);
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
    let received = server.received.lock().unwrap();
    let publish: ConfigPublishRequest = received[0].read().unwrap();
    assert_eq!(
        (publish.key(), publish.content.as_str(), publish.cas_md5.as_deref()),
        (key.clone(), "x", Some("m"))
    );
    assert_eq!(publish.addition_map["betaIps"], "10.99.0.1");
    assert_eq!(received[1].read::<ConfigRemoveRequest>().unwrap().key(), key);
}

#[tokio::test]
async fn answers_tell_whether_it_was_stored() {
    let script = vec![Answer::Conflict, Answer::Failure, Answer::Forbidden, Answer::Forbidden, Answer::Cut];
    let (rpc, server) = serve(script, 0).await;
    let key = key();
    let publish = || rpc.publish(Publication::new(&key, "x"));
    assert!(matches!(publish().await, PublishAnswer::Conflict { .. }));
    assert!(matches!(publish().await, PublishAnswer::Ambiguous { .. }));
    assert!(matches!(publish().await, PublishAnswer::Refused { status: Some(403), .. }), "tried twice");
    assert!(matches!(publish().await, PublishAnswer::Ambiguous { .. }), "cut");
    assert_eq!(publish().await, PublishAnswer::Acked, "on a connection of its own");
    assert_eq!(server.connections.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_connection_that_the_server_forgot_is_made_anew_and_the_publish_sent_again() {
    let (rpc, server) = serve(vec![Answer::Unregistered], 0).await;
    assert_eq!(rpc.publish(Publication::new(&key(), "x")).await, PublishAnswer::Acked);
    assert_eq!(server.connections.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let rpc = RpcAdmin::new(nobody, AdminClient::new(nobody, Duration::from_secs(10)));
    let answer = rpc.publish(Publication::new(&key(), "x")).await;
    assert!(matches!(answer, PublishAnswer::Refused { status: None, .. }), "{answer:?}");
}
