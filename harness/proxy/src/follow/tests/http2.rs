//! Frames of HTTP/2.

use std::time::Duration;

use super::*;

const SETTINGS: (u8, u8) = (4, 0);
const HEADERS: (u8, u8) = (1, 4);
const TRAILERS: (u8, u8) = (1, 5);
const DATA: (u8, u8) = (0, 0);
const LAST_DATA: (u8, u8) = (0, 1);
const PING: (u8, u8) = (6, 0);

/// A frame's kind and flags, its stream, its payload.
type Frame = ((u8, u8), u32, Vec<u8>);

fn frame(kind: (u8, u8), stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind.0, kind.1], &stream.to_be_bytes(), payload].concat()
}

fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let stream = u32::from_be_bytes(bytes[5..9].try_into().unwrap());
        all.push(((bytes[3], bytes[4]), stream, bytes[9..9 + length].to_vec()));
        bytes = &bytes[9 + length..];
    }
    all
}

fn update(stream: u32, bytes: u32) -> Frame {
    ((8, 0), stream, bytes.to_be_bytes().to_vec())
}

fn message(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[0], &length[..], text.as_bytes()].concat()
}

/// A connection with a live stream 1, whose first message is `Setup`.
fn connected() -> Wire {
    let mut wire = Wire::new();
    // A server need not wait for its client.
    wire.down(&frame(SETTINGS, 0, b"")[..5]);
    assert_eq!(wire.took(Stream::Down), b"");
    wire.down(&frame(SETTINGS, 0, b"")[5..]);
    let hello = [&PREFACE[..], &frame(SETTINGS, 0, b"")].concat();
    in_pieces(&hello, &[5], |some| wire.up(some));
    assert_eq!((wire.took(Stream::Up), wire.took(Stream::Down).len()), (hello, 9));
    let setup = [frame(HEADERS, 1, b"h"), frame(DATA, 1, &message("Setup"))].concat();
    in_pieces(&setup, &[6], |some| wire.up(some));
    wire.down(&frame(HEADERS, 1, b"h"));
    assert_eq!(wire.took(Stream::Up), setup);
    wire.took(Stream::Down);
    wire
}

fn first() -> Value {
    json!({"first": b"Setup"})
}

fn spoiling(with: &Value) -> Wire {
    let mut wire = connected();
    let mut attributes = json!({"messages": [b"Ask"], "share_ppm": 1_000_000});
    attributes.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    wire.toxic("answers", &attributes);
    wire
}

/// A call on stream 3 in the given pieces, and what then is up.
fn call(wire: &mut Wire, text: &str, sizes: &[usize]) -> Vec<Frame> {
    let call = [frame(HEADERS, 3, b"h"), frame(LAST_DATA, 3, &message(text))].concat();
    in_pieces(&call, sizes, |some| wire.up(some));
    frames(&wire.took(Stream::Up))
}

/// Its answer, and what then is down.
fn answer(wire: &mut Wire, text: &str, sizes: &[usize]) -> Vec<Frame> {
    let content = message(text);
    let (some, rest) = content.split_at(content.len() / 3);
    let answer =
        [frame(HEADERS, 3, b"h"), frame(DATA, 3, some), frame(DATA, 3, rest), frame(TRAILERS, 3, b"t")];
    in_pieces(&answer.concat(), sizes, |some| wire.down(some));
    frames(&wire.took(Stream::Down))
}

#[test]
fn a_denied_call_is_another_one_upstream_and_its_answer_another_one_down() {
    for sizes in [&[1][..], &[7, 3], &[1000]] {
        let mut wire = spoiling(
            &json!({"with": "status", "ask": message("Hi"), "answer": message("No, and that is that")}),
        );
        let up = call(&mut wire, "Ask for something", sizes);
        assert_eq!(up, [(HEADERS, 3, b"h".to_vec()), (LAST_DATA, 3, message("Hi"))]);
        assert_eq!(
            frames(&wire.took(Stream::Down)),
            [update(0, 15)],
            "what the upstream did not hear is given back"
        );
        let down = answer(&mut wire, "Hello", sizes);
        let expected = [
            (HEADERS, 3, b"h".to_vec()),
            (DATA, 3, message("No, and that is that")),
            (TRAILERS, 3, b"t".to_vec()),
        ];
        assert_eq!(down, expected);
        assert_eq!(wire.counts("answers"), (1, 1));
        // Three bytes stood for 25, and the seven behind them for none: 22 less and 7 more go back.
        assert_eq!(frames(&wire.took(Stream::Up)), [update(0, 7)]);
        wire.up(&frame((8, 0), 0, &30_u32.to_be_bytes()));
        assert_eq!(frames(&wire.took(Stream::Up)), [update(0, 8)]);
        // Another call passes.
        let up = [frame(HEADERS, 5, b"h"), frame(LAST_DATA, 5, &message("Tell"))].concat();
        wire.up(&up);
        assert_eq!(wire.took(Stream::Up), up);
    }
}

#[test]
fn messages_are_cut_garbled_and_broken_off() {
    for sizes in [&[1][..], &[7, 3], &[1000]] {
        let whole = message("0123456789");
        let spoiled = |with: &str| {
            let mut wire = spoiling(&json!({"with": with}));
            assert_eq!(call(&mut wire, "Ask", sizes).len(), 2);
            let down = answer(&mut wire, "0123456789", sizes);
            assert_eq!(wire.counts("answers"), (1, 1));
            let content: Vec<u8> =
                down.iter().filter(|frame| frame.0.0 == 0).flat_map(|frame| frame.2.clone()).collect();
            (wire, down, content)
        };
        let (mut wire, down, content) = spoiled("wrong_length");
        assert_eq!((content, down.last().unwrap().0), (whole[..7].to_vec(), TRAILERS));
        let back: u32 = frames(&wire.took(Stream::Up))
            .iter()
            .map(|(_, _, by)| u32::from_be_bytes(by[..].try_into().unwrap()))
            .sum();
        assert_eq!(back, 8, "all that the client did not hear");
        let (_, down, content) = spoiled("garbage");
        assert_eq!((&content[..5], &content[5..]), (&whole[..5], &[0xff; 10][..]));
        assert_eq!(down.last().unwrap().0, TRAILERS);
        let (mut wire, down, content) = spoiled("truncated");
        assert_eq!(content, whole[..2]);
        let kinds: Vec<u8> = down.iter().map(|frame| frame.0.0).collect();
        assert_eq!(kinds, [1, 0, 3, 1], "the trailers pass, for their compression goes on");
        let up = frames(&wire.took(Stream::Up));
        assert!(up.contains(&((3, 0), 3, 8_u32.to_be_bytes().to_vec())), "{up:?}");
        // The connection goes on.
        wire.up(&frame(PING, 0, b"12345678"));
        assert_eq!(wire.took(Stream::Up), frame(PING, 0, b"12345678"));
    }
}

#[test]
fn an_answer_that_comes_after_the_heal_passes_unless_something_else_was_asked() {
    let mut wire = spoiling(&json!({"with": "garbage"}));
    call(&mut wire, "Ask", &[100]);
    wire.heal("answers");
    let content: Vec<u8> =
        answer(&mut wire, "0123456789", &[100]).into_iter().skip(1).flat_map(|frame| frame.2).collect();
    assert_eq!(content, [&message("0123456789")[..], b"t"].concat());
    let mut wire = spoiling(&json!({"with": "status", "ask": message("Hi"), "answer": message("No")}));
    call(&mut wire, "Ask for something", &[100]);
    wire.took(Stream::Down);
    wire.heal("answers");
    assert_eq!(answer(&mut wire, "Hello", &[100])[1], (DATA, 3, message("No")));
}

#[test]
fn a_slow_call_comes_late_and_nothing_else_does() {
    let mut wire = spoiling(&json!({"with": "slow", "delay": 300}));
    assert_eq!(call(&mut wire, "Ask", &[4]), [(HEADERS, 3, b"h".to_vec())]);
    wire.up(&[frame(HEADERS, 5, b"h"), frame(LAST_DATA, 5, &message("Tell"))].concat());
    assert_eq!(frames(&wire.took(Stream::Up)).len(), 2);
    assert!(!wire.end(Stream::Up), "an end comes behind what is held");
    assert_eq!(wire.follower.due(), wire.now + Duration::from_millis(300));
    wire.now = wire.follower.due();
    wire.drain();
    assert_eq!(frames(&wire.took(Stream::Up)), [(LAST_DATA, 3, message("Ask"))]);
    assert!(!wire.follower.holds(Stream::Up));
}

#[test]
fn a_slow_body_holds_fields_behind_it_and_no_other_content() {
    let mut wire = spoiling(&json!({"with": "slow_body", "rate": 5}));
    call(&mut wire, "Ask", &[100]);
    assert_eq!(answer(&mut wire, "0123456789", &[100]), [(HEADERS, 3, b"h".to_vec())]);
    wire.down(&frame(DATA, 1, b"push"));
    wire.down(&frame(HEADERS, 5, b"h"));
    assert_eq!(frames(&wire.took(Stream::Down)), [(DATA, 1, b"push".to_vec())]);
    wire.now = wire.now + Duration::from_secs(1);
    wire.drain();
    assert_eq!(frames(&wire.took(Stream::Down)), [(DATA, 3, message("0123456789")[..5].to_vec())]);
    wire.now = wire.now + Duration::from_secs(2);
    wire.drain();
    let kinds: Vec<_> = frames(&wire.took(Stream::Down)).iter().map(|frame| (frame.0.0, frame.1)).collect();
    assert_eq!(kinds, [(0, 3), (1, 3), (1, 5)]);
}

#[test]
fn a_stalled_window_holds_data_and_what_follows_it_until_the_heal() {
    let mut wire = connected();
    wire.toxic("stalled_window", &first());
    assert_eq!(wire.counts("stalled_window"), (0, 1));
    let said = [
        frame(PING, 0, b"12345678"),
        frame(DATA, 1, b"push"),
        frame(HEADERS, 3, b"h"),
        frame(TRAILERS, 1, b"t"),
        frame(HEADERS, 5, b"h"),
        frame(PING, 0, b"abcdefgh"),
    ];
    wire.down(&said.concat());
    let passed: Vec<_> = frames(&wire.took(Stream::Down)).iter().map(|frame| (frame.0.0, frame.1)).collect();
    assert_eq!(passed, [(6, 0), (1, 3), (6, 0)]);
    assert_eq!(wire.counts("stalled_window"), (1, 1));
    assert_eq!(wire.follower.due(), Moment::NEVER);
    wire.heal("stalled_window");
    let came: Vec<_> = frames(&wire.took(Stream::Down)).iter().map(|frame| (frame.0.0, frame.1)).collect();
    assert_eq!(came, [(0, 1), (1, 1), (1, 5)]);
}

#[test]
fn a_client_that_leaves_a_stalled_connection_does_not_keep_it() {
    let mut wire = connected();
    wire.toxic("stalled_window", &first());
    wire.down(&frame(DATA, 1, b"push"));
    assert!(wire.follower.holds(Stream::Down) && !wire.end(Stream::Down));
    assert!(wire.end(Stream::Up) && !wire.follower.holds(Stream::Down));
}

#[test]
fn streams_are_reset_towards_both_ends_and_what_still_comes_of_them_is_left_out() {
    let mut wire = connected();
    wire.toxic("rst_stream", &first());
    assert_eq!(frames(&wire.took(Stream::Down)), [((3, 0), 1, vec![0, 0, 0, 2])]);
    assert_eq!(frames(&wire.took(Stream::Up)), [((3, 0), 1, vec![0, 0, 0, 8])]);
    assert_eq!(wire.counts("rst_stream"), (1, 1));
    wire.down(&frame(DATA, 1, b"push"));
    assert_eq!((frames(&wire.took(Stream::Up)), wire.took(Stream::Down)), (vec![update(0, 4)], Vec::new()));
    wire.up(&frame(DATA, 1, b"ack"));
    assert_eq!((wire.took(Stream::Up), frames(&wire.took(Stream::Down))), (Vec::new(), vec![update(0, 3)]));
    wire.down(&frame(TRAILERS, 1, b"t"));
    assert_eq!(wire.took(Stream::Down), frame(TRAILERS, 1, b"t"));
}

#[test]
fn a_goodbye_is_said_between_frames_and_only_where_a_stream_lives() {
    let mut wire = connected();
    wire.down(&frame(DATA, 1, b"push")[..11]);
    wire.toxic("go_away", &first());
    wire.down(&frame(DATA, 1, b"push")[11..]);
    let down = frames(&wire.took(Stream::Down));
    assert_eq!((down[0].0, &down[0].2[..8]), ((7, 0), &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0][..]));
    assert_eq!(down[1], (DATA, 1, b"push".to_vec()));
    assert_eq!(wire.counts("go_away"), (1, 1));
    wire.down(&frame(TRAILERS, 1, b"t"));
    wire.toxic("rst_stream", &first());
    assert_eq!(wire.counts("rst_stream"), (0, 0), "nothing lives any more");
}

#[test]
fn swallowed_messages_do_not_come_up_and_their_room_is_given_back() {
    let mut wire = connected();
    wire.toxic("swallowed", &json!({"messages": [b"Ack"], "share_ppm": 1_000_000}));
    let (ack, other) = (message("Ack 7"), message("Other"));
    wire.up(&frame(DATA, 1, &[&other[..], &ack, &other].concat()));
    assert_eq!(frames(&wire.took(Stream::Up)), [(DATA, 1, [&other[..], &other].concat())]);
    assert_eq!(frames(&wire.took(Stream::Down)), [update(1, 10), update(0, 10)]);
    wire.up(&frame(DATA, 1, &ack));
    assert_eq!((wire.took(Stream::Up), frames(&wire.took(Stream::Down)).len()), (Vec::new(), 2));
    assert_eq!(wire.counts("swallowed"), (2, 2));
    wire.heal("swallowed");
    wire.up(&frame(DATA, 1, &ack));
    assert_eq!(wire.took(Stream::Up), frame(DATA, 1, &ack));
}
