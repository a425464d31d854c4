//! Requests and answers of HTTP/1.1.

use std::time::Duration;

use super::*;

const READ: &[u8] = b"GET /v1/cs/configs?dataId=a HTTP/1.1\r\nhost: x\r\n\r\n";
const POLL: &[u8] =
    b"POST /v1/cs/configs/listener HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n0\r\na: b\r\n\r\n";
const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-MD5: abc\r\nContent-Length: 10\r\n\r\n0123456789";
const CHUNKED: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-MD5: abc\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n";

fn spoiling(with: &Value) -> Wire {
    let mut wire = Wire::new();
    let requests = json!([
        {"methods": ["GET"], "path_end": "/cs/configs"},
        {"methods": ["POST"], "path_end": "/configs/listener"},
    ]);
    let mut attributes = json!({"requests": requests, "share_ppm": 1_000_000});
    attributes.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    wire.toxic("answers", &attributes);
    wire
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_denied_request_is_answered_and_the_upstream_does_not_hear_of_it() {
    for sizes in [&[1][..], &[7, 3], &[1000]] {
        let mut wire = spoiling(&json!({"with": "status", "status": 403, "body": "no"}));
        for request in [READ, POLL] {
            in_pieces(request, sizes, |some| wire.up(some));
            assert_eq!(text(&wire.took(Stream::Up)), "");
            let answer = text(&wire.took(Stream::Down));
            assert!(
                answer.starts_with("HTTP/1.1 403 Forbidden\r\n") && answer.ends_with("\r\n\r\nno"),
                "{answer}"
            );
            assert!(answer.contains("content-length: 2\r\n"), "{answer}");
        }
        assert_eq!(wire.counts("answers"), (2, 2));
        // The connection goes on, and what is not meant passes.
        let other = b"GET /v1/cs/history HTTP/1.1\r\n\r\n";
        wire.up(other);
        wire.down(PLAIN);
        assert_eq!((wire.took(Stream::Up), wire.took(Stream::Down)), (other.to_vec(), PLAIN.to_vec()));
        wire.heal("answers");
        wire.up(READ);
        assert_eq!(wire.took(Stream::Up), READ);
    }
}

#[test]
fn a_client_that_wants_the_connection_closed_has_it_closed() {
    let mut wire = spoiling(&json!({"with": "status", "status": 503}));
    wire.up(b"GET /v1/cs/configs HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(text(&wire.took(Stream::Down)).contains("connection: close\r\n") && wire.is_closed);
}

#[test]
fn bodies_are_spoiled_however_they_are_framed_and_fall() {
    for answer in [PLAIN, CHUNKED] {
        for sizes in [&[1][..], &[7, 3], &[1000]] {
            let spoiled = |with: &str| {
                let mut wire = spoiling(&json!({"with": with}));
                in_pieces(READ, sizes, |some| wire.up(some));
                assert_eq!(wire.took(Stream::Up), READ);
                wire.down(b"HTTP/1.1 100 Continue\r\n\r\n");
                in_pieces(answer, sizes, |some| wire.down(some));
                assert_eq!(wire.counts("answers"), (1, 1));
                wire
            };
            let mut wire = spoiled("wrong_length");
            let half = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-MD5: abc\r\ncontent-length: 5\r\n\r\n01234";
            assert_eq!(text(&wire.took(Stream::Down)), half);
            let mut wire = spoiled("truncated");
            assert!(
                text(&wire.took(Stream::Down)).ends_with("content-length: 10\r\n\r\n01234") && wire.is_closed
            );
            let mut wire = spoiled("garbage");
            assert!(
                wire.took(Stream::Down)
                    .ends_with(b"content-length: 16\r\n\r\n\xff%\xff%\xff%\xff%\xff%\xff%\xff%\xff%")
            );
            // The next answer on the connection is spoiled, too.
            wire.up(READ);
            wire.down(answer);
            assert_eq!(wire.counts("answers"), (2, 2));
        }
    }
}

#[test]
fn slow_is_late_on_the_way_up_and_a_slow_body_drips() {
    let mut wire = spoiling(&json!({"with": "slow", "delay": 300}));
    wire.follower.read(Stream::Up, POLL, wire.now);
    let late: Vec<_> = wire.follower.take(Stream::Up);
    let at = wire.now + Duration::from_millis(300);
    assert!(!late.is_empty());
    assert!(late.iter().all(|piece| matches!(piece, Piece::Bytes(due, _) if *due == at)), "{late:?}");

    let mut wire = spoiling(&json!({"with": "slow_body", "rate": 40}));
    wire.up(READ);
    wire.follower.read(Stream::Down, PLAIN, wire.now);
    let due: Vec<_> = wire.follower.take(Stream::Down);
    let portions: Vec<_> = due[1..]
        .iter()
        .map(|piece| match piece {
            Piece::Bytes(at, bytes) => (at.nanos_since(wire.now) / 1_000_000, text(bytes)),
            Piece::Close => panic!("the connection goes on"),
        })
        .collect();
    let expected = [(100, "0123"), (200, "4567"), (300, "89")];
    assert_eq!(portions, expected.map(|(at, text)| (at, text.to_owned())));
}

#[test]
fn a_poll_that_hangs_at_the_onset_is_let_be() {
    let mut wire = Wire::new();
    wire.up(POLL);
    let requests = json!([{"methods": ["POST"], "path_end": "/configs/listener"}]);
    wire.toxic("answers", &json!({"requests": requests, "share_ppm": 1_000_000, "with": "garbage"}));
    wire.down(PLAIN);
    assert_eq!((wire.took(Stream::Down), wire.counts("answers")), (PLAIN.to_vec(), (0, 0)));
}

#[test]
fn an_answer_that_comes_after_the_heal_passes() {
    let mut wire = spoiling(&json!({"with": "garbage"}));
    wire.up(POLL);
    wire.down(&PLAIN[..20]);
    wire.heal("answers");
    wire.down(&PLAIN[20..]);
    assert_eq!(wire.took(Stream::Down), PLAIN);
}

#[test]
fn an_answer_that_ends_with_the_connection_is_spoiled_there() {
    let mut wire = spoiling(&json!({"with": "wrong_length"}));
    wire.up(READ);
    wire.down(b"HTTP/1.1 200 OK\r\n\r\n01234567");
    assert_eq!(wire.took(Stream::Down), b"");
    assert!(wire.end(Stream::Down));
    assert!(text(&wire.took(Stream::Down)).ends_with("content-length: 4\r\n\r\n0123"));
}

#[test]
fn a_share_is_drawn_request_by_request() {
    let mut wire = spoiling(&json!({"with": "status", "status": 500, "share_ppm": 250_000}));
    for _ in 0..400 {
        wire.up(READ);
        if wire.took(Stream::Up).is_empty() {
            wire.took(Stream::Down);
        } else {
            wire.down(PLAIN);
        }
    }
    let (acted, of) = wire.counts("answers");
    assert_eq!(of, 400);
    assert!((70..130).contains(&acted), "{acted}");
}
