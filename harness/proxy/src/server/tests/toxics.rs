//! Each of Toxiproxy's toxics on real sockets; what they make of time is tried without sockets, beside each.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::{
    Ending, Harness, Upstream, connect, connected, ending_now, ending_of, eventually, round_trip,
};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn setting() -> (Harness, Upstream, std::net::SocketAddr) {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    (harness, upstream, listen)
}

/// Reads so many bytes.
fn receive(client: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    client.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn bandwidth_delivers_whole_at_its_rate_and_all_at_once_without_it() {
    let (harness, _upstream, listen) = setting();
    let mut client = connected(listen);
    harness.toxic("bandwidth", "downstream", &json!({"rate": 500}));
    let bytes: Vec<u8> = (0..250_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let start = Instant::now();
    client.write_all(&bytes).unwrap();
    assert!(receive(&mut client, bytes.len()) == bytes, "whole, in order");
    // The first chunk counts from its arrival, which is a moment after the start.
    assert!(start.elapsed() >= ms(490), "{:?}", start.elapsed());
    harness.call("PATCH", "/proxies/p/toxics/bandwidth-downstream", &json!({"attributes": {"rate": 0}}));
    client.write_all(b"held").unwrap();
    client.set_read_timeout(Some(ms(300))).unwrap();
    assert_eq!(ending_of(&mut client), Ending::Open);
    client.set_read_timeout(Some(super::support::PATIENCE)).unwrap();
    harness.heal("bandwidth", "downstream");
    assert_eq!(receive(&mut client, 4), b"held");
}

#[test]
fn slow_close_keeps_an_end_until_its_delay_or_its_removal() {
    let (harness, _upstream, listen) = setting();
    let mut client = connected(listen);
    harness.toxic("slow_close", "upstream", &json!({"delay": 400}));
    let start = Instant::now();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(ending_of(&mut client), Ending::Orderly);
    assert!(start.elapsed() >= ms(400));
    harness.call(
        "PATCH",
        "/proxies/p/toxics/slow_close-upstream",
        &json!({"attributes": {"delay": 600_000}}),
    );
    let mut client = connected(listen);
    round_trip(&mut client, b"bytes pass");
    client.shutdown(Shutdown::Write).unwrap();
    client.set_read_timeout(Some(ms(200))).unwrap();
    assert_eq!(ending_of(&mut client), Ending::Open);
    client.set_read_timeout(Some(super::support::PATIENCE)).unwrap();
    harness.heal("slow_close", "upstream");
    assert_eq!(ending_of(&mut client), Ending::Orderly);
}

#[test]
fn timeout_drops_and_closes_what_it_touches() {
    let (harness, upstream, listen) = setting();
    let (mut idle, mut busy) = (connected(listen), connected(listen));
    let start = Instant::now();
    harness.toxic("timeout", "upstream", &json!({"timeout": 700}));
    std::thread::sleep(ms(300));
    busy.write_all(b"to nobody").unwrap();
    assert_eq!(ending_of(&mut idle), Ending::Orderly);
    assert!(start.elapsed() >= ms(700));
    assert_eq!(ending_of(&mut busy), Ending::Orderly);
    assert!(start.elapsed() >= ms(1_000), "bytes put it off");
    assert_eq!(upstream.received.load(Ordering::SeqCst), 10, "the greetings only");
    eventually("both are gone", || harness.server.stats().total.connections_open == 0);
    assert_eq!(harness.server.stats().total.resets, 0);
}

#[test]
fn timeout_closes_when_it_goes_and_when_it_touches_no_more() {
    let (harness, _upstream, listen) = setting();
    let mut client = connected(listen);
    harness.toxic("timeout", "downstream", &json!({"timeout": 0}));
    client.write_all(b"?").unwrap();
    assert_eq!(ending_now(&mut client), Ending::Open);
    harness.call("PATCH", "/proxies/p/toxics/timeout-downstream", &json!({"toxicity": 0}));
    assert_eq!(ending_of(&mut client), Ending::Orderly, "bytes of it are missing");
    let mut untouched = connected(listen);
    harness.heal("timeout", "downstream");
    round_trip(&mut untouched, b"it lives on");
    harness.toxic("timeout", "downstream", &json!({"timeout": 0}));
    harness.call("POST", "/reset", &Value::Null);
    assert_eq!(ending_of(&mut untouched), Ending::Orderly);
}

#[test]
fn slices_are_written_one_by_one() {
    let (harness, _upstream, listen) = setting();
    let mut client = connected(listen);
    harness.toxic("slicer", "downstream", &json!({"average_size": 10, "delay": 30_000}));
    let sent: Vec<u8> = (0..80).collect();
    let start = Instant::now();
    client.write_all(&sent).unwrap();
    let (mut got, mut reads) = (Vec::new(), 0);
    while got.len() < sent.len() {
        let mut some = [0; 100];
        let len = client.read(&mut some).unwrap();
        got.extend_from_slice(&some[..len]);
        reads += 1;
    }
    assert_eq!(got, sent);
    assert!(reads >= 2 && start.elapsed() >= ms(210), "{reads} reads in {:?}", start.elapsed());
}

#[test]
fn a_limit_ends_both_sides_after_its_last_byte() {
    let (harness, upstream, listen) = setting();
    let mut client = connected(listen);
    harness.toxic("limit_data", "downstream", &json!({"bytes": 12}));
    round_trip(&mut client, b"twelve");
    client.write_all(b"and more than that").unwrap();
    assert_eq!(receive(&mut client, 6), b"and mo");
    assert_eq!(ending_of(&mut client), Ending::Orderly);
    eventually("it is gone", || harness.server.stats().total.connections_open == 0);
    let mut another = connected(listen);
    harness.toxic("limit_data", "upstream", &json!({"bytes": 0}));
    assert_eq!(ending_of(&mut another), Ending::Orderly, "an idle connection, too");
    let before = upstream.accepted.load(Ordering::SeqCst);
    assert_eq!(ending_of(&mut connect(listen)), Ending::Orderly, "and a new one");
    assert_eq!(upstream.accepted.load(Ordering::SeqCst), before, "of which the upstream does not hear");
}

#[test]
fn what_is_under_way_in_the_other_direction_is_delivered_before_a_close() {
    let (harness, _upstream, listen) = setting();
    harness.toxic("latency", "downstream", &json!({"latency": 400}));
    let attributes = [("limit_data", json!({"bytes": 10})), ("timeout", json!({"timeout": 100}))];
    for (kind, attributes) in attributes {
        let mut client = connect(listen);
        let before = harness.server.stats().total.bytes_from_upstreams;
        let start = Instant::now();
        client.write_all(b"answer me").unwrap();
        eventually("its answer is on the way", || {
            harness.server.stats().total.bytes_from_upstreams == before + 9
        });
        harness.toxic(kind, "upstream", &attributes);
        client.write_all(b"and this is too much").unwrap();
        assert_eq!(receive(&mut client, 9), b"answer me", "{kind}");
        assert!(start.elapsed() >= ms(400));
        assert_eq!(ending_of(&mut client), Ending::Orderly, "{kind}");
        harness.heal(kind, "upstream");
    }
    eventually("they are gone", || harness.server.stats().total.connections_open == 0);
}

#[test]
fn toxics_of_one_stream_act_in_the_order_in_which_they_were_added() {
    let (harness, _upstream, listen) = setting();
    harness.toxic("limit_data", "downstream", &json!({"bytes": 5}));
    harness.toxic("slow_close", "downstream", &json!({"delay": 300}));
    harness.toxic("bandwidth", "downstream", &json!({"rate": 1}));
    harness.toxic("latency", "downstream", &json!({"latency": 200}));
    let mut client = connect(listen);
    let start = Instant::now();
    client.write_all(b"hello, world").unwrap();
    assert_eq!(receive(&mut client, 5), b"hello");
    assert!(start.elapsed() >= ms(200));
    assert_eq!(ending_of(&mut client), Ending::Orderly);
    assert!(start.elapsed() >= ms(300), "the limit's close waits for what is behind it");
}

#[test]
fn bytes_are_told_as_read_and_as_written() {
    let (harness, upstream, listen) = setting();
    let mut client = connected(listen);
    harness.toxic("timeout", "upstream", &json!({"timeout": 0}));
    client.write_all(b"dropped").unwrap();
    let labels = |direction: &str| {
        format!(
            "{{direction=\"{direction}\",listener=\"{listen}\",proxy=\"p\",upstream=\"{}\"}}",
            upstream.address
        )
    };
    eventually("what was read is told", || {
        let (status, page) = harness.raw("GET", "/metrics", "");
        assert_eq!(status, 200);
        page.contains(&format!("toxiproxy_proxy_received_bytes_total{} 12\n", labels("upstream")))
            && page.contains(&format!("toxiproxy_proxy_sent_bytes_total{} 5\n", labels("upstream")))
            && page.contains(&format!("toxiproxy_proxy_sent_bytes_total{} 5\n", labels("downstream")))
    });
    let stats = harness.server.stats().proxies["p"];
    assert_eq!((stats.bytes_from_clients, stats.bytes_upstream), (12, 5));
}
