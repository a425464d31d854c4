//! gRPC's length-prefixed frames: one flag byte, four bytes of length, the message.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost::Message as _;

use crate::grpc::payload::Payload;

/// The largest message in either direction (facts §2.1), in bytes.
pub const MAX_MESSAGE_BYTES: usize = 10 * 1024 * 1024;

const HEAD_BYTES: usize = 5;

/// Why bytes are not a frame with a payload.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The flag says that the message is compressed, which Nacos never does.
    #[error("frame has flag {0}, only 0 (not compressed) is spoken")]
    Flag(u8),
    /// The length is above the limit.
    #[error("message of {bytes} bytes is above the limit of {limit}")]
    TooLarge {
        /// What the frame announces.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The message is not a payload.
    #[error("message is not a payload")]
    Protobuf(#[from] prost::DecodeError),
    /// The stream ended within a frame.
    #[error("stream ended {0} bytes into a frame")]
    CutShort(usize),
}

/// The frame of `payload`.
///
/// # Errors
/// [`FrameError::TooLarge`] above [`MAX_MESSAGE_BYTES`].
pub fn encode(payload: &Payload) -> Result<Bytes, FrameError> {
    let mut frame = Vec::new();
    encode_into(payload, &mut frame)?;
    Ok(frame.into())
}

/// Appends the frame of `payload`; nothing, when it fails.
///
/// # Errors
/// [`FrameError::TooLarge`] above [`MAX_MESSAGE_BYTES`].
pub fn encode_into(payload: &Payload, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let bytes = payload.encoded_len();
    let too_large = FrameError::TooLarge { bytes, limit: MAX_MESSAGE_BYTES };
    if bytes > MAX_MESSAGE_BYTES {
        return Err(too_large);
    }
    let length = u32::try_from(bytes).map_err(|_| too_large)?;
    out.reserve_exact(HEAD_BYTES + bytes);
    out.put_u8(0);
    out.put_u32(length);
    payload.encode(out).expect("a Vec grows");
    Ok(())
}

/// Cuts received bytes into payloads, however they were split.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    limit: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_limit(MAX_MESSAGE_BYTES)
    }
}

impl Decoder {
    /// A decoder that refuses messages of more than `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), limit }
    }

    /// Takes received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole payload, or `None` until more bytes come. After an error the stream is of no more use.
    ///
    /// # Errors
    /// Any [`FrameError`] but [`FrameError::CutShort`]; arbitrary bytes never panic.
    pub fn next_payload(&mut self) -> Result<Option<Payload>, FrameError> {
        let Some((head, _)) = self.buffer.split_first_chunk::<HEAD_BYTES>() else {
            return Ok(None);
        };
        let [flag, length @ ..] = *head;
        if flag != 0 {
            return Err(FrameError::Flag(flag));
        }
        let bytes = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if bytes > self.limit {
            return Err(FrameError::TooLarge { bytes, limit: self.limit });
        }
        if self.buffer.len() < HEAD_BYTES + bytes {
            self.buffer.reserve(HEAD_BYTES + bytes - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(HEAD_BYTES);
        let message = self.buffer.split_to(bytes).freeze();
        if self.buffer.is_empty() {
            // An idle connection keeps no buffer.
            self.buffer = BytesMut::new();
        }
        Ok(Some(Payload::decode(message)?))
    }

    /// Checks that the stream ended between frames.
    ///
    /// # Errors
    /// [`FrameError::CutShort`] otherwise.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.buffer.is_empty() { Ok(()) } else { Err(FrameError::CutShort(self.buffer.len())) }
    }
}

#[cfg(test)]
mod tests;
