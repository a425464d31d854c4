//! What a chain of toxics costs on the way through the embedded proxy: bytes to an echo and back over loopback, with none to
//! three toxics that hold nothing up. How it does beside Toxiproxy is `examples/echo_bench`.
//!
//! `cargo bench -p shakedown-proxy`

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use criterion::{Criterion, Throughput};
use shakedown_model::Seed;
use shakedown_proxy::{ProxyConfig, ProxyServer};

/// Through the chain, without any wait in it.
const TOXICS: [&str; 3] = [
    r#"{"name":"l","type":"latency","stream":"downstream","attributes":{"latency":0,"jitter":0}}"#,
    r#"{"name":"b","type":"bandwidth","stream":"downstream","attributes":{"rate":100000000}}"#,
    r#"{"name":"s","type":"slicer","stream":"downstream","attributes":{"average_size":65536,"size_variation":0,"delay":0}}"#,
];

/// Sends back what comes, to every client on a thread of its own.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                client.set_nodelay(true).ok();
                let (mut from, mut to) = (&client, &client);
                std::io::copy(&mut from, &mut to)
            });
        }
    });
    address
}

/// A POST to the proxy's API.
fn post(api: SocketAddr, path: &str, body: &str) {
    let mut stream = TcpStream::connect(api).expect("the API listens");
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {api}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .expect("the API reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the API answers");
    assert!(answer.starts_with("HTTP/1.1 20"), "{path}: {answer}");
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("proxy");
    let upstream = echo();
    for toxics in 0..=TOXICS.len() {
        let api = "127.0.0.1:0".parse().expect("it is an address");
        let server = ProxyServer::start(ProxyConfig { api, shards: 1, seed: Seed(1) }).expect("it starts");
        let listen =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port is free");
        let proxy = format!(r#"{{"name":"bench","listen":"{listen}","upstream":"{upstream}"}}"#);
        post(server.api_addr(), "/proxies", &proxy);
        for toxic in &TOXICS[..toxics] {
            post(server.api_addr(), "/proxies/bench/toxics", toxic);
        }
        let mut client = TcpStream::connect(listen).expect("the proxy listens");
        client.set_nodelay(true).expect("it is a TCP socket");
        for size in [128, 64 * 1024] {
            let (sent, mut back) = (vec![b'x'; size], vec![0; size]);
            group.throughput(Throughput::Bytes(2 * size as u64));
            group.bench_function(format!("echo-{size}-toxics-{toxics}"), |bench| {
                bench.iter(|| {
                    client.write_all(&sent).expect("the proxy reads");
                    client.read_exact(&mut back).expect("the echo answers");
                });
            });
        }
        drop(client);
        server.stop();
    }
    group.finish();
    criterion.final_summary();
}
