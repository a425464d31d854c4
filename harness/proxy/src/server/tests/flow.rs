//! What passes, and when: bytes, ends, latency.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::{
    Ending, Harness, PATIENCE, Upstream, connect, connected, ending_now, ending_of, eventually, round_trip,
};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

/// Sends everything, half-closes, and reads the echo to its end.
fn through(client: &mut std::net::TcpStream, bytes: &[u8]) -> Vec<u8> {
    let mut sender = client.try_clone().unwrap();
    let sent = bytes.to_vec();
    let sending = std::thread::spawn(move || {
        sender.write_all(&sent).unwrap();
        sender.shutdown(Shutdown::Write).unwrap();
    });
    let mut echoed = Vec::new();
    client.read_to_end(&mut echoed).unwrap();
    sending.join().unwrap();
    echoed
}

#[test]
fn half_close_is_carried_both_ways_after_the_data() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let bytes = pattern(3_000_000);
    assert!(through(&mut connect(listen), &bytes) == bytes, "complete and in order");
    eventually("the connection is gone", || harness.server.stats().total.connections_open == 0);
    harness.toxic("latency", "upstream", &json!({"latency": 120}));
    harness.toxic("latency", "downstream", &json!({"latency": 60, "jitter": 60}));
    let start = Instant::now();
    assert!(through(&mut connect(listen), b"short") == b"short");
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[test]
fn a_full_queue_stops_reading_and_loses_nothing() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    harness.toxic("latency", "upstream", &json!({"latency": 20, "jitter": 20}));
    harness.toxic("latency", "downstream", &json!({"latency": 20, "jitter": 20}));
    let bytes = pattern(6_000_000);
    assert!(through(&mut connect(listen), &bytes) == bytes, "complete and in order");
    let stats = harness.server.stats().total;
    assert!(stats.backpressure_stops > 0, "{stats:?}");
    assert_eq!((stats.bytes_upstream, stats.bytes_downstream), (6_000_000, 6_000_000));
}

#[test]
fn latency_acts_on_live_connections_at_once_and_leaves_them_at_once() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let mut client = connected(harness.proxy("p", &upstream));
    harness.toxic("latency", "downstream", &json!({"latency": 150}));
    let took = round_trip(&mut client, b"slow");
    assert!(took >= Duration::from_millis(150) && took < PATIENCE / 2, "{took:?}");
    harness.call(
        "PATCH",
        "/proxies/p/toxics/latency-downstream",
        &json!({"attributes": {"latency": 60_000}}),
    );
    client.write_all(b"held up").unwrap();
    eventually("the upstream has it", || upstream.received.load(Ordering::SeqCst) == 16);
    client.write_all(b", in order").unwrap();
    eventually("the upstream has all", || upstream.received.load(Ordering::SeqCst) == 26);
    harness.heal("latency", "downstream");
    let mut echoed = [0; 17];
    client.read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"held up, in order");
    assert!(round_trip(&mut client, b"fast") < Duration::from_secs(10));
}

#[test]
fn a_burst_is_delayed_from_each_arrival_and_not_in_series() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let mut client = connected(harness.proxy("p", &upstream));
    harness.toxic("latency", "upstream", &json!({"latency": 250}));
    let mut reader = client.try_clone().unwrap();
    let start = Instant::now();
    let reading = std::thread::spawn(move || {
        let mut byte = [0];
        for n in 0..100_u8 {
            reader.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [n]);
            if n == 0 {
                assert!(start.elapsed() >= Duration::from_millis(250));
            }
        }
        start.elapsed()
    });
    let mut sent = Duration::ZERO;
    for n in 0..100_u8 {
        sent = start.elapsed();
        client.write_all(&[n]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = reading.join().unwrap();
    assert!(took >= sent + Duration::from_millis(250), "{took:?} after a last send at {sent:?}");
    assert!(took < Duration::from_secs(12), "{took:?}, in series it were 25 s");
}

#[test]
fn a_reset_of_one_side_is_a_reset_of_the_other() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let client = connected(listen);
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    eventually("the upstream sees it", || upstream.resets.load(Ordering::SeqCst) == 1);

    let doomed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let body = json!({"upstream": doomed.local_addr().unwrap().to_string()});
    harness.call("PATCH", "/proxies/p", &body);
    let mut client = connect(listen);
    let (served, _) = doomed.accept().unwrap();
    socket2::SockRef::from(&served).set_linger(Some(Duration::ZERO)).unwrap();
    drop(served);
    assert_eq!(ending_of(&mut client), Ending::Reset);
}

#[test]
fn bytes_stay_whole_while_toxics_come_and_go() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let bytes = pattern(2_000_000);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let bytes = bytes.clone();
            std::thread::spawn(move || {
                assert!(through(&mut connect(listen), &bytes) == bytes, "whole, in order");
            })
        })
        .collect();
    let mut rounds = 0;
    while rounds < 5 || !clients.iter().all(std::thread::JoinHandle::is_finished) {
        for stream in ["upstream", "downstream"] {
            harness.toxic("latency", stream, &json!({"latency": 3, "jitter": 3}));
            harness.toxic(
                "slicer",
                stream,
                &json!({"average_size": 5_000, "size_variation": 900, "delay": 20}),
            );
            harness.toxic("bandwidth", stream, &json!({"rate": 20_000}));
            harness.toxic("slow_close", stream, &json!({"delay": 2}));
            harness.toxic("blackhole", stream, &json!({"heal": "release"}));
            harness.call("PATCH", &format!("/proxies/p/toxics/latency-{stream}"), &json!({"toxicity": 0.5}));
            harness.heal("blackhole", stream);
            harness.heal("latency", stream);
            harness.heal("bandwidth", stream);
            harness.heal("slicer", stream);
            harness.heal("slow_close", stream);
        }
        rounds += 1;
    }
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn a_reset_that_is_held_reaches_the_upstream_after_the_release() {
    let harness = Harness::start(1);
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = server.local_addr().unwrap().to_string();
    let body = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": upstream});
    let listen = harness.call("POST", "/proxies", &body)["listen"].as_str().unwrap().parse().unwrap();
    let client = connect(listen);
    let (mut served, _) = server.accept().unwrap();
    served.set_read_timeout(Some(PATIENCE)).unwrap();
    harness.toxic("blackhole", "upstream", &json!({"heal": "release"}));
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    for _ in 0..20 {
        served.write_all(b"to a client that is gone").unwrap();
    }
    assert_eq!(ending_now(&mut served), Ending::Open, "one-way loss: the upstream cannot know");
    harness.heal("blackhole", "upstream");
    assert_eq!(ending_of(&mut served), Ending::Reset);
}

#[test]
fn an_unreachable_upstream_resets_the_client() {
    let harness = Harness::start(1);
    for (name, upstream) in [("refused", "127.0.0.1:1"), ("nonsense", "nonsense")] {
        let body = json!({"name": name, "listen": "127.0.0.1:0", "upstream": upstream});
        let listen = harness.call("POST", "/proxies", &body)["listen"].as_str().unwrap().parse().unwrap();
        assert_eq!(ending_of(&mut connect(listen)), Ending::Reset, "{name}");
        assert_eq!(harness.server.stats().proxies[name].upstream_failures, 1, "{name}");
    }
}

#[test]
fn a_named_upstream_is_looked_up() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let body = json!({"name": "p", "listen": "localhost:0", "upstream": format!("localhost:{}", upstream.address.port())});
    let made = harness.call("POST", "/proxies", &body);
    connected(made["listen"].as_str().unwrap().parse().unwrap());
    let stats = harness.call("GET", "/shakedown/stats", &Value::Null);
    assert_eq!(stats["total"]["upstream_failures"], json!(0));
}
