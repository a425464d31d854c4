//! Frames (RFC 9113 §4, §6): told apart in bytes that fall in any pieces, and written.

use std::ops::Range;

use crate::follow::Lost;

/// The bytes of a frame's head.
pub(super) const HEAD_BYTES: usize = 9;
/// A larger frame is not followed: nobody asks for such by default.
const MOST_BYTES: usize = 256 * 1024;
/// What every peer takes in one frame.
pub(super) const MAX_PAYLOAD: usize = 16_384;
/// The largest window, and the largest number of a stream.
pub(super) const MAX: u32 = (1 << 31) - 1;

pub(super) const DATA: u8 = 0x0;
pub(super) const HEADERS: u8 = 0x1;
pub(super) const RST_STREAM: u8 = 0x3;
pub(super) const PUSH_PROMISE: u8 = 0x5;
pub(super) const GOAWAY: u8 = 0x7;
pub(super) const WINDOW_UPDATE: u8 = 0x8;
const CONTINUATION: u8 = 0x9;

pub(super) const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;

pub(super) const NO_ERROR: u32 = 0x0;
pub(super) const INTERNAL_ERROR: u32 = 0x2;
pub(super) const CANCEL: u32 = 0x8;

/// A frame, or a head of fields with all that continues it: nothing may come in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit<'a> {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    /// The whole, heads included.
    pub(super) bytes: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
struct Head {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Head {
    fn at(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, stream @ ..] = bytes.first_chunk::<HEAD_BYTES>()?;
        Some(Self {
            length: usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c),
            kind: *kind,
            flags: *flags,
            stream: u32::from_be_bytes(*stream) & MAX,
        })
    }
}

impl<'a> Unit<'a> {
    /// The unit that `bytes` begin with, once it is whole.
    pub(super) fn first(bytes: &'a [u8]) -> Result<Option<Self>, Lost> {
        let Some(head) = Head::at(bytes) else { return Ok(None) };
        let mut end = HEAD_BYTES + head.length;
        let has_fields = matches!(head.kind, HEADERS | PUSH_PROMISE);
        let mut is_open = has_fields && head.flags & END_HEADERS == 0;
        while is_open {
            let Some(next) = bytes.get(end..).and_then(Head::at) else { break };
            if next.kind != CONTINUATION {
                return Err(Lost);
            }
            end += HEAD_BYTES + next.length;
            is_open = next.flags & END_HEADERS == 0;
        }
        if end > MOST_BYTES {
            return Err(Lost);
        }
        let whole = bytes.get(..end).filter(|_| !is_open);
        let Head { kind, flags, stream, .. } = head;
        Ok(whole.map(|bytes| Self { kind, flags, stream, bytes }))
    }

    pub(super) fn payload(&self) -> &'a [u8] {
        &self.bytes[HEAD_BYTES..]
    }

    pub(super) const fn ends_stream(&self) -> bool {
        self.flags & END_STREAM != 0
    }

    /// Whether it has compressed fields, whose order over all streams must stay.
    pub(super) const fn has_fields(&self) -> bool {
        matches!(self.kind, HEADERS | PUSH_PROMISE)
    }

    /// The content of a DATA frame, without padding.
    pub(super) fn content(&self) -> &'a [u8] {
        let payload = self.payload();
        payload.get(self.content_range()).unwrap_or_default()
    }

    fn content_range(&self) -> Range<usize> {
        let payload = self.payload();
        match payload.first() {
            Some(padding) if self.flags & PADDED != 0 => {
                1..payload.len().saturating_sub(usize::from(*padding)).max(1)
            }
            _ => 0..payload.len(),
        }
    }

    /// The number that a frame of four bytes has.
    pub(super) fn number(&self) -> u32 {
        self.payload().try_into().map_or(0, u32::from_be_bytes)
    }
}

/// Appends a frame.
pub(super) fn write(out: &mut Vec<u8>, (kind, flags): (u8, u8), stream: u32, payload: &[u8]) {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap_or(MAX).to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Content as DATA frames, none for none unless it ends the stream.
pub(super) fn data(stream: u32, content: &[u8], ends: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + HEAD_BYTES);
    let mut rest = content;
    while rest.len() > MAX_PAYLOAD {
        let (some, left) = rest.split_at(MAX_PAYLOAD);
        write(&mut out, (DATA, 0), stream, some);
        rest = left;
    }
    if !rest.is_empty() || ends {
        write(&mut out, (DATA, u8::from(ends)), stream, rest);
    }
    out
}

/// A frame whose payload is a number.
pub(super) fn numbered(kind: u8, stream: u32, number: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + 4);
    write(&mut out, (kind, 0), stream, &number.to_be_bytes());
    out
}

/// A GOAWAY that lets go on what is under way.
pub(super) fn go_away() -> Vec<u8> {
    let mut payload = MAX.to_be_bytes().to_vec();
    payload.extend_from_slice(&NO_ERROR.to_be_bytes());
    payload.extend_from_slice(b"told to say goodbye");
    let mut out = Vec::new();
    write(&mut out, (GOAWAY, 0), 0, &payload);
    out
}
