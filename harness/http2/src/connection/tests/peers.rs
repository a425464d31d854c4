//! Every pairing of our ends with the ends of the `h2` crate: content of 1 B to 1 MiB comes back as it went.

use std::collections::BTreeMap;
use std::time::Duration;

use ::bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::connection::{Config, Connection, Event, StreamId};
use crate::error::ErrorCode;

const SIZES: [usize; 8] = [1, 100, 16_383, 16_384, 65_535, 65_536, 300_000, 1 << 20];

/// Small enough that every large content waits for room many times.
const SMALL: Config =
    Config { stream_window: 10_000, connection_window: 70_000, max_streams: 100, header_list_bytes: 16_384 };

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// What one stream has received, and how much of what it has to say was sent.
#[derive(Default)]
struct Body {
    received: Vec<u8>,
    sent: usize,
    has_ended: bool,
    /// Whether the answer has begun.
    has_begun: bool,
    has_status: bool,
}

/// One end of ours with its socket.
struct Ours {
    io: DuplexStream,
    http2: Connection,
    out: Vec<u8>,
    bodies: BTreeMap<StreamId, Body>,
}

impl Ours {
    /// Writes what waits, reads once; whether the peer is still there.
    async fn step(&mut self) -> bool {
        if self.io.write_all(&std::mem::take(&mut self.out)).await.is_err() {
            return false;
        }
        let mut buffer = [0; 3_000];
        let read = self.io.read(&mut buffer).await.unwrap_or(0);
        let mut input = &buffer[..read];
        while let Some(event) = self.http2.next_event(&mut input, &mut self.out).unwrap() {
            match event {
                Event::Head { stream, ends, .. } => self.bodies.entry(stream).or_default().has_ended = ends,
                Event::Data { stream, bytes, ends } => {
                    let (length, body) = (bytes.len(), self.bodies.entry(stream).or_default());
                    body.received.extend_from_slice(bytes);
                    body.has_ended = ends;
                    self.http2.release(stream, length, &mut self.out);
                }
                Event::Trailers { stream, fields } => {
                    let body = self.bodies.entry(stream).or_default();
                    body.has_ended = true;
                    body.has_status = fields.text("grpc-status") == Some("0");
                }
                Event::GoAway { code: ErrorCode::NO_ERROR, .. } => {}
                event @ (Event::Reset { .. } | Event::GoAway { .. }) => panic!("{event:?}"),
            }
        }
        read > 0
    }
}

/// Our server: says what it is told, with trailers, until the peer goes.
async fn our_server(io: DuplexStream) {
    let mut out = Vec::new();
    let http2 = Connection::server(SMALL, &mut out);
    let mut ours = Ours { io, http2, out, bodies: BTreeMap::new() };
    while ours.step().await {
        let Ours { http2, out, bodies, .. } = &mut ours;
        bodies.retain(|stream, body| {
            if !body.has_ended {
                return true;
            }
            if !std::mem::replace(&mut body.has_begun, true) {
                http2.send_fields(*stream, &[(":status", "200"), ("x-kind", "echo")], false, out).unwrap();
            }
            body.sent += http2.send_data(*stream, &body.received[body.sent..], false, out).unwrap();
            let is_whole = body.sent == body.received.len();
            if is_whole {
                http2.send_fields(*stream, &[("grpc-status", "0")], true, out).unwrap();
            }
            !is_whole
        });
    }
}

/// Our client: sends all sizes at once and wants them back.
async fn our_client(io: DuplexStream) {
    let mut out = Vec::new();
    let http2 = Connection::client(SMALL, &mut out);
    let mut ours = Ours { io, http2, out, bodies: BTreeMap::new() };
    let mut asked: Vec<(StreamId, Vec<u8>, usize)> = Vec::new();
    for size in SIZES {
        let stream = ours.http2.request(&super::REQUEST, false, &mut ours.out).unwrap();
        asked.push((stream, content(size), 0));
    }
    loop {
        for (stream, content, sent) in asked.iter_mut().filter(|(_, content, sent)| *sent < content.len()) {
            *sent += ours.http2.send_data(*stream, &content[*sent..], true, &mut ours.out).unwrap();
        }
        let is_over = |stream| ours.bodies.get(stream).is_some_and(|body| body.has_ended);
        if asked.iter().all(|(stream, ..)| is_over(stream)) {
            break;
        }
        assert!(ours.step().await, "the server went away");
    }
    for (stream, content, _) in &asked {
        let body = &ours.bodies[stream];
        assert!(body.received == *content, "{} bytes of {}", body.received.len(), content.len());
        assert!(body.has_status);
    }
    assert_eq!(ours.http2.open_streams(), 0);
}

/// All that a stream of `h2` has.
async fn read_all(body: &mut h2::RecvStream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    all
}

/// A server of `h2` that does as ours. Its table is used, and its strings are Huffman-coded.
async fn h2_server(io: DuplexStream) {
    let mut connection = h2::server::Builder::new().handshake::<_, Bytes>(io).await.unwrap();
    let mut answers = JoinSet::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        answers.spawn(async move {
            let all = read_all(&mut request.into_body()).await;
            let head = http::Response::builder().header("x-kind", "echo").body(()).unwrap();
            let mut send = respond.send_response(head, false).unwrap();
            send.send_data(all.into(), false).unwrap();
            let status = ("grpc-status".parse().unwrap(), "0".parse().unwrap());
            send.send_trailers(http::HeaderMap::from_iter([status])).unwrap();
        });
    }
}

/// A client of `h2` that does as ours.
async fn h2_client(io: DuplexStream) {
    let (requests, connection) = h2::client::handshake(io).await.unwrap();
    let mut tasks = JoinSet::new();
    for size in SIZES {
        let mut requests = requests.clone();
        tasks.spawn(async move {
            let request =
                http::Request::post("http://example.com/a").header("x-size", size).body(()).unwrap();
            requests = requests.ready().await.unwrap();
            let (response, mut send) = requests.send_request(request, false).unwrap();
            send.send_data(content(size).into(), true).unwrap();
            let response = response.await.unwrap();
            assert_eq!(response.headers()["x-kind"], "echo");
            let mut body = response.into_body();
            assert!(read_all(&mut body).await == content(size));
            assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "0");
        });
    }
    drop(requests);
    let driver = tokio::spawn(connection);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    driver.await.unwrap().unwrap();
}

async fn check<S>(server: impl FnOnce(DuplexStream) -> S, client: impl AsyncFnOnce(DuplexStream))
where
    S: Future<Output = ()> + Send + 'static,
{
    let (near, far) = duplex(8 << 20);
    let server = tokio::spawn(server(far));
    timeout(Duration::from_secs(60), client(near)).await.expect("content in time");
    timeout(Duration::from_secs(60), server).await.expect("an end in time").unwrap();
}

#[tokio::test]
async fn our_client_and_our_server() {
    check(our_server, our_client).await;
}

#[tokio::test]
async fn our_client_and_a_server_of_h2() {
    check(h2_server, our_client).await;
}

#[tokio::test]
async fn a_client_of_h2_and_our_server() {
    check(our_server, h2_client).await;
}
