//! Connections against bytes made by hand, against each other, and against the `h2` crate.

mod bytes;
mod errors;
mod peers;
mod splits;

use self::bytes::{Seen, feed, parse};
use super::*;
use crate::frame::{PREFACE, flag, kind};

const REQUEST: [(&str, &str); 4] =
    [(":method", "POST"), (":scheme", "http"), (":path", "/a"), (":authority", "example.com")];

/// Both ends of a connection, with nothing between them.
struct Pair {
    client: Connection,
    server: Connection,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
}

impl Pair {
    fn new(client: Config, server: Config) -> Self {
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        Self {
            client: Connection::client(client, &mut to_server),
            server: Connection::server(server, &mut to_client),
            to_server,
            to_client,
        }
    }

    /// Carries bytes both ways until neither end has more to say; what the client and the server saw.
    fn settle(&mut self) -> (Vec<Seen>, Vec<Seen>) {
        let (mut at_client, mut at_server) = (Vec::new(), Vec::new());
        while !self.to_server.is_empty() || !self.to_client.is_empty() {
            let bytes = std::mem::take(&mut self.to_server);
            at_server.extend(feed(&mut self.server, &bytes, &mut self.to_client).unwrap());
            let bytes = std::mem::take(&mut self.to_client);
            at_client.extend(feed(&mut self.client, &bytes, &mut self.to_server).unwrap());
        }
        (at_client, at_server)
    }

    fn request(&mut self, ends: bool) -> StreamId {
        self.client.request(&REQUEST, ends, &mut self.to_server).unwrap()
    }
}

fn pair() -> Pair {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.settle();
    pair
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_request_is_answered() {
    let mut pair = pair();
    let id = pair.request(false);
    assert_eq!(pair.client.send_data(id, b"ping", true, &mut pair.to_server), Ok(4));
    let (_, at_server) = pair.settle();
    assert_eq!(at_server, [Seen::Head(1, owned(&REQUEST), false), Seen::Data(1, b"ping".to_vec(), true)]);
    pair.server.send_fields(id, &[(":status", "200")], false, &mut pair.to_client).unwrap();
    pair.server.send_data(id, b"pong", false, &mut pair.to_client).unwrap();
    pair.server.send_fields(id, &[("grpc-status", "0")], true, &mut pair.to_client).unwrap();
    let (at_client, _) = pair.settle();
    assert_eq!(
        at_client,
        [
            Seen::Head(1, owned(&[(":status", "200")]), false),
            Seen::Data(1, b"pong".to_vec(), false),
            Seen::Trailers(1, owned(&[("grpc-status", "0")])),
        ]
    );
    assert_eq!((pair.client.open_streams(), pair.server.open_streams()), (0, 0));
    assert_eq!(pair.server.send_data(id, b"late", true, &mut pair.to_client), Err(NoStream));
}

#[test]
fn content_stops_at_the_window_and_goes_on_when_it_is_given_back() {
    let config = Config { stream_window: 1_000, ..Config::default() };
    let mut pair = Pair::new(Config::default(), config);
    pair.settle();
    let id = pair.request(false);
    let content = vec![b'x'; 1_700];
    assert_eq!(pair.client.send_data(id, &content, true, &mut pair.to_server), Ok(1_000));
    assert_eq!(pair.client.send_data(id, &content[1_000..], true, &mut pair.to_server), Ok(0));
    pair.settle();
    pair.server.release(id, 400, &mut pair.to_client);
    pair.settle();
    assert_eq!(
        pair.client.send_data(id, &content[1_000..], true, &mut pair.to_server),
        Ok(0),
        "a portion is a half"
    );
    pair.server.release(id, 600, &mut pair.to_client);
    pair.settle();
    assert_eq!(pair.client.send_data(id, &content[1_000..], true, &mut pair.to_server), Ok(700));
    let (_, at_server) = pair.settle();
    assert_eq!(at_server, [Seen::Data(1, vec![b'x'; 700], true)]);
}

#[test]
fn until_the_settings_are_acknowledged_the_peer_may_use_the_default_window() {
    let config = Config { stream_window: 1_000, ..Config::default() };
    let mut pair = Pair::new(Config::default(), config);
    let id = pair.request(false);
    assert_eq!(pair.client.send_data(id, &[b'x'; 60_000], false, &mut pair.to_server), Ok(60_000));
    let seen = pair.settle().1;
    assert!(!seen.iter().any(|seen| matches!(seen, Seen::Reset(..))), "{seen:?}");
    assert_eq!(pair.client.send_data(id, b"x", false, &mut pair.to_server), Ok(0));
    pair.server.release(id, 60_000, &mut pair.to_client);
    pair.settle();
    assert_eq!(pair.client.send_data(id, &[b'x'; 2_000], false, &mut pair.to_server), Ok(1_000));
}

#[test]
fn room_given_back_before_the_acknowledgement_is_not_forgotten() {
    let config = Config { stream_window: 1_000, ..Config::default() };
    let mut pair = Pair::new(Config::default(), config);
    let id = pair.request(false);
    pair.client.send_data(id, &[b'x'; 2_000], false, &mut pair.to_server).unwrap();
    // The server has not been heard yet, so that its settings are not acknowledged.
    let bytes = std::mem::take(&mut pair.to_server);
    feed(&mut pair.server, &bytes, &mut pair.to_client).unwrap();
    pair.server.release(id, 2_000, &mut pair.to_client);
    pair.settle();
    assert_eq!(pair.client.send_data(id, &[b'x'; 2_000], false, &mut pair.to_server), Ok(1_000));
}

#[test]
fn giving_back_more_than_was_taken_gives_no_more() {
    let mut pair = pair();
    let id = pair.request(false);
    pair.settle();
    pair.server.release(id, 1 << 30, &mut pair.to_client);
    assert!(pair.to_client.is_empty());
}

#[test]
fn the_connections_window_is_given_back_by_itself() {
    let config = Config { stream_window: 1 << 20, ..Config::default() };
    let mut pair = Pair::new(Config::default(), config);
    pair.settle();
    let id = pair.request(false);
    let mut sent = 0;
    while sent < 1_000_000 {
        let taken =
            pair.client.send_data(id, &vec![b'x'; 1_000_000 - sent], false, &mut pair.to_server).unwrap();
        assert!(taken > 0, "stuck after {sent}");
        sent += taken;
        pair.settle();
    }
}

#[test]
fn new_settings_change_the_windows_of_open_streams() {
    let mut pair = pair();
    let id = pair.request(false);
    pair.settle();
    pair.client.send_data(id, &[0; 60_000], false, &mut pair.to_server).unwrap();
    // The server's window was 65,536; now it is 50,000, which is 10,000 less than was sent.
    let mut lower = Vec::new();
    frame::write_settings(&mut lower, &[(setting::INITIAL_WINDOW_SIZE, 50_000)]);
    feed(&mut pair.client, &lower, &mut pair.to_server).unwrap();
    assert_eq!(pair.client.send_data(id, b"x", false, &mut pair.to_server), Ok(0));
    let mut update = Vec::new();
    frame::write_window_update(&mut update, id.0, 10_001);
    feed(&mut pair.client, &update, &mut pair.to_server).unwrap();
    assert_eq!(pair.client.send_data(id, b"xy", false, &mut pair.to_server), Ok(1));
}

#[test]
fn no_more_streams_are_opened_than_the_peer_allows() {
    let mut pair = Pair::new(Config::default(), Config { max_streams: 1, ..Config::default() });
    // Before its settings are known nothing bounds them, and the server refuses what is too much.
    let first = pair.request(false);
    let second = pair.request(false);
    let (at_client, at_server) = pair.settle();
    assert_eq!(at_server, [Seen::Head(first.0, owned(&REQUEST), false)]);
    assert_eq!(at_client, [Seen::Reset(second.0, ErrorCode::REFUSED_STREAM, ResetBy::Peer)]);
    let refused = pair.client.request(&REQUEST, true, &mut pair.to_server);
    assert_eq!(refused, Err(OpenError::TooMany(1)));
    pair.client.reset(first, ErrorCode::CANCEL, &mut pair.to_server);
    pair.settle();
    pair.request(true);
}

#[test]
fn what_comes_for_a_cancelled_stream_is_dropped_and_its_room_given_back() {
    let mut pair = pair();
    for _ in 0..50 {
        let id = pair.request(true);
        pair.settle();
        pair.server.send_fields(id, &[(":status", "200")], false, &mut pair.to_client).unwrap();
        assert_eq!(pair.server.send_data(id, &[0; 10_000], true, &mut pair.to_client), Ok(10_000));
        pair.client.reset(id, ErrorCode::CANCEL, &mut pair.to_server);
        assert_eq!(pair.settle(), (Vec::new(), Vec::new()));
    }
}

#[test]
fn goodbye_ends_what_the_peer_did_not_look_at() {
    let mut pair = pair();
    let (first, _second) = (pair.request(false), pair.request(false));
    let mut goodbye = Vec::new();
    frame::write(&mut goodbye, (kind::GOAWAY, 0), 0, &[0, 0, 0, 1, 0, 0, 0, 0, b'x']);
    let seen = feed(&mut pair.client, &goodbye, &mut pair.to_server).unwrap();
    assert_eq!(seen, [Seen::GoAway(1, ErrorCode::NO_ERROR)]);
    assert_eq!(pair.client.open_streams(), 1);
    assert!(pair.client.is_going_away());
    assert_eq!(pair.client.send_data(first, b"x", true, &mut pair.to_server), Ok(1));
    assert_eq!(pair.client.request(&REQUEST, true, &mut pair.to_server), Err(OpenError::GoingAway));
}

#[test]
fn pings_are_answered_and_settings_acknowledged() {
    let mut out = Vec::new();
    let mut client = Connection::client(Config::default(), &mut out);
    out.clear();
    let mut input = Vec::new();
    frame::write_settings(&mut input, &[(0x7777, 1)]);
    frame::write(&mut input, (kind::PING, 0), 0, b"12345678");
    frame::write(&mut input, (kind::PING, flag::ACK), 0, b"87654321");
    frame::write(&mut input, (0x77, 0xff), 5, b"nobody knows this frame");
    assert_eq!(feed(&mut client, &input, &mut out).unwrap(), []);
    let answers = parse(&out);
    assert_eq!(answers.len(), 2);
    assert_eq!((answers[0].0.kind, answers[0].0.flags), (kind::SETTINGS, flag::ACK));
    assert_eq!(
        (answers[1].0.kind, answers[1].0.flags, &*answers[1].1),
        (kind::PING, flag::ACK, &b"12345678"[..])
    );
}

#[test]
fn interim_answers_are_left_out() {
    let mut pair = pair();
    let id = pair.request(true);
    pair.settle();
    pair.server.send_fields(id, &[(":status", "103")], false, &mut pair.to_client).unwrap();
    pair.server.send_fields(id, &[(":status", "204")], true, &mut pair.to_client).unwrap();
    assert_eq!(pair.settle().0, [Seen::Head(1, owned(&[(":status", "204")]), true)]);
}

#[test]
fn a_long_section_goes_in_several_frames() {
    let config = Config { header_list_bytes: 100_000, ..Config::default() };
    let mut pair = Pair::new(config, config);
    pair.settle();
    let long = "y".repeat(40_000);
    let fields = [&REQUEST[..], &[("x-long", long.as_str())]].concat();
    pair.client.request(&fields, true, &mut pair.to_server).unwrap();
    let kinds: Vec<_> = parse(&pair.to_server).iter().map(|(head, _)| (head.kind, head.flags)).collect();
    assert_eq!(
        kinds,
        [(kind::HEADERS, flag::END_STREAM), (kind::CONTINUATION, 0), (kind::CONTINUATION, flag::END_HEADERS)]
    );
    assert_eq!(pair.settle().1, [Seen::Head(1, owned(&fields), true)]);
}

#[test]
fn a_peer_that_wants_a_smaller_table_is_told_that_there_is_none() {
    let mut pair = pair();
    pair.request(true);
    // Both ends ask for a table of 0 bytes, and both check that it is given up (RFC 9113 §4.3.1).
    let section = parse(&pair.to_server).remove(0).1;
    assert_eq!(section[0], 0x20);
    pair.settle();
    pair.request(true);
    assert_ne!(parse(&pair.to_server).remove(0).1[0], 0x20, "once is enough");
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    let mut pair = pair();
    let id = pair.request(true);
    pair.settle();
    pair.server.send_fields(id, &[(":status", "200")], true, &mut pair.to_client).unwrap();
    pair.settle();
    for end in [&pair.client, &pair.server] {
        assert_eq!((end.assembly.held(), end.section.is_some(), end.open_streams()), (0, false, 0));
    }
    assert!(size_of::<Connection>() <= 192, "{} bytes", size_of::<Connection>());
}

#[test]
fn a_preface_may_come_byte_by_byte() {
    let (mut out, mut input) = (Vec::new(), PREFACE.to_vec());
    let mut server = Connection::server(Config::default(), &mut out);
    frame::write_settings(&mut input, &[]);
    for byte in input {
        assert!(!server.has_settings());
        feed(&mut server, &[byte], &mut out).unwrap();
    }
    assert!(server.has_settings());
}
