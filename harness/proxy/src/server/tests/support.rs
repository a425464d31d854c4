//! An upstream that echoes, an API client of a few lines, and ways to wait.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shakedown_model::Seed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{ProxyConfig, ProxyServer, RunningProxyServer};

/// The longest that anything may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `is_true`.
pub(super) fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < PATIENCE, "it never came about that {what}");
        std::thread::yield_now();
    }
}

/// A proxy server under test.
pub(super) struct Harness {
    pub(super) server: RunningProxyServer,
}

impl Harness {
    pub(super) fn start(shards: usize) -> Self {
        let api = "127.0.0.1:0".parse().unwrap();
        Self { server: ProxyServer::start(ProxyConfig { api, shards, seed: Seed(7) }).unwrap() }
    }

    pub(super) fn start_tapped(tap: &Arc<dyn crate::Tap>) -> Self {
        let config = ProxyConfig { api: "127.0.0.1:0".parse().unwrap(), shards: 1, seed: Seed(7) };
        Self { server: ProxyServer::start_tapped(config, tap).unwrap() }
    }

    /// The status and the body of one request.
    pub(super) fn raw(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.server.api_addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// The JSON of a request that must succeed; null without a body.
    pub(super) fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.raw(method, path, &body);
        assert!(status < 300, "{method} {path} {body}: {status} {answer}");
        if answer.is_empty() { Value::Null } else { serde_json::from_str(&answer).unwrap() }
    }

    /// Creates a proxy on a free port.
    pub(super) fn proxy(&self, name: &str, upstream: &Upstream) -> SocketAddr {
        let body = json!({"name": name, "listen": "127.0.0.1:0", "upstream": upstream.address.to_string()});
        self.call("POST", "/proxies", &body)["listen"].as_str().unwrap().parse().unwrap()
    }

    /// Adds a toxic to proxy `p`.
    pub(super) fn toxic(&self, kind: &str, stream: &str, attributes: &Value) -> Value {
        let body = json!({"name": format!("{kind}-{stream}"), "type": kind, "stream": stream, "attributes": attributes});
        self.call("POST", "/proxies/p/toxics", &body)
    }

    /// Removes it again.
    pub(super) fn heal(&self, kind: &str, stream: &str) {
        self.call("DELETE", &format!("/proxies/p/toxics/{kind}-{stream}"), &Value::Null);
    }
}

/// A server that sends back what it gets, half-close included.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    pub(super) accepted: Arc<AtomicUsize>,
    pub(super) received: Arc<AtomicUsize>,
    pub(super) resets: Arc<AtomicUsize>,
    pub(super) peers: Arc<Mutex<Vec<IpAddr>>>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Upstream {
    pub(super) fn echo() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            accepted: Arc::default(),
            received: Arc::default(),
            resets: Arc::default(),
            peers: Arc::default(),
            _stop: stop,
        };
        let (accepted, peers) = (Arc::clone(&upstream.accepted), Arc::clone(&upstream.peers));
        let (received, resets) = (Arc::clone(&upstream.received), Arc::clone(&upstream.resets));
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                accepted.fetch_add(1, Ordering::SeqCst);
                peers.lock().unwrap().push(peer.ip());
                tokio::spawn(echo(stream, Arc::clone(&received), Arc::clone(&resets)));
            }
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        upstream
    }
}

async fn echo(mut stream: tokio::net::TcpStream, received: Arc<AtomicUsize>, resets: Arc<AtomicUsize>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => break,
            Ok(len) => {
                received.fetch_add(len, Ordering::SeqCst);
                if stream.write_all(&buffer[..len]).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                resets.fetch_add(1, Ordering::SeqCst);
                break;
            }
        }
    }
}

/// A connection to `address` with a read time-out.
pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection whose way to the upstream and back was tried.
pub(super) fn connected(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    round_trip(&mut stream, b"hello");
    stream
}

/// Sends, awaits the echo, says how long that took.
pub(super) fn round_trip(stream: &mut TcpStream, bytes: &[u8]) -> Duration {
    let start = Instant::now();
    stream.write_all(bytes).unwrap();
    let mut echoed = vec![0; bytes.len()];
    stream.read_exact(&mut echoed).unwrap();
    assert_eq!(echoed, bytes);
    start.elapsed()
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Orderly,
    Reset,
    /// It did not.
    Open,
}

/// How the connection ends, waiting for it.
pub(super) fn ending_of(stream: &mut TcpStream) -> Ending {
    let mut byte = [0];
    match stream.read(&mut byte) {
        Ok(0) => Ending::Orderly,
        Ok(_) => Ending::Open,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ending::Reset,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ending::Open,
        Err(error) => panic!("a connection ended oddly: {error}"),
    }
}

/// How it has ended by now, without waiting.
pub(super) fn ending_now(stream: &mut TcpStream) -> Ending {
    stream.set_nonblocking(true).unwrap();
    let ending = ending_of(stream);
    stream.set_nonblocking(false).unwrap();
    ending
}
