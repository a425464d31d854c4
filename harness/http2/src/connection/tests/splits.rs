//! However bytes are split they mean the same; whatever they are, they do no harm.

use proptest::prelude::*;

use super::bytes::{Seen, feed};
use crate::connection::{Config, Connection};
use crate::error::Error;
use crate::frame::{self, MAX_PAYLOAD, PREFACE};
use crate::hpack;

/// A frame of any kind, more often than not a sensible one.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let small = prop::collection::vec(any::<u8>(), 0..40);
    let whatever = (0_u8..12, any::<u8>(), 0_u32..8, small).prop_map(|(kind, flags, stream, payload)| {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, (kind, flags), stream, &payload);
        bytes
    });
    let request = (1_u32..12, any::<bool>(), any::<bool>()).prop_map(|(nth, is_padded, ends)| {
        let mut section = if is_padded { vec![3] } else { Vec::new() };
        hpack::encode(&super::REQUEST, false, &mut section);
        section.extend_from_slice(if is_padded { &[0; 3] } else { &[] });
        let mut bytes = Vec::new();
        let flags = 0x4 | if is_padded { 0x8 } else { 0 } | u8::from(ends);
        frame::write(&mut bytes, (0x1, flags), nth * 2 - 1, &section);
        bytes
    });
    let data = (1_u32..12, 0_usize..MAX_PAYLOAD, any::<bool>()).prop_map(|(nth, length, ends)| {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, (0x0, u8::from(ends)), nth * 2 - 1, &vec![7; length]);
        bytes
    });
    prop_oneof![1 => whatever, 3 => request, 3 => data]
}

fn started() -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    frame::write_settings(&mut bytes, &[]);
    bytes
}

/// What a server makes of pieces that come one after the other: events, the end, and what it says.
#[expect(single_use_lifetimes, reason = "an anonymous one may not stand there on stable")]
fn served<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Seen>, Option<Error>, Vec<u8>) {
    let mut out = Vec::new();
    let mut server = Connection::server(Config::default(), &mut out);
    let mut seen = Vec::new();
    for piece in pieces {
        let mut input = piece;
        loop {
            match server.next_event(&mut input, &mut out) {
                Ok(Some(event)) => seen.push(event.into()),
                Ok(None) => break,
                Err(error) => return (seen, Some(error), out),
            }
        }
        assert!(server.assembly.held() <= 2 * (MAX_PAYLOAD + frame::HEAD_BYTES));
    }
    (seen, None, out)
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        frames in prop::collection::vec(frames(), 0..12),
        cuts in prop::collection::vec(1_usize..5_000, 1..20),
    ) {
        let bytes = [started(), frames.concat()].concat();
        let mut rest = &bytes[..];
        let mut cuts = cuts.iter().cycle();
        let pieces = std::iter::from_fn(|| {
            let (piece, after) = rest.split_at((*cuts.next()?).min(rest.len()));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        });
        prop_assert_eq!(served(pieces), served(std::iter::once(&bytes[..])));
    }

    #[test]
    fn single_bytes_give_the_same(frames in prop::collection::vec(frames(), 0..4)) {
        let bytes = [started(), frames.concat()].concat();
        prop_assert_eq!(served(bytes.chunks(1)), served(std::iter::once(&bytes[..])));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000), is_started: bool) {
        let bytes = if is_started { [started(), bytes].concat() } else { bytes };
        served(std::iter::once(&bytes[..]));
        let mut out = Vec::new();
        let mut client = Connection::client(Config::default(), &mut out);
        client.request(&super::REQUEST, false, &mut out).unwrap();
        drop(feed(&mut client, &bytes, &mut out));
    }

    #[test]
    fn random_sections_never_panic_and_stay_within_limits(
        sections in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..10),
    ) {
        let mut decoder = hpack::Decoder::new();
        for section in sections {
            let Ok(fields) = decoder.decode(&section, 500) else { break };
            let cost: usize = fields.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
            prop_assert!(cost <= 500);
        }
    }
}
