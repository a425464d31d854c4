//! How the stream between the harness and a worker is cut into frames.
//!
//! A frame is `length u32 · kind u8 · CRC-32 u32` (little endian; the checksum is of the kind and the body), then the body.

use std::io::{self, ErrorKind, Read, Write};

/// A frame's body is no longer: a plan with a long trace takes a few megabytes, a block of the history 256 KiB.
const BODY_LIMIT: usize = 64 << 20;
const HEADER_BYTES: usize = 9;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message, in JSON.
    Message,
    /// A block of the history, as it stands in the file.
    Block,
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Self::Message => 1,
            Self::Block => 2,
        }
    }

    const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Message),
            2 => Some(Self::Block),
            _ => None,
        }
    }
}

/// A stream that is no stream of frames, or that broke off within one.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// It ended within a frame.
    #[error("it broke off within a frame")]
    Cut,
    /// A frame does not match its checksum.
    #[error("it sent a damaged frame")]
    Damaged,
    /// A frame is longer than any may be.
    #[error("it announced a frame of {0} bytes, and 64 MiB is the limit")]
    TooLong(usize),
    /// A kind of frame that this version does not know.
    #[error("it sent a frame of the unknown kind {0}")]
    UnknownKind(u8),
    /// The stream could not be read.
    #[error("it cannot be heard: {0}")]
    Io(#[from] io::Error),
}

/// Writes one frame, whose body is `parts` behind each other.
pub(super) fn write(to: &mut impl Write, kind: Kind, parts: &[&[u8]]) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(length)
        .ok()
        .filter(|length| *length as usize <= BODY_LIMIT)
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "a frame of more than 64 MiB"))?;
    let mut frame = Vec::with_capacity(HEADER_BYTES + length as usize);
    frame.extend(length.to_le_bytes());
    frame.push(kind.number());
    frame.extend(checksum(kind.number(), parts).to_le_bytes());
    parts.iter().for_each(|part| frame.extend(*part));
    to.write_all(&frame)
}

/// Reads the next frame; `None` when the stream ended between two.
pub(super) fn read(from: &mut impl Read) -> Result<Option<(Kind, Vec<u8>)>, FrameError> {
    let mut header = [0; HEADER_BYTES];
    if !begins(from, &mut header)? {
        return Ok(None);
    }
    let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
    let (length, number, expected) = (word(0) as usize, header[4], word(5));
    if length > BODY_LIMIT {
        return Err(FrameError::TooLong(length));
    }
    let kind = Kind::of(number).ok_or(FrameError::UnknownKind(number))?;
    let mut body = vec![0; length];
    from.read_exact(&mut body).map_err(cut)?;
    if checksum(number, &[&body]) != expected {
        return Err(FrameError::Damaged);
    }
    Ok(Some((kind, body)))
}

/// Reads a header; false when not a byte of it came.
fn begins(from: &mut impl Read, header: &mut [u8; HEADER_BYTES]) -> Result<bool, FrameError> {
    loop {
        match from.read(&mut header[..1]) {
            Ok(0) => return Ok(false),
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A peer that was killed leaves what it did not read, and the stream is reset over that.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    from.read_exact(&mut header[1..]).map_err(cut)?;
    Ok(true)
}

fn cut(error: io::Error) -> FrameError {
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => FrameError::Cut,
        _ => error.into(),
    }
}

fn checksum(kind: u8, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, Kind::Message, &[b"{}"]).unwrap();
        write(&mut bytes, Kind::Block, &[b"head", b"body"]).unwrap();
        bytes
    }

    #[test]
    fn frames_come_back_in_order_and_the_stream_may_end_between_them() {
        let bytes = two();
        let mut from = bytes.as_slice();
        assert_eq!(read(&mut from).unwrap(), Some((Kind::Message, b"{}".to_vec())));
        assert_eq!(read(&mut from).unwrap(), Some((Kind::Block, b"headbody".to_vec())));
        assert_eq!(read(&mut from).unwrap(), None);
    }

    #[test]
    fn a_frame_that_breaks_off_anywhere_is_cut() {
        let bytes = two();
        let first = HEADER_BYTES + 2;
        for end in (1..bytes.len()).filter(|end| *end != first) {
            let mut from = &bytes[..end];
            if end > first {
                read(&mut from).unwrap();
            }
            assert!(matches!(read(&mut from), Err(FrameError::Cut)), "cut after {end} bytes");
        }
    }

    #[test]
    fn a_flipped_bit_is_never_taken_for_a_frame() {
        for at in 0..HEADER_BYTES + 2 {
            for bit in 0..8 {
                let mut bytes = two();
                bytes[at] ^= 1 << bit;
                let found = read(&mut bytes.as_slice());
                assert!(found.is_err(), "byte {at}, bit {bit}: {found:?}");
            }
        }
    }

    #[test]
    fn a_stranger_is_told_from_a_worker() {
        let long = [&u32::MAX.to_le_bytes()[..], &[1, 0, 0, 0, 0]].concat();
        assert!(matches!(read(&mut long.as_slice()), Err(FrameError::TooLong(_))));
        let unknown = [&2_u32.to_le_bytes()[..], &[9, 0, 0, 0, 0, 1, 1]].concat();
        assert!(matches!(read(&mut unknown.as_slice()), Err(FrameError::UnknownKind(9))));
    }
}
