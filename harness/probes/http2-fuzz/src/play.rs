//! One end plays a script twice, with the bytes in one piece and in small ones, and is watched.

use shakedown_http2::{Config, Connection, Error, ErrorCode, Event, StreamId};

use crate::script::Script;

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const REQUEST: [(&str, &str); 3] = [(":method", "POST"), (":scheme", "http"), (":path", "/a")];
const ANSWER: [(&str, &str); 1] = [(":status", "200")];
const TRAILERS: [(&str, &str); 1] = [("grpc-status", "0")];

/// What an event leads the user to send at most, in bytes.
const DEED_BYTES: usize = 17 * 1024;

/// What it costs to answer the shortest frame.
const ANSWER_BYTES: usize = 64;

/// What came of a script.
#[derive(Debug, PartialEq, Eq)]
struct Course {
    events: Vec<String>,
    error: Option<Error>,
    sent: Vec<u8>,
}

/// Plays an input in one piece and in pieces, and compares.
pub fn both_ways(data: &[u8]) {
    let Some(script) = Script::read(data) else { return };
    let whole = play(&script, usize::MAX);
    let pieces = play(&script, 1 + usize::from(data[0] >> 3));
    assert_eq!(whole, pieces, "the split of the bytes makes a difference");
    check_sent(&script, &whole);
}

fn config(is_tight: bool) -> Config {
    if is_tight {
        Config { stream_window: 100, connection_window: 65_535, max_streams: 3, header_list_bytes: 256 }
    } else {
        Config::default()
    }
}

fn play(script: &Script, piece: usize) -> Course {
    let mut sent = Vec::new();
    let mut end = if script.is_server {
        Connection::server(config(script.is_tight), &mut sent)
    } else {
        Connection::client(config(script.is_tight), &mut sent)
    };
    let mut streams = Vec::new();
    if !script.is_server {
        // So that frames of the streams 1, 3 and 5 mean something.
        streams.extend((0..3).filter_map(|nth| end.request(&REQUEST, nth == 1, &mut sent).ok()));
    }
    let mut course = Course { events: Vec::new(), error: None, sent: Vec::new() };
    let mut deeds = script.deeds.iter().copied().cycle();
    'all: for mut input in script.received.chunks(piece.max(1)) {
        loop {
            let (stream, bytes) = match end.next_event(&mut input, &mut sent) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    course.events.push(format!("{event:?}"));
                    subject(&event)
                }
                Err(error) => {
                    course.error = Some(error);
                    let again = end.next_event(&mut &b"more"[..], &mut sent).map(drop);
                    assert_eq!(again, Err(error), "a failed connection failed another way");
                    break 'all;
                }
            };
            if let Some(stream) = stream {
                if !streams.contains(&stream) {
                    streams.push(stream);
                }
                let deed = deeds.next().unwrap_or_default();
                act(&mut end, deed, stream, bytes, &mut sent);
            }
        }
        assert!(input.is_empty(), "an end that wants more has left bytes lying");
    }
    assert!(end.open_streams() <= streams.len() + 3, "streams are open that nobody has heard of");
    course.sent = sent;
    course
}

fn subject(event: &Event<'_>) -> (Option<StreamId>, usize) {
    match event {
        Event::Data { stream, bytes, .. } => (Some(*stream), bytes.len()),
        Event::Head { stream, .. } | Event::Trailers { stream, .. } | Event::Reset { stream, .. } => {
            (Some(*stream), 0)
        }
        Event::GoAway { .. } => (None, 0),
    }
}

/// What a user may do after an event, also where it makes no sense.
fn act(end: &mut Connection, deed: u8, stream: StreamId, bytes: usize, sent: &mut Vec<u8>) {
    match deed % 8 {
        0 => end.release(stream, bytes, sent),
        1 => end.release(stream, usize::MAX, sent),
        2 => drop(end.send_fields(stream, &ANSWER, false, sent)),
        3 => drop(end.send_fields(stream, &TRAILERS, true, sent)),
        4 => drop(end.send_data(stream, &[b'x'; 16 * 1024], deed & 8 != 0, sent)),
        5 => drop(end.send_data(stream, b"", true, sent)),
        6 => end.reset(stream, ErrorCode::CANCEL, sent),
        _ => {}
    }
}

/// What was sent is frames, and in proportion.
fn check_sent(script: &Script, course: &Course) {
    let mut rest = &course.sent[..];
    if !script.is_server {
        rest = rest.strip_prefix(PREFACE).expect("a client begins with its preface");
    }
    while let Some(([a, b, c, kind, _, stream @ ..], after)) = rest.split_first_chunk::<9>() {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        assert!(length <= 16_384 && *kind <= 9, "a frame of kind {kind} with {length} bytes");
        assert!(stream[0] & 0x80 == 0, "the reserved bit is set");
        rest = after.get(length..).expect("the last frame is cut short");
    }
    assert!(rest.is_empty(), "bytes behind the last frame");
    let most = 1_000 + script.received.len() / 9 * ANSWER_BYTES + course.events.len() * DEED_BYTES;
    assert!(course.sent.len() <= most, "{} bytes were sent, {most} at most", course.sent.len());
}
