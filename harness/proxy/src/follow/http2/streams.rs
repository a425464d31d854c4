//! What is remembered of a stream while it lives.

use super::frame::HEAD_BYTES;
use crate::clock::Moment;
use crate::follow::HEAD_OF_MESSAGE;
use crate::follow::rules::Acting;

/// What gRPC puts before each message: a flag, and four bytes of length.
pub(super) const PREFIX: usize = 5;

/// A stream that the client opened.
#[derive(Debug, Default)]
pub(super) struct StreamState {
    /// The first bytes of what the client says on it.
    head: Vec<u8>,
    pub(super) call: Call,
    pub(super) answer: Answer,
    pub(super) messages: Messages,
    /// A toxic has reset it: what still comes of it is left out.
    pub(super) is_reset: bool,
}

/// What becomes of what the client says.
#[derive(Debug, Default)]
pub(super) enum Call {
    /// Not known yet: these frames wait until it is.
    #[default]
    Undecided,
    Waits(Vec<u8>),
    Passes,
    /// It reaches the upstream no sooner than this.
    Late(Moment),
    /// Something else was said in its place.
    Replaced,
}

/// What becomes of the answer.
#[derive(Debug, Default)]
pub(super) enum Answer {
    #[default]
    Passes,
    /// To be spoiled as this says.
    Spoiled(Acting),
    /// Its rest is left out.
    Over,
    /// So many more bytes pass, and the rest is left out.
    Cut(usize),
    /// So many more bytes pass as they are, and the rest without a meaning.
    Garbled(usize),
    /// It comes at a rate: when its last byte is due.
    Slow(Acting, Moment),
}

impl StreamState {
    /// Takes in what the client says; whether enough of it has come to tell what it is.
    pub(super) fn hear(&mut self, content: &[u8], ends: bool) -> bool {
        let room = HEAD_OF_MESSAGE - self.head.len();
        self.head.extend_from_slice(&content[..content.len().min(room)]);
        let is_whole = message_length(&self.head).is_some_and(|length| self.head.len() >= length);
        ends || is_whole || self.head.len() == HEAD_OF_MESSAGE
    }

    /// The first bytes of its first message.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }
}

/// How long the message that these bytes begin with is, prefix included.
pub(super) fn message_length(bytes: &[u8]) -> Option<usize> {
    let [_, length @ ..] = bytes.first_chunk::<PREFIX>()?;
    usize::try_from(u32::from_be_bytes(*length)).ok()?.checked_add(PREFIX)
}

/// Where messages begin in what the client says.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// What has come of a prefix.
    prefix: Vec<u8>,
    /// What is left of the message under way.
    left: usize,
}

impl Messages {
    /// What is left of a DATA frame's content when messages of which `is_swallowed` are taken out of it. Only messages
    /// that lie whole in the frame are asked for.
    pub(super) fn sift(&mut self, content: &[u8], is_swallowed: &mut dyn FnMut(&[u8]) -> bool) -> Vec<u8> {
        let mut kept = Vec::with_capacity(content.len() + HEAD_BYTES);
        let mut rest = content;
        while !rest.is_empty() {
            if self.left == 0 && self.prefix.is_empty() {
                let whole = message_length(rest).and_then(|length| rest.split_at_checked(length));
                if let Some((message, behind)) = whole {
                    if !is_swallowed(message) {
                        kept.extend_from_slice(message);
                    }
                    rest = behind;
                    continue;
                }
            }
            let taken = self.step(rest);
            kept.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
        }
        kept
    }

    /// Follows some of the content on.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.left > 0 {
            let taken = self.left.min(bytes.len());
            self.left -= taken;
            return taken;
        }
        let taken = (PREFIX - self.prefix.len()).min(bytes.len());
        self.prefix.extend_from_slice(&bytes[..taken]);
        if let Some(length) = message_length(&self.prefix) {
            self.left = length - PREFIX;
            self.prefix = Vec::new();
        }
        taken
    }
}
