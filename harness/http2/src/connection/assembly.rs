//! Frames out of bytes, however they were split.

use crate::error::Error;
use crate::frame::{HEAD_BYTES, Head, MAX_PAYLOAD};

/// The bytes of a frame that has not come whole.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    partial: Vec<u8>,
    /// Whether the frame in `partial` was given out and can be dropped.
    is_spent: bool,
}

/// Where a whole frame's payload lies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// In what was just received.
    Input(&'a [u8]),
    /// In what was put together: behind the head in [`Assembly::payload`].
    Assembled,
}

impl Assembly {
    /// The next whole frame; what is left of `input` otherwise is kept.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<(Head, Place<'a>)>, Error> {
        if self.is_spent {
            *self = Self::default();
        }
        if self.partial.is_empty() {
            let Some((head, rest)) = input.split_first_chunk::<HEAD_BYTES>() else {
                self.keep(input, input.len());
                return Ok(None);
            };
            let head = checked(Head::parse(head))?;
            let Some((payload, rest)) = rest.split_at_checked(head.length) else {
                self.partial.reserve_exact(HEAD_BYTES + head.length);
                self.keep(input, input.len());
                return Ok(None);
            };
            *input = rest;
            return Ok(Some((head, Place::Input(payload))));
        }
        self.keep(input, HEAD_BYTES.saturating_sub(self.partial.len()));
        let Some(head) = self.partial.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let head = checked(Head::parse(head))?;
        let missing = HEAD_BYTES + head.length - self.partial.len();
        self.partial.reserve_exact(missing);
        self.keep(input, missing);
        if self.partial.len() < HEAD_BYTES + head.length {
            return Ok(None);
        }
        self.is_spent = true;
        Ok(Some((head, Place::Assembled)))
    }

    /// The payload of the frame that [`Place::Assembled`] stands for, until the next call of [`Self::next`].
    pub(super) fn payload(&self) -> &[u8] {
        self.partial.get(HEAD_BYTES..).unwrap_or_default()
    }

    /// Takes the frame out, to be put back by [`Self::put_back`].
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }

    pub(super) fn put_back(&mut self, frame: Vec<u8>) {
        self.partial = frame;
    }

    /// How much memory it holds, in bytes.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.partial.capacity()
    }

    fn keep(&mut self, input: &mut &[u8], most: usize) {
        let (taken, rest) = input.split_at(most.min(input.len()));
        self.partial.extend_from_slice(taken);
        *input = rest;
    }
}

fn checked(head: Head) -> Result<Head, Error> {
    if head.length > MAX_PAYLOAD {
        return Err(Error::frame_size("a frame is longer than the 16,384 bytes that were announced"));
    }
    Ok(head)
}
