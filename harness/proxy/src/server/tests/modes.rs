//! What Toxiproxy lacks: half-open, silence, refusal and flapping.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::support::{
    Ending, Harness, Upstream, connect, connected, ending_now, ending_of, eventually, round_trip,
};

#[test]
fn half_open_clients_hear_nothing_until_they_send() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut clients: Vec<_> = (0..20).map(|_| connected(listen)).collect();
    harness.toxic("half_open", "downstream", &json!({}));
    eventually("the upstream sees every connection reset", || upstream.resets.load(Ordering::SeqCst) == 20);
    for client in &mut clients {
        assert_eq!(ending_now(client), Ending::Open);
    }
    // A connection that begins later is served as ever, and the toxic's end changes nothing for the others.
    let mut late = connected(listen);
    harness.heal("half_open", "downstream");
    round_trip(&mut late, b"still served");
    for client in &mut clients {
        assert_eq!(ending_now(client), Ending::Open);
        client.write_all(b"is anybody there?").unwrap();
        assert_eq!(ending_of(client), Ending::Reset);
    }
    drop(clients);
    eventually("nothing stays behind", || harness.server.stats().total.connections_open == 1);
}

#[test]
fn a_half_open_client_may_leave_in_order() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let client = connected(harness.proxy("p", &upstream));
    harness.toxic("half_open", "downstream", &json!({}));
    drop(client);
    eventually("its connection is closed", || harness.server.stats().total.connections_open == 0);
}

#[test]
fn silence_holds_new_connections_and_lets_live_ones_go_on() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut live = connected(listen);
    harness.toxic("silence", "downstream", &json!({}));
    let mut late = connect(listen);
    late.write_all(b"nobody hears").unwrap();
    eventually("the late one is accepted", || harness.server.stats().total.connections_open == 2);
    round_trip(&mut live, b"alive");
    assert_eq!(upstream.accepted.load(Ordering::SeqCst), 1);
    assert_eq!(ending_now(&mut late), Ending::Open);
    // One that leaves does not stay behind.
    drop(connect(listen));
    eventually("the one that left is let go", || harness.server.stats().total.connections_open == 2);
    harness.heal("silence", "downstream");
    assert_eq!(ending_of(&mut late), Ending::Reset);
    round_trip(&mut live, b"alive still");
    connected(listen);
}

#[test]
fn a_silence_that_releases_serves_whom_it_held() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    harness.toxic("silence", "downstream", &json!({"heal": "release"}));
    let mut late = connect(listen);
    eventually("the late one is accepted", || harness.server.stats().total.connections_open == 1);
    harness.heal("silence", "downstream");
    round_trip(&mut late, b"served now");
}

#[test]
fn refusal_closes_the_listener_and_leaves_live_connections_alone() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut live = connected(listen);
    for _ in 0..3 {
        harness.toxic("refuse", "downstream", &json!({}));
        let refused = TcpStream::connect(listen).map_err(|error| error.kind());
        assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused));
        round_trip(&mut live, b"alive");
        harness.heal("refuse", "downstream");
        connected(listen);
    }
}

#[test]
fn a_port_that_was_taken_meanwhile_keeps_the_refusal_and_is_named() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    harness.toxic("refuse", "downstream", &json!({}));
    let thief = std::net::TcpListener::bind(listen).unwrap();
    let (status, body) = harness.raw("DELETE", "/proxies/p/toxics/refuse-downstream", "");
    assert!(status >= 400 && body.contains(&listen.port().to_string()), "{status} {body}");
    drop(thief);
    harness.heal("refuse", "downstream");
    connected(listen);
}

#[test]
fn a_flapping_link_resets_again_and_again() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut live = connected(listen);
    harness.toxic("flap", "downstream", &json!({"down": 50, "up": 400}));
    assert_eq!(ending_of(&mut live), Ending::Reset);
    // Whoever gets through in an up is reset as the next down begins.
    for _ in 0..2 {
        let mut next = connect(listen);
        while ending_of(&mut next) != Ending::Reset {}
    }
    assert!(harness.server.stats().total.resets >= 3);
    harness.heal("flap", "downstream");
    connected(listen);
}
