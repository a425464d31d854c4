//! Lines from a pipe, of a limited length.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use crate::protocol::MAX_LINE_BYTES;

/// What is read from the pipe at once.
const BUFFER: usize = 256 << 10;

/// The lines of a stream.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    number: u64,
    limit: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(stream: R) -> Self {
        Self::limited(stream, MAX_LINE_BYTES)
    }

    fn limited(stream: R, limit: usize) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER, stream), line: Vec::new(), number: 0, limit }
    }

    /// The number of the line that was read last, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its end; `None` at the end of the stream. A last line without an end is one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        self.number += 1;
        self.line.clear();
        let most = u64::try_from(self.limit + 1).unwrap_or(u64::MAX);
        let read = (&mut self.reader).take(most).read_until(b'\n', &mut self.line).await;
        read.map_err(|error| error.to_string())?;
        if self.line.is_empty() {
            return Ok(None);
        }
        let has_end = self.line.last() == Some(&b'\n');
        if has_end {
            self.line.pop();
        } else if self.line.len() > self.limit {
            return Err(format!("it is longer than {} bytes", self.limit));
        }
        Ok(Some(std::mem::take(&mut self.line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_counted_and_limited() {
        let mut lines = Lines::limited(&b"one\n\n12345\nlast"[..], 5);
        for expected in ["one", "", "12345", "last"] {
            assert_eq!(lines.next().await, Ok(Some(expected.as_bytes().to_vec())));
        }
        assert_eq!((lines.number(), lines.next().await), (4, Ok(None)));
        let mut long = Lines::limited(&b"one\n123456\n"[..], 5);
        assert!(long.next().await.is_ok());
        assert!(long.next().await.unwrap_err().contains("longer than 5 bytes"));
        assert_eq!(long.number(), 2);
    }
}
