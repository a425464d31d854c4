//! Pushes that could not be written at once: a bounded queue of messages, and the stream that they go on.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};
use shakedown_http2::{Connection, StreamId};

use super::wire::ENOUGH_UNSENT;

/// A queue with more bytes than this is busy (the real server's stream is, at 32 KiB).
const BUSY_BYTES: usize = 32 * 1024;

/// The most messages in the queue; small ones reach this first.
const MAX_MESSAGES: usize = 256;

/// The way out of a session.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The connection's stream, once a client has registered on one.
    stream: Option<StreamId>,
    messages: VecDeque<Bytes>,
    queued: usize,
}

impl Outbox {
    pub(super) const fn stream(&self) -> Option<StreamId> {
        self.stream
    }

    /// Makes a stream the connection's, unless it has a living one.
    pub(super) fn attach(&mut self, stream: StreamId) {
        self.stream.get_or_insert(stream);
    }

    /// The stream has ended.
    pub(super) fn detach(&mut self, stream: StreamId) {
        if self.stream == Some(stream) {
            *self = Self::default();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn is_busy(&self) -> bool {
        self.queued > BUSY_BYTES || self.messages.len() >= MAX_MESSAGES
    }

    pub(super) fn push(&mut self, message: &[u8]) {
        self.queued += message.len();
        self.messages.push_back(Bytes::copy_from_slice(message));
    }

    /// Moves messages into `out` as far as the client has room; whether only `out` is too full for more.
    pub(super) fn fill(&mut self, http2: &mut Connection, waiting: usize, out: &mut Vec<u8>) -> bool {
        let Some(stream) = self.stream else { return false };
        while let Some(message) = self.messages.front_mut() {
            if waiting + out.len() >= ENOUGH_UNSENT {
                return true;
            }
            let Ok(taken) = http2.send_data(stream, message, false, out) else {
                self.detach(stream);
                return false;
            };
            message.advance(taken);
            self.queued -= taken;
            if !message.is_empty() {
                return false;
            }
            self.messages.pop_front();
        }
        // An idle connection keeps no queue.
        self.messages = VecDeque::new();
        false
    }
}
