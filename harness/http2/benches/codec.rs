//! What the HTTP/2 codec costs: a call with its answer, both ends; a push on an open stream; and a server that reads what came.
//!
//! `cargo bench -p shakedown-http2`

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use shakedown_http2::{Config, Connection, Event, StreamId};

const REQUEST: [(&str, &str); 6] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/Request/request"),
    (":authority", "127.0.0.1:9848"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
];
const HEAD: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];
const DONE: [(&str, &str); 1] = [("grpc-status", "0")];
/// A query or its answer is about this long.
const MESSAGE: [u8; 400] = [b'x'; 400];

/// Both ends of a connection, with nothing between them.
struct Pair {
    client: Connection,
    server: Connection,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
}

impl Pair {
    fn new() -> Self {
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        let client = Connection::client(Config::default(), &mut to_server);
        let server = Connection::server(Config::default(), &mut to_client);
        let mut pair = Self { client, server, to_server, to_client };
        while !pair.to_server.is_empty() || !pair.to_client.is_empty() {
            pair.carry();
        }
        pair
    }

    /// What waits for either end is read there.
    fn carry(&mut self) {
        let bytes = std::mem::take(&mut self.to_server);
        read(&mut self.server, &bytes, &mut self.to_client);
        self.to_server = emptied(bytes);
        let bytes = std::mem::take(&mut self.to_client);
        read(&mut self.client, &bytes, &mut self.to_server);
        self.to_client = emptied(bytes);
    }

    fn request(&mut self, ends: bool) -> StreamId {
        let stream = self.client.request(&REQUEST, false, &mut self.to_server).expect("a stream is free");
        self.client.send_data(stream, &MESSAGE, ends, &mut self.to_server).expect("the stream is open");
        stream
    }

    fn call(&mut self) {
        let stream = self.request(true);
        self.carry();
        let (server, out) = (&mut self.server, &mut self.to_client);
        server.send_fields(stream, &HEAD, false, out).expect("the stream is open");
        server.send_data(stream, &MESSAGE, false, out).expect("the stream is open");
        server.send_fields(stream, &DONE, true, out).expect("the stream is open");
        self.carry();
    }
}

fn emptied(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.clear();
    bytes
}

/// Reads everything and gives the room of content back; how many events there were.
fn read(connection: &mut Connection, mut input: &[u8], out: &mut Vec<u8>) -> usize {
    let mut events = 0;
    while let Some(event) = connection.next_event(&mut input, out).expect("the other end is ours") {
        events += 1;
        if let Event::Data { stream, bytes, .. } = event {
            let room = bytes.len();
            connection.release(stream, room, out);
        }
    }
    events
}

/// What a client sends for its preface and so many calls.
fn calls(count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut client = Connection::client(Config::default(), &mut bytes);
    for _ in 0..count {
        let stream = client.request(&REQUEST, false, &mut bytes).expect("a stream is free");
        assert_eq!(client.send_data(stream, &MESSAGE, true, &mut bytes), Ok(MESSAGE.len()), "there is room");
    }
    bytes
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("http2");
    let mut pair = Pair::new();
    group.throughput(Throughput::Elements(1)).bench_function("call-both-ends", |bench| {
        bench.iter(|| pair.call());
    });
    let mut pair = Pair::new();
    let stream = pair.request(false);
    pair.carry();
    pair.server.send_fields(stream, &HEAD, false, &mut pair.to_client).expect("the stream is open");
    pair.carry();
    group.bench_function("push-both-ends", |bench| {
        bench.iter(|| {
            let sent = pair.server.send_data(stream, &MESSAGE, false, &mut pair.to_client);
            assert_eq!(sent, Ok(MESSAGE.len()), "the client gives its room back");
            pair.carry();
        });
    });
    let bytes = calls(50);
    group.throughput(Throughput::Bytes(bytes.len() as u64)).bench_function(
        "server-reads-50-calls",
        |bench| {
            let fresh = || {
                let mut out = Vec::with_capacity(4096);
                (Connection::server(Config::default(), &mut out), out)
            };
            bench.iter_batched(
                fresh,
                |(mut server, mut out)| assert!(read(&mut server, black_box(&bytes), &mut out) >= 100),
                BatchSize::SmallInput,
            );
        },
    );
    group.finish();
    criterion.final_summary();
}
