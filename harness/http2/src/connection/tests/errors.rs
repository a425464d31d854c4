//! What breaks a connection and what breaks a stream (RFC 9113 §5.4), each with its code.

use super::bytes::{Seen, feed, parse};
use crate::connection::{Config, Connection, ResetBy, Role};
use crate::error::ErrorCode;
use crate::frame::{self, PREFACE, flag, kind, setting};
use crate::hpack;

/// A section of a request; with `extra` at its end.
fn section(extra: &[(&str, &str)]) -> Vec<u8> {
    let mut section = Vec::new();
    hpack::encode(&[&super::REQUEST[..], extra].concat(), false, &mut section);
    section
}

/// An end whose preface and settings are through, and whose stream 1 is open; no table was given up.
fn opened(role: Role) -> Connection {
    let mut out = Vec::new();
    let mut input = Vec::new();
    let mut end = match role {
        Role::Server => {
            input.extend_from_slice(PREFACE);
            Connection::server(Config::default(), &mut out)
        }
        Role::Client => Connection::client(Config::default(), &mut out),
    };
    frame::write_settings(&mut input, &[]);
    if role == Role::Server {
        frame::write(&mut input, (kind::HEADERS, flag::END_HEADERS), 1, &section(&[]));
    } else {
        end.request(&super::REQUEST, false, &mut out).unwrap();
    }
    feed(&mut end, &input, &mut out).unwrap();
    end
}

fn framed(frames: &[((u8, u8), u32, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, stream, payload) in frames {
        frame::write(&mut bytes, *kind, *stream, payload);
    }
    bytes
}

fn check_connection_error(role: Role, input: &[u8], code: ErrorCode) {
    let (mut end, mut out) = (opened(role), Vec::new());
    let error = feed(&mut end, input, &mut out).expect_err("an error");
    assert_eq!(error.code, code, "{input:?}: {error}");
    let (head, goodbye) = parse(&out).pop().expect("a goodbye");
    assert_eq!((head.kind, &goodbye[4..8]), (kind::GOAWAY, &code.0.to_be_bytes()[..]));
    assert_eq!(&goodbye[8..], error.text.as_bytes());
    assert_eq!(feed(&mut end, &[], &mut out), Err(error), "it stays so");
}

#[test]
fn what_breaks_the_connection() {
    const PROTOCOL: ErrorCode = ErrorCode::PROTOCOL_ERROR;
    const SIZE: ErrorCode = ErrorCode::FRAME_SIZE_ERROR;
    const FLOW: ErrorCode = ErrorCode::FLOW_CONTROL_ERROR;
    let long = [0_u8; 16_384];
    /// Kind and flags, stream, payload, and the code that they must have.
    type Case<'a> = ((u8, u8), u32, &'a [u8], ErrorCode);
    let cases: Vec<Case<'_>> = vec![
        ((kind::DATA, 0), 0, b"x", PROTOCOL),
        ((kind::DATA, 0), 9, b"x", PROTOCOL),
        ((kind::DATA, flag::PADDED), 1, &[9, 0], PROTOCOL),
        ((kind::HEADERS, flag::END_HEADERS), 0, &[0x82], PROTOCOL),
        ((kind::HEADERS, flag::END_HEADERS), 3, &[0xff], ErrorCode::COMPRESSION_ERROR),
        ((kind::HEADERS, flag::PRIORITY), 3, &[0; 4], SIZE),
        ((kind::CONTINUATION, 0), 1, &[], PROTOCOL),
        ((kind::PUSH_PROMISE, 0), 1, &[0, 0, 0, 2], PROTOCOL),
        ((kind::PRIORITY, 0), 0, &[0; 5], PROTOCOL),
        ((kind::RST_STREAM, 0), 9, &[0; 4], PROTOCOL),
        ((kind::RST_STREAM, 0), 1, &[0; 5], SIZE),
        ((kind::SETTINGS, 0), 1, &[], PROTOCOL),
        ((kind::SETTINGS, 0), 0, &[0; 5], SIZE),
        ((kind::SETTINGS, flag::ACK), 0, &[0; 6], SIZE),
        ((kind::PING, 0), 0, &[0; 7], SIZE),
        ((kind::PING, 0), 1, &[0; 8], PROTOCOL),
        ((kind::GOAWAY, 0), 0, &[0; 7], SIZE),
        ((kind::GOAWAY, 0), 1, &[0; 8], PROTOCOL),
        ((kind::WINDOW_UPDATE, 0), 0, &[0; 4], PROTOCOL),
        ((kind::WINDOW_UPDATE, 0), 0, &[0x7f, 0xff, 0xff, 0xff], FLOW),
        ((kind::WINDOW_UPDATE, 0), 9, &[0, 0, 0, 1], PROTOCOL),
        ((kind::WINDOW_UPDATE, 0), 1, &[0; 3], SIZE),
    ];
    for role in [Role::Server, Role::Client] {
        for (frame, stream, payload, code) in &cases {
            check_connection_error(role, &framed(&[(*frame, *stream, payload)]), *code);
        }
        check_connection_error(role, &[0, 0x40, 1, kind::DATA, 0, 0, 0, 0, 1], SIZE);
        let interrupted = [((kind::HEADERS, 0), 3, &[0x82][..]), ((kind::DATA, 0), 1, b"x")];
        check_connection_error(role, &framed(&interrupted), PROTOCOL);
        let other = [((kind::HEADERS, 0), 3, &[0x82][..]), ((kind::CONTINUATION, 0), 1, &[0x82])];
        check_connection_error(role, &framed(&other), PROTOCOL);
        let large = [((kind::HEADERS, 0), 3, &long[..]), ((kind::CONTINUATION, 0), 3, &[0])];
        check_connection_error(role, &framed(&large), ErrorCode::ENHANCE_YOUR_CALM);
        let mut many = framed(&[((kind::HEADERS, 0), 3, &[])]);
        many.extend(framed(&[((kind::CONTINUATION, 0), 3, &[])]).repeat(300));
        check_connection_error(role, &many, ErrorCode::ENHANCE_YOUR_CALM);
    }
    let even = [((kind::HEADERS, flag::END_HEADERS), 2, &section(&[])[..])];
    check_connection_error(Role::Server, &framed(&even), PROTOCOL);
}

#[test]
fn settings_that_may_not_be() {
    let cases = [
        (setting::ENABLE_PUSH, 2, ErrorCode::PROTOCOL_ERROR),
        (setting::INITIAL_WINDOW_SIZE, 1 << 31, ErrorCode::FLOW_CONTROL_ERROR),
        (setting::MAX_FRAME_SIZE, 16_383, ErrorCode::PROTOCOL_ERROR),
        (setting::MAX_FRAME_SIZE, 1 << 24, ErrorCode::PROTOCOL_ERROR),
    ];
    for (id, value, code) in cases {
        let mut bytes = Vec::new();
        frame::write_settings(&mut bytes, &[(id, value)]);
        check_connection_error(Role::Client, &bytes, code);
        check_connection_error(Role::Server, &bytes, code);
    }
    let mut push = Vec::new();
    frame::write_settings(&mut push, &[(setting::ENABLE_PUSH, 1)]);
    check_connection_error(Role::Client, &push, ErrorCode::PROTOCOL_ERROR);
    feed(&mut opened(Role::Server), &push, &mut Vec::new()).unwrap();
}

#[test]
fn a_beginning_that_is_not_http2() {
    for begin in [&b"GET / HTTP/1.1\r\n"[..], b"PRI * HTTP/2.1"] {
        let mut server = Connection::server(Config::default(), &mut Vec::new());
        let error = feed(&mut server, begin, &mut Vec::new()).unwrap_err();
        assert_eq!(error.code, ErrorCode::PROTOCOL_ERROR);
    }
    for first in [framed(&[((kind::PING, 0), 0, &[0; 8])]), framed(&[((kind::SETTINGS, flag::ACK), 0, &[])])]
    {
        let mut client = Connection::client(Config::default(), &mut Vec::new());
        let error = feed(&mut client, &first, &mut Vec::new()).unwrap_err();
        assert_eq!(error.code, ErrorCode::PROTOCOL_ERROR);
    }
    let mut client = Connection::client(Config::default(), &mut Vec::new());
    let error = feed(&mut client, b"HTTP/1.1 400 Bad Request\r\n", &mut Vec::new()).unwrap_err();
    assert_eq!(error.code, ErrorCode::FRAME_SIZE_ERROR);
}

#[test]
fn more_than_the_connections_window_breaks_it() {
    // Only within one read can the peer get so far: what was read gives its room back.
    let mut end = opened(Role::Server);
    end.receive_window = 10;
    let error = feed(&mut end, &framed(&[((kind::DATA, 0), 1, &[0; 11])]), &mut Vec::new()).unwrap_err();
    assert_eq!(error.code, ErrorCode::FLOW_CONTROL_ERROR);
}

/// Stream 1 is broken off with `code`, the peer is told so, and the connection lives.
fn check_stream_error(role: Role, input: &[u8], code: ErrorCode) {
    let (mut end, mut out) = (opened(role), Vec::new());
    let seen = feed(&mut end, input, &mut out).expect("the connection lives");
    assert_eq!(seen.last(), Some(&Seen::Reset(1, code, ResetBy::Us)), "{input:?}");
    let resets: Vec<_> = parse(&out).into_iter().filter(|(head, _)| head.kind == kind::RST_STREAM).collect();
    assert_eq!(resets.len(), 1);
    assert_eq!((resets[0].0.stream, &*resets[0].1), (1, &code.0.to_be_bytes()[..]));
    let late = framed(&[((kind::DATA, 0), 1, b"on its way"), ((kind::RST_STREAM, 0), 1, &[0; 4])]);
    out.clear();
    assert_eq!(feed(&mut end, &late, &mut out).unwrap(), []);
    assert!(out.is_empty(), "once is enough");
}

#[test]
fn what_breaks_a_stream() {
    const PROTOCOL: ErrorCode = ErrorCode::PROTOCOL_ERROR;
    let headers = (kind::HEADERS, flag::END_HEADERS);
    for role in [Role::Server, Role::Client] {
        check_stream_error(role, &framed(&[((kind::WINDOW_UPDATE, 0), 1, &[0; 4])]), PROTOCOL);
        let wide = [((kind::WINDOW_UPDATE, 0), 1, &[0x7f, 0xff, 0xff, 0xff][..])];
        check_stream_error(role, &framed(&wide), ErrorCode::FLOW_CONTROL_ERROR);
        let short = [((kind::PRIORITY, 0), 1, &[0; 4][..])];
        check_stream_error(role, &framed(&short), ErrorCode::FRAME_SIZE_ERROR);
        // `X: y`, and fields that do not end the stream where trailers would.
        let upper = [((kind::HEADERS, flag::END_HEADERS | flag::END_STREAM), 1, &[0, 1, b'X', 1, b'y'][..])];
        check_stream_error(role, &framed(&upper), PROTOCOL);
    }
    check_stream_error(Role::Server, &framed(&[(headers, 1, &[0, 1, b'x', 1, b'y'])]), PROTOCOL);
    check_stream_error(Role::Client, &framed(&[((kind::DATA, 0), 1, b"before the head")]), PROTOCOL);
    check_stream_error(Role::Client, &framed(&[(headers, 1, &[0, 1, b'x', 1, b'y'])]), PROTOCOL);
    let ended = [((kind::DATA, flag::END_STREAM), 1, &b"x"[..]), ((kind::DATA, 0), 1, b"y")];
    check_stream_error(Role::Server, &framed(&ended), ErrorCode::STREAM_CLOSED);
    let full: Vec<_> = std::iter::repeat_n(((kind::DATA, 0), 1, &[0; 16_000][..]), 5).collect();
    check_stream_error(Role::Server, &framed(&full), ErrorCode::FLOW_CONTROL_ERROR);
}

#[test]
fn a_request_that_is_malformed_or_too_large_is_refused_unseen() {
    let large = "x".repeat(15_000);
    let cases = [
        (section(&[("connection", "close")]), ErrorCode::PROTOCOL_ERROR),
        (section(&[(":path", "/twice")]), ErrorCode::PROTOCOL_ERROR),
        (vec![0x82], ErrorCode::PROTOCOL_ERROR),
        ([section(&[("a", &large)]), vec![0x90; 60]].concat(), ErrorCode::ENHANCE_YOUR_CALM),
    ];
    for (section, code) in cases {
        let (mut server, mut out) = (opened(Role::Server), Vec::new());
        let input = framed(&[((kind::HEADERS, flag::END_HEADERS | flag::END_STREAM), 3, &section)]);
        assert_eq!(feed(&mut server, &input, &mut out).unwrap(), []);
        assert_eq!(parse(&out)[0].1, code.0.to_be_bytes());
        assert_eq!(server.open_streams(), 1);
    }
}

#[test]
fn a_closed_stream_stays_closed() {
    let (mut server, mut out) = (opened(Role::Server), Vec::new());
    let reset = framed(&[((kind::RST_STREAM, 0), 1, &[0, 0, 0, 8])]);
    assert_eq!(
        feed(&mut server, &reset, &mut out).unwrap(),
        [Seen::Reset(1, ErrorCode::CANCEL, ResetBy::Peer)]
    );
    assert!(out.is_empty(), "a reset is not answered by one");
    let late = framed(&[((kind::WINDOW_UPDATE, 0), 1, &[0, 0, 0, 1]), ((kind::DATA, 0), 1, b"late")]);
    assert_eq!(feed(&mut server, &late, &mut out).unwrap(), []);
    assert_eq!(parse(&out)[0].1, ErrorCode::STREAM_CLOSED.0.to_be_bytes());
}
