//! Resets, blackholes, toxicity.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;

use super::support::{
    Ending, Harness, Upstream, connect, connected, ending_now, ending_of, eventually, round_trip,
};

#[test]
fn a_reset_is_a_rst_on_every_live_idle_connection_when_it_is_answered() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut clients: Vec<_> = (0..200).map(|_| connected(listen)).collect();
    harness.toxic("reset_peer", "downstream", &json!({"timeout": 0}));
    assert_eq!(harness.server.stats().total.resets, 200);
    for client in &mut clients {
        assert_eq!(ending_of(client), Ending::Reset);
    }
    eventually("the upstream sees each", || upstream.resets.load(Ordering::SeqCst) == 200);
    assert_eq!(ending_of(&mut connect(listen)), Ending::Reset, "new connections too");
    assert_eq!(upstream.accepted.load(Ordering::SeqCst), 200, "the upstream does not hear of it");
    harness.heal("reset_peer", "downstream");
    connected(listen);
}

#[test]
fn a_reset_waits_for_its_timeout() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut old = connected(listen);
    let start = Instant::now();
    harness.toxic("reset_peer", "upstream", &json!({"timeout": 900}));
    let mut new = connected(listen);
    assert_eq!(ending_of(&mut old), Ending::Reset);
    assert!(start.elapsed() >= Duration::from_millis(900));
    assert_eq!(ending_of(&mut new), Ending::Reset);
}

/// Which of these connections were reset by now. The kernel may be a moment behind the answer.
fn ended(harness: &Harness, clients: &mut [TcpStream], before: &[bool]) -> Vec<bool> {
    let resets = usize::try_from(harness.server.stats().total.resets).unwrap();
    let mut ended = before.to_vec();
    eventually("every reset is seen", || {
        for (client, ended) in clients.iter_mut().zip(&mut ended) {
            *ended |= ending_now(client) == Ending::Reset;
        }
        ended.iter().filter(|ended| **ended).count() >= resets
    });
    ended
}

#[test]
fn toxicity_is_drawn_once_per_connection_from_the_seed() {
    let seen: Vec<_> = (0..2)
        .map(|_| {
            let harness = Harness::start(2);
            let upstream = Upstream::echo();
            let listen = harness.proxy("p", &upstream);
            let mut clients: Vec<_> = (0..200).map(|_| connected(listen)).collect();
            let toxic = json!({"name": "r", "type": "reset_peer", "toxicity": 0.3});
            harness.call("POST", "/proxies/p/toxics", &toxic);
            let first = ended(&harness, &mut clients, &[false; 200]);
            harness.call(
                "PATCH",
                "/proxies/p/toxics/r",
                &json!({"toxicity": 0.3, "attributes": {"timeout": 0}}),
            );
            assert_eq!(ended(&harness, &mut clients, &first), first, "an update does not draw anew");
            harness.call("PATCH", "/proxies/p/toxics/r", &json!({"toxicity": 0.6}));
            let more = ended(&harness, &mut clients, &first).iter().filter(|ended| **ended).count();
            let share = first.iter().filter(|ended| **ended).count();
            assert!((35..90).contains(&share) && (90..150).contains(&more), "{share}, then {more}");
            first
        })
        .collect();
    assert_eq!(seen[0], seen[1], "the same seed picks the same connections");
}

#[test]
fn a_blackhole_holds_both_ways_and_heals_by_reset() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut clients: Vec<_> = (0..50).map(|_| connected(listen)).collect();
    harness.toxic("blackhole", "upstream", &json!({}));
    harness.toxic("blackhole", "downstream", &json!({}));
    let mut late = connect(listen);
    late.write_all(b"nobody hears").unwrap();
    for client in &mut clients {
        client.write_all(b"nobody hears").unwrap();
    }
    eventually("the late one is held", || harness.server.stats().total.connections_open == 51);
    assert_eq!(upstream.received.load(Ordering::SeqCst), 50 * 5);
    assert_eq!(upstream.accepted.load(Ordering::SeqCst), 50);
    clients.push(late);
    for client in &mut clients {
        assert_eq!(ending_now(client), Ending::Open);
    }
    harness.heal("blackhole", "upstream");
    assert_eq!(harness.server.stats().total.resets, 51);
    for client in &mut clients {
        assert_eq!(ending_of(client), Ending::Reset);
    }
    harness.heal("blackhole", "downstream");
    connected(listen);
}

#[test]
fn a_released_blackhole_delivers_what_it_held() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut live = connected(listen);
    harness.toxic("blackhole", "upstream", &json!({"heal": "release"}));
    live.write_all(b"held").unwrap();
    let mut late = connect(listen);
    late.write_all(b"late").unwrap();
    eventually("the late one is held", || harness.server.stats().total.connections_open == 2);
    assert_eq!(upstream.received.load(Ordering::SeqCst), 5);
    harness.heal("blackhole", "upstream");
    for (client, bytes) in [(&mut live, b"held"), (&mut late, b"late")] {
        let mut echoed = [0; 4];
        client.read_exact(&mut echoed).unwrap();
        assert_eq!(&echoed, bytes);
        round_trip(client, b"again");
    }
}

#[test]
fn a_blackhole_one_way_lets_the_other_pass() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let mut client = connected(harness.proxy("p", &upstream));
    harness.toxic("blackhole", "downstream", &json!({"heal": "release"}));
    client.write_all(b"heard").unwrap();
    eventually("the upstream hears", || upstream.received.load(Ordering::SeqCst) == 10);
    assert_eq!(ending_now(&mut client), Ending::Open);
    harness.heal("blackhole", "downstream");
    let mut echoed = [0; 5];
    client.read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"heard");
}

#[test]
fn a_blackhole_holds_what_latency_had_queued() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let mut client = connected(harness.proxy("p", &upstream));
    harness.toxic("latency", "downstream", &json!({"latency": 1500}));
    client.write_all(b"queued").unwrap();
    eventually("the upstream has it", || upstream.received.load(Ordering::SeqCst) == 11);
    harness.toxic("blackhole", "downstream", &json!({"heal": "release"}));
    client.set_read_timeout(Some(Duration::from_millis(1700))).unwrap();
    assert_eq!(ending_of(&mut client), Ending::Open, "nothing came, though it was due");
    harness.heal("blackhole", "downstream");
    client.set_read_timeout(Some(super::support::PATIENCE)).unwrap();
    let mut echoed = [0; 6];
    client.read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"queued");
}

#[test]
fn a_held_connection_whose_client_leaves_is_let_go() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    harness.toxic("blackhole", "upstream", &json!({}));
    let mut stays = connect(listen);
    let mut leaves = connect(listen);
    leaves.write_all(b"is anybody there").unwrap();
    eventually("both are held", || harness.server.stats().total.connections_open == 2);
    drop(leaves);
    eventually("one is let go", || harness.server.stats().total.connections_open == 1);
    assert_eq!(ending_now(&mut stays), Ending::Open);
    assert_eq!(upstream.accepted.load(Ordering::SeqCst), 0);
}

#[test]
fn a_held_end_reaches_the_upstream_after_the_release() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let mut client = connected(harness.proxy("p", &upstream));
    harness.toxic("blackhole", "upstream", &json!({"heal": "release"}));
    client.write_all(b"last words").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(ending_now(&mut client), Ending::Open);
    harness.heal("blackhole", "upstream");
    let mut echoed = Vec::new();
    client.read_to_end(&mut echoed).unwrap();
    assert_eq!(echoed, b"last words");
}
