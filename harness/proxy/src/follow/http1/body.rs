//! Where a body ends: by its length, by its chunks, or with the connection (RFC 9112 §6 and §7.1).

/// A longer line between chunks is none.
const MAX_LINE: usize = 16 * 1024;

/// How a body is framed, and how far it is.
#[derive(Debug)]
pub(super) enum Framing {
    /// So many bytes to come.
    Length(u64),
    Chunked(Chunks),
    UntilClose,
}

/// The chunks of a body.
#[derive(Debug)]
pub(super) enum Chunks {
    /// Within the line that says how long the next chunk is.
    Size(Vec<u8>),
    /// So many bytes of it to come, and then the line's end.
    Data(u64),
    /// Within the end of the line behind a chunk: so many bytes to come.
    Gap(u8),
    /// Within the fields behind the last chunk.
    Trailer(Vec<u8>),
    Whole,
}

/// Bytes that no body has there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Framing {
    pub(super) const fn chunked() -> Self {
        Self::Chunked(Chunks::Size(Vec::new()))
    }

    pub(super) const fn is_whole(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunks::Whole))
    }

    /// How many of the bytes belong to the body; its content goes to `content`.
    pub(super) fn take(&mut self, bytes: &[u8], content: &mut dyn FnMut(&[u8])) -> Result<usize, Malformed> {
        match self {
            Self::Length(left) => {
                let taken = part(*left, bytes);
                *left -= taken as u64;
                content(&bytes[..taken]);
                Ok(taken)
            }
            Self::UntilClose => {
                content(bytes);
                Ok(bytes.len())
            }
            Self::Chunked(chunks) => {
                let mut taken = 0;
                while taken < bytes.len() && !matches!(chunks, Chunks::Whole) {
                    taken += chunks.take(&bytes[taken..], content)?;
                }
                Ok(taken)
            }
        }
    }
}

/// How many of the bytes are among the next `left`.
fn part(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()))
}

impl Chunks {
    fn take(&mut self, bytes: &[u8], content: &mut dyn FnMut(&[u8])) -> Result<usize, Malformed> {
        match self {
            Self::Size(line) => {
                let (taken, is_whole) = add_line(line, bytes)?;
                if is_whole {
                    let text = std::str::from_utf8(line).map_err(|_| Malformed)?;
                    let digits = text.split(';').next().unwrap_or_default().trim();
                    let size = u64::from_str_radix(digits, 16).map_err(|_| Malformed)?;
                    *self = if size == 0 { Self::Trailer(Vec::new()) } else { Self::Data(size) };
                }
                Ok(taken)
            }
            Self::Data(left) => {
                let taken = part(*left, bytes);
                *left -= taken as u64;
                content(&bytes[..taken]);
                if *left == 0 {
                    *self = Self::Gap(2);
                }
                Ok(taken)
            }
            Self::Gap(left) => {
                let is = if *left == 2 { b'\r' } else { b'\n' };
                if bytes.first() != Some(&is) {
                    return Err(Malformed);
                }
                *self = if *left == 2 { Self::Gap(1) } else { Self::Size(Vec::new()) };
                Ok(1)
            }
            Self::Trailer(line) => {
                let (taken, is_whole) = add_line(line, bytes)?;
                if is_whole {
                    let is_last = line == b"\r\n";
                    *self = if is_last { Self::Whole } else { Self::Trailer(Vec::new()) };
                }
                Ok(taken)
            }
            Self::Whole => Ok(0),
        }
    }
}

/// Adds bytes to a line until its end: how many, and whether it is whole.
fn add_line(line: &mut Vec<u8>, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let taken = end.map_or(bytes.len(), |at| at + 1);
    line.extend_from_slice(&bytes[..taken]);
    if line.len() > MAX_LINE || (end.is_some() && !line.ends_with(b"\r\n")) {
        return Err(Malformed);
    }
    Ok((taken, end.is_some()))
}
