//! Frames (RFC 9113 §4 and §6): the head of nine bytes, padding, settings.

use crate::error::{Error, ErrorCode};

/// What a client says before its first frame (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bytes of a frame's head.
pub(crate) const HEAD_BYTES: usize = 9;

/// The largest payload, in either direction: what every peer must take, and all that we announce.
pub(crate) const MAX_PAYLOAD: usize = 16_384;

/// The largest window (RFC 9113 §6.9.1).
pub(crate) const MAX_WINDOW: u32 = (1 << 31) - 1;

/// Every window's size before anything is said (RFC 9113 §6.9.2).
pub(crate) const FIRST_WINDOW: u32 = 65_535;

pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0x0;
    pub(crate) const HEADERS: u8 = 0x1;
    pub(crate) const PRIORITY: u8 = 0x2;
    pub(crate) const RST_STREAM: u8 = 0x3;
    pub(crate) const SETTINGS: u8 = 0x4;
    pub(crate) const PUSH_PROMISE: u8 = 0x5;
    pub(crate) const PING: u8 = 0x6;
    pub(crate) const GOAWAY: u8 = 0x7;
    pub(crate) const WINDOW_UPDATE: u8 = 0x8;
    pub(crate) const CONTINUATION: u8 = 0x9;
}

pub(crate) mod flag {
    pub(crate) const ACK: u8 = 0x1;
    pub(crate) const END_STREAM: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

pub(crate) mod setting {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 0x1;
    pub(crate) const ENABLE_PUSH: u16 = 0x2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 0x4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 0x5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 0x6;
}

/// A frame's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl Head {
    pub(crate) fn parse(bytes: &[u8; HEAD_BYTES]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = *bytes;
        Self {
            length: usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c),
            kind,
            flags,
            // The highest bit is reserved and ignored (RFC 9113 §4.1).
            stream: u32::from_be_bytes(stream) & MAX_WINDOW,
        }
    }

    pub(crate) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Appends a frame. `payload` has at most [`MAX_PAYLOAD`] bytes.
pub(crate) fn write(out: &mut Vec<u8>, (kind, flags): (u8, u8), stream: u32, payload: &[u8]) {
    write_head(out, (kind, flags), stream, payload.len());
    out.extend_from_slice(payload);
}

/// Appends a frame's head alone.
pub(crate) fn write_head(out: &mut Vec<u8>, (kind, flags): (u8, u8), stream: u32, length: usize) {
    debug_assert!(length <= MAX_PAYLOAD, "frames are cut before they are written");
    let [_, a, b, c] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
}

/// Appends a SETTINGS frame.
pub(crate) fn write_settings(out: &mut Vec<u8>, settings: &[(u16, u32)]) {
    write_head(out, (kind::SETTINGS, 0), 0, settings.len() * 6);
    for (id, value) in settings {
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends a RST_STREAM frame.
pub(crate) fn write_reset(out: &mut Vec<u8>, stream: u32, code: ErrorCode) {
    write(out, (kind::RST_STREAM, 0), stream, &code.0.to_be_bytes());
}

/// Appends a WINDOW_UPDATE frame.
pub(crate) fn write_window_update(out: &mut Vec<u8>, stream: u32, bytes: u32) {
    write(out, (kind::WINDOW_UPDATE, 0), stream, &bytes.to_be_bytes());
}

/// The settings in a payload, as they stand (RFC 9113 §6.5.1).
pub(crate) fn settings(payload: &[u8]) -> Result<impl Iterator<Item = (u16, u32)>, Error> {
    let (settings, rest) = payload.as_chunks::<6>();
    if !rest.is_empty() {
        return Err(Error::frame_size("SETTINGS are no multiple of 6 bytes"));
    }
    Ok(settings.iter().map(|[a, b, value @ ..]| (u16::from_be_bytes([*a, *b]), u32::from_be_bytes(*value))))
}

/// A payload of exactly four bytes, as a number.
pub(crate) fn number(payload: &[u8]) -> Option<u32> {
    payload.try_into().ok().map(u32::from_be_bytes)
}

/// Takes padding off (RFC 9113 §6.1): where the rest lies in `payload`.
pub(crate) fn without_padding(head: Head, payload: &[u8]) -> Result<std::ops::Range<usize>, Error> {
    if !head.has(flag::PADDED) {
        return Ok(0..payload.len());
    }
    let Some(padding) = payload.first() else {
        return Err(Error::frame_size("a padded frame does not say how much padding it has"));
    };
    match payload.len().checked_sub(usize::from(*padding)) {
        Some(end) if end >= 1 => Ok(1..end),
        _ => Err(Error::protocol("a frame has more padding than bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let mut out = Vec::new();
        write_head(&mut out, (kind::DATA, flag::END_STREAM), 77, 16_384);
        let head = Head::parse(out[..].try_into().unwrap());
        assert_eq!(head, Head { length: 16_384, kind: kind::DATA, flags: flag::END_STREAM, stream: 77 });
    }

    #[test]
    fn the_reserved_bit_is_ignored() {
        assert_eq!(Head::parse(&[0, 0, 0, 0, 0, 0x80, 0, 0, 5]).stream, 5);
    }

    #[test]
    fn padding_is_taken_off_and_never_more_than_there_is() {
        let padded = Head { length: 0, kind: kind::DATA, flags: flag::PADDED, stream: 1 };
        let plain = Head { flags: 0, ..padded };
        assert_eq!(without_padding(padded, &[2, b'a', 0, 0]).unwrap(), 1..2);
        assert_eq!(without_padding(padded, &[0]).unwrap(), 1..1);
        assert_eq!(without_padding(plain, &[2, b'a', 0, 0]).unwrap(), 0..4);
        assert_eq!(without_padding(padded, &[]).unwrap_err().code, ErrorCode::FRAME_SIZE_ERROR);
        assert_eq!(without_padding(padded, &[4, 0, 0, 0]).unwrap_err().code, ErrorCode::PROTOCOL_ERROR);
    }
}
