//! What only shows below gRPC: windows, resets and broken frames, from a client that is in charge of every byte.

use shakedown_http2::{Config, Connection, ErrorCode, Event as Http2, StreamId};
use shakedown_nacos::grpc::frame::{self, Decoder};
use shakedown_nacos::grpc::message::{HealthCheckRequest, HealthCheckResponse};
use shakedown_nacos::grpc::payload::{STREAM_PATH, UNARY_PATH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// A client that only moves bytes.
struct Raw {
    socket: TcpStream,
    http2: Connection,
    out: Vec<u8>,
}

/// What a stream ended with.
#[derive(Debug, Default)]
struct Seen {
    content: Vec<u8>,
    status: Option<String>,
    reset: Option<ErrorCode>,
}

impl Raw {
    async fn connect(server: &RunningServer, config: Config) -> Self {
        let socket = TcpStream::connect(server.grpc_addr()).await.unwrap();
        let mut out = Vec::new();
        let http2 = Connection::client(config, &mut out);
        Self { socket, http2, out }
    }

    fn request(&mut self, path: &str) -> StreamId {
        let head = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "h")];
        self.http2.request(&head, false, &mut self.out).unwrap()
    }

    fn send(&mut self, stream: StreamId, payload: &Payload, ends: bool) {
        let message = frame::encode(payload).unwrap();
        assert_eq!(self.http2.send_data(stream, &message, ends, &mut self.out), Ok(message.len()));
    }

    /// Exchanges bytes until `stream` has ended or `is_enough`; room is given back byte by byte.
    async fn until(&mut self, stream: StreamId, is_enough: impl Fn(&Seen) -> bool) -> Seen {
        let (mut seen, mut input) = (Seen::default(), vec![0; 4096]);
        while seen.status.is_none() && seen.reset.is_none() && !is_enough(&seen) {
            self.socket.write_all(&std::mem::take(&mut self.out)).await.unwrap();
            let read = soon("bytes", self.socket.read(&mut input)).await.unwrap();
            assert!(read > 0, "the server closed the connection; {seen:?}");
            let mut bytes = &input[..read];
            while let Some(event) = self.http2.next_event(&mut bytes, &mut self.out).unwrap() {
                match event {
                    Http2::Data { stream: of, bytes, .. } => {
                        let room = bytes.len();
                        if of == stream {
                            seen.content.extend_from_slice(bytes);
                        }
                        self.http2.release(of, room, &mut self.out);
                    }
                    Http2::Trailers { stream: of, fields } if of == stream => {
                        seen.status = fields.text("grpc-status").map(str::to_owned);
                    }
                    Http2::Reset { stream: of, code, .. } if of == stream => seen.reset = Some(code),
                    _ => {}
                }
            }
        }
        seen
    }

    async fn is_healthy(&mut self) -> bool {
        let stream = self.request(UNARY_PATH);
        self.send(stream, &Payload::new(&HealthCheckRequest::default()), true);
        let seen = self.until(stream, |_| false).await;
        let answer = first_payload(&seen.content);
        seen.status.as_deref() == Some("0")
            && answer.is_some_and(|answer| answer.read::<HealthCheckResponse>().is_ok())
    }

    /// Registers without abilities, which is answered by nothing, and waits until calls are let in.
    async fn register(&mut self) -> StreamId {
        let stream = self.request(STREAM_PATH);
        self.send(stream, &Payload::new(&ConnectionSetupRequest::default()), false);
        soon("the registration", async { while !self.is_healthy().await {} }).await;
        stream
    }
}

fn first_payload(content: &[u8]) -> Option<Payload> {
    let mut decoder = Decoder::default();
    decoder.push(content);
    decoder.next_payload().unwrap()
}

#[tokio::test]
async fn a_push_passes_a_window_of_a_few_bytes() {
    let server = start();
    let mut raw = Raw::connect(&server, Config { stream_window: 7, ..Config::default() }).await;
    let stream = raw.register().await;
    let listen = raw.request(UNARY_PATH);
    let request = ConfigBatchListenRequest {
        listen: true,
        config_listen_contexts: vec![ConfigListenContext::of(&key("d"))],
        ..Default::default()
    };
    raw.send(listen, &Payload::new(&request), true);
    assert_eq!(raw.until(listen, |_| false).await.status.as_deref(), Some("0"));
    for _ in 0..3 {
        publish(&server, "d", &format!("{:?}", std::time::Instant::now())).await;
        let seen = raw.until(stream, |seen| first_payload(&seen.content).is_some()).await;
        let push = first_payload(&seen.content).unwrap();
        let change: ConfigChangeNotifyRequest = push.read().unwrap();
        assert_eq!(change.data_id, "d");
        let ack = ConfigChangeNotifyResponse::acknowledge(&change.request_id.unwrap());
        raw.send(stream, &Payload::new(&ack), false);
    }
}

#[tokio::test]
async fn a_burst_of_calls_that_are_given_up_is_no_attack() {
    let server = start();
    let mut raw = Raw::connect(&server, Config::default()).await;
    raw.register().await;
    for _ in 0..3_000 {
        let stream = raw.request(UNARY_PATH);
        raw.send(stream, &Payload::new(&HealthCheckRequest::default()), true);
        raw.http2.reset(stream, ErrorCode::CANCEL, &mut raw.out);
    }
    assert!(raw.is_healthy().await);
}

#[tokio::test]
async fn a_call_that_is_answered_early_need_not_be_ended() {
    let server = start();
    let mut raw = Raw::connect(&server, Config::default()).await;
    raw.register().await;
    // More than may be open at once: each is answered by its message, not by its end.
    for _ in 0..150 {
        let stream = raw.request(UNARY_PATH);
        raw.send(stream, &Payload::new(&HealthCheckRequest::default()), false);
        assert_eq!(raw.until(stream, |_| false).await.status.as_deref(), Some("0"));
    }
    assert!(raw.is_healthy().await);
}

#[tokio::test]
async fn what_is_no_call_is_refused_by_a_status() {
    let server = start();
    let mut raw = Raw::connect(&server, Config::default()).await;
    let other = raw.request("/Request/other");
    assert_eq!(raw.until(other, |_| false).await.status.as_deref(), Some("12"));
    for (message, status) in [
        (&b""[..], "13"),
        (b"\x00\x00\x00", "13"),
        (b"\x01\x00\x00\x00\x00", "12"),
        (b"\x00\x7f\x00\x00\x00", "8"),
        (b"\x00\x00\x00\x00\x01\xff", "13"),
    ] {
        let call = raw.request(UNARY_PATH);
        raw.http2.send_data(call, message, true, &mut raw.out).unwrap();
        assert_eq!(raw.until(call, |_| false).await.status.as_deref(), Some(status), "{message:?}");
    }
    let stream = raw.register().await;
    raw.http2.send_data(stream, b"\x01\x00\x00\x00\x00", false, &mut raw.out).unwrap();
    assert_eq!(raw.until(stream, |_| false).await.status.as_deref(), Some("12"));
}

#[tokio::test]
async fn a_peer_that_breaks_http2_is_told_why() {
    let server = start();
    let mut socket = TcpStream::connect(server.grpc_addr()).await.unwrap();
    // SETTINGS of five bytes.
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x05\x04\0\0\0\0\0hello").await.unwrap();
    let mut answer = Vec::new();
    soon("the end", socket.read_to_end(&mut answer)).await.unwrap();
    let told = String::from_utf8_lossy(&answer);
    assert!(told.contains("SETTINGS are no multiple of 6 bytes"), "{told:?}");
}

#[tokio::test]
async fn a_goodbye_ends_the_connection_once_its_streams_have_ended() {
    let server = start();
    let mut raw = Raw::connect(&server, Config::default()).await;
    let stream = raw.register().await;
    raw.http2.go_away(ErrorCode::NO_ERROR, "", &mut raw.out);
    assert!(raw.is_healthy().await, "what is open goes on");
    raw.http2.send_data(stream, b"", true, &mut raw.out).unwrap();
    let out = std::mem::take(&mut raw.out);
    raw.socket.write_all(&out).await.unwrap();
    let mut rest = Vec::new();
    soon("the end", raw.socket.read_to_end(&mut rest)).await.unwrap();
    soon("the core", async {
        while server.open_count() > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
