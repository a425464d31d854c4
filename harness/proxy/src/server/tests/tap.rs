//! What the tap is told.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::json;

use super::support::{Ending, Harness, Upstream, connect, connected, ending_of, eventually};
use crate::tap::{Ender, Seen, Sight, Tap};

/// Keeps all that it is told, with the proxy's name and the connection's number.
#[derive(Debug, Default)]
struct Book(Mutex<Vec<(String, u64, Instant, Seen)>>);

impl Tap for Book {
    fn see(&self, sight: &Sight<'_>) {
        self.0.lock().unwrap().push((sight.proxy.to_owned(), sight.connection, sight.at, sight.seen));
    }
}

impl Book {
    fn of(&self, connection: u64) -> Vec<Seen> {
        let seen = self.0.lock().unwrap();
        seen.iter().filter(|(proxy, number, ..)| proxy == "p" && *number == connection).map(|s| s.3).collect()
    }

    fn waits_for_end(&self, connection: u64) -> (Ender, u64, u64) {
        let mut end = None;
        eventually("the end is told", || {
            end = self.of(connection).into_iter().find_map(|seen| match seen {
                Seen::Ended { by, up_bytes, down_bytes } => Some((by, up_bytes, down_bytes)),
                Seen::Accepted { .. } | Seen::Answered => None,
            });
            end.is_some()
        });
        end.unwrap()
    }

    fn at_end(&self, connection: u64) -> Instant {
        let seen = self.0.lock().unwrap();
        seen.iter().find(|s| s.1 == connection && matches!(s.3, Seen::Ended { .. })).unwrap().2
    }
}

fn tapped() -> (Harness, Arc<Book>) {
    let book = Arc::new(Book::default());
    let tap: Arc<dyn Tap> = Arc::clone(&book) as _;
    (Harness::start_tapped(&tap), book)
}

#[test]
fn a_life_is_told_in_order_with_its_bytes() {
    let (harness, book) = tapped();
    let upstream = Upstream::echo();
    let client = connected(harness.proxy("p", &upstream));
    let from = client.local_addr().ok();
    drop(client);
    assert_eq!(book.waits_for_end(0), (Ender::Client, 5, 5));
    let seen = book.of(0);
    assert_eq!(seen[..2], [Seen::Accepted { from }, Seen::Answered]);
    eventually("the connection is gone", || harness.server.stats().total.connections_open == 0);
    assert_eq!(book.of(0).len(), 3, "an end is told once");
    let all = book.0.lock().unwrap();
    assert!(all.is_sorted_by_key(|seen| seen.2));
}

#[test]
fn an_upstream_that_ends_or_is_not_there_is_its_end() {
    let (harness, book) = tapped();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let body = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": address.to_string()});
    let listen = harness.call("POST", "/proxies", &body)["listen"].as_str().unwrap().to_owned();
    let mut client = TcpStream::connect(&listen).unwrap();
    let (mut served, _) = listener.accept().unwrap();
    served.write_all(b"bye").unwrap();
    drop(served);
    let mut text = Vec::new();
    client.read_to_end(&mut text).unwrap();
    assert_eq!(book.waits_for_end(0), (Ender::Upstream, 0, 3));
    drop((client, listener));
    let mut refused = TcpStream::connect(&listen).unwrap();
    assert_eq!(ending_of(&mut refused), Ending::Reset);
    assert_eq!(book.waits_for_end(1), (Ender::Upstream, 0, 0));
    assert_eq!(book.of(1).len(), 2, "nothing was answered");
}

#[test]
fn a_toxic_or_the_stop_is_the_proxys_end() {
    let (harness, book) = tapped();
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut reset = connected(listen);
    harness.toxic("reset_peer", "downstream", &json!({"timeout": 0}));
    assert_eq!(ending_of(&mut reset), Ending::Reset);
    assert_eq!(book.waits_for_end(0).0, Ender::Proxy);
    harness.heal("reset_peer", "downstream");
    harness.toxic("limit_data", "downstream", &json!({"bytes": 5}));
    let mut limited = connected(listen);
    assert_eq!(ending_of(&mut limited), Ending::Orderly);
    assert_eq!(book.waits_for_end(1).0, Ender::Proxy);
    harness.heal("limit_data", "downstream");
    let _open = connected(listen);
    harness.server.stop();
    assert_eq!(book.waits_for_end(2), (Ender::Proxy, 5, 5));
}

#[test]
fn a_client_that_leaves_a_blackhole_is_seen_though_nothing_is_read() {
    let (harness, book) = tapped();
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut live = connected(listen);
    for stream in ["upstream", "downstream"] {
        harness.toxic("blackhole", stream, &json!({}));
    }
    let late = connect(listen);
    live.write_all(b"held").unwrap();
    eventually("the late one is accepted", || book.of(1).len() == 1);
    let left = Instant::now();
    drop((live, late));
    assert_eq!(book.waits_for_end(0), (Ender::Client, 5, 5));
    assert_eq!(book.waits_for_end(1), (Ender::Client, 0, 0));
    for connection in [0, 1] {
        assert!(book.at_end(connection) >= left);
    }
    harness.heal("blackhole", "upstream");
    harness.heal("blackhole", "downstream");
    eventually("all are gone", || harness.server.stats().total.connections_open == 0);
    assert_eq!((book.of(0).len(), book.of(1).len()), (3, 2), "an end is told once");
}
