//! How a fuzzer's input is read: what is received in how many pieces, and what the user does in between.
//!
//! The first byte has the choices of the run. Then come pieces, each begun by a byte: below 192 a frame of that kind (the
//! number mod 12, with flags, a stream and a length of its own), so that mutations keep frames whole; else bytes as they
//! are, which may be broken in every way.

use crate::play::PREFACE;

/// What an input stands for.
pub struct Script {
    /// Whether our end is the server.
    pub is_server: bool,
    /// Whether windows and limits are small.
    pub is_tight: bool,
    /// What our end receives.
    pub received: Vec<u8>,
    /// What its user does after each event, one byte each, over and over.
    pub deeds: Vec<u8>,
}

/// The largest input that is made into a script; longer ones say nothing new.
const MOST: usize = 64 * 1024;

impl Script {
    /// Reads an input.
    pub fn read(data: &[u8]) -> Option<Self> {
        let (choices, data) = data.split_first()?;
        let (count, data) = data.split_first()?;
        let (deeds, mut data) = data.split_at_checked(usize::from(*count % 16))?;
        let is_server = choices & 1 != 0;
        let mut received = Vec::new();
        // Most inputs should get past the first bytes.
        if choices & 2 != 0 {
            if is_server {
                received.extend_from_slice(PREFACE);
            }
            frame(&mut received, 4, 0, 0, &[]);
        }
        while let Some((kind, rest)) = data.split_first() {
            if received.len() > MOST {
                break;
            }
            data =
                if *kind < 192 { framed(&mut received, *kind % 12, rest) } else { raw(&mut received, rest) };
        }
        Some(Self { is_server, is_tight: choices & 4 != 0, received, deeds: deeds.to_vec() })
    }
}

fn framed<'a>(received: &mut Vec<u8>, kind: u8, data: &'a [u8]) -> &'a [u8] {
    let Some(([flags, stream, length, more], rest)) = data.split_first_chunk::<4>() else { return &[] };
    // Mostly short; the highest bit makes it one that is padded out by zeros.
    let length = usize::from(*length);
    let (payload, rest) = rest.split_at(length.min(rest.len()));
    let mut payload = payload.to_vec();
    if more & 0x80 != 0 {
        payload.resize(payload.len() + usize::from(more & 0x7f) * 160, 0);
    }
    frame(received, kind, *flags, u32::from(*stream), &payload);
    rest
}

fn raw<'a>(received: &mut Vec<u8>, data: &'a [u8]) -> &'a [u8] {
    let Some((length, rest)) = data.split_first() else { return &[] };
    let (bytes, rest) = rest.split_at(usize::from(*length).min(rest.len()));
    received.extend_from_slice(bytes);
    rest
}

fn frame(received: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    received.extend_from_slice(&[a, b, c, kind, flags]);
    received.extend_from_slice(&stream.to_be_bytes());
    received.extend_from_slice(payload);
}
