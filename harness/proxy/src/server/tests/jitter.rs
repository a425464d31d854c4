//! Jitter: how long chunks are delayed over real sockets, against what the seed draws.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use shakedown_model::Seed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Harness, Upstream, connected, eventually};
use crate::toxics::latency::Latency;

const CONNECTIONS: u64 = 100;
const CHUNKS: u64 = 10;

/// What is drawn for the byte at `offset` of connection `number` downstream; by the documented path of seeds.
fn drawn(latency: Latency, number: u64, offset: u64) -> Duration {
    let connection = Seed(7).child("p").nth(number);
    latency.delay(connection.nth(1).child("latency-downstream"), offset)
}

/// Sends one chunk after the other, each once the one before is back: each delay is the chunk's own.
async fn delays(stream: std::net::TcpStream) -> Vec<Duration> {
    stream.set_nonblocking(true).unwrap();
    let mut stream = tokio::net::TcpStream::from_std(stream).unwrap();
    let mut delays = Vec::new();
    for _ in 0..CHUNKS {
        let start = tokio::time::Instant::now();
        stream.write_all(b"?").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        delays.push(start.elapsed());
    }
    delays
}

/// The greatest distance between the shares of `values` below each point and those of a uniform spread.
fn distance_from_uniform(values: &mut [Duration], from: Duration, to: Duration) -> f64 {
    values.sort_unstable();
    let count = f64::from(u32::try_from(values.len()).unwrap());
    (0..)
        .zip(values.iter())
        .map(|(n, value)| {
            let share = value.saturating_sub(from).as_secs_f64() / (to - from).as_secs_f64();
            (f64::from(n) / count - share.min(1.0)).abs()
        })
        .fold(0.0, f64::max)
}

#[test]
fn every_chunk_is_delayed_by_its_own_uniform_draw_from_its_own_arrival() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    // One by one, so that they are numbered in this order.
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| connected(listen)).collect();
    let latency = Latency { latency: 200, jitter: 150, ..Latency::default() };
    harness.toxic("latency", "downstream", &json!({"latency": 200, "jitter": 150}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let taken: Vec<_> = runtime.block_on(async {
        let tasks: Vec<_> = clients.into_iter().map(|client| tokio::spawn(delays(client))).collect();
        let mut taken = Vec::new();
        for task in tasks {
            taken.push(task.await.unwrap());
        }
        taken
    });
    let hello = 5;
    let (mut draws, mut late) = (Vec::new(), Vec::new());
    for (number, delays) in (0..).zip(taken) {
        for (offset, delay) in (hello..).zip(delays) {
            let drawn = drawn(latency, number, offset);
            assert!(delay >= drawn, "{delay:?} where {drawn:?} was drawn for byte {offset} of {number}");
            late.push(delay - drawn);
            draws.push(drawn);
        }
    }
    late.sort_unstable();
    assert!(late[late.len() / 2] < Duration::from_millis(50), "late by {:?}", late[late.len() / 2]);
    let (from, to) = (Duration::from_millis(50), Duration::from_millis(350));
    assert!(draws.iter().all(|draw| (from..=to).contains(draw)));
    // Kolmogorov and Smirnov: of 1,000 uniform draws, one set in a thousand is further off.
    let distance = distance_from_uniform(&mut draws, from, to);
    assert!(distance < 0.062, "{distance}");
}

#[test]
fn jittered_chunks_that_wait_leave_in_order_when_the_toxic_goes() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let mut client = connected(harness.proxy("p", &upstream));
    harness.toxic("latency", "downstream", &json!({"latency": 60_000, "jitter": 50_000}));
    let sent: Vec<u8> = (0..50).collect();
    for (chunk, received) in sent.chunks(1).zip(6..) {
        client.write_all(chunk).unwrap();
        // Each is a chunk of its own once the upstream has it.
        eventually("the upstream has it", || upstream.received.load(Ordering::SeqCst) == received);
    }
    client.set_nonblocking(true).unwrap();
    assert!(client.read(&mut [0]).is_err(), "nothing is due yet");
    client.set_nonblocking(false).unwrap();
    harness.call("DELETE", "/proxies/p/toxics/latency-downstream", &Value::Null);
    let mut came = [0; 50];
    client.read_exact(&mut came).unwrap();
    assert_eq!(came[..], sent);
}
