//! The streams of a connection that have not ended both ways.

use super::{NoStream, StreamId};
use crate::error::{Error, ErrorCode};
use crate::frame::{self, MAX_WINDOW};

/// How many streams are remembered that this end broke off: what the peer sent before it knew is let pass.
const REMEMBERED: usize = 4;

/// One stream.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    /// What may still be sent; below zero after the peer has lowered its settings.
    pub(super) send_window: i64,
    /// What the peer may still send; below zero after our own settings have lowered it.
    pub(super) receive_window: i64,
    /// What was taken and has not been given back.
    pub(super) released: u32,
    /// Whether the head has come.
    pub(super) has_head: bool,
    pub(super) is_local_closed: bool,
    pub(super) is_remote_closed: bool,
}

/// The streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: Vec<Stream>,
    /// The highest stream that was opened, by the client.
    pub(super) highest: u32,
    broken_off: [u32; REMEMBERED],
}

/// A stream that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// It has ended.
    Closed,
    /// This end broke it off not long ago.
    BrokenOff,
    /// It was never opened.
    Idle,
}

impl Streams {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn get(&mut self, id: StreamId) -> Result<&mut Stream, Missing> {
        match self.open.iter().position(|stream| stream.id == id) {
            Some(place) => Ok(&mut self.open[place]),
            None => Err(self.missing(id)),
        }
    }

    /// The stream, unless this end has ended it or both have.
    pub(super) fn sendable(&mut self, id: StreamId) -> Result<&mut Stream, NoStream> {
        self.open.iter_mut().find(|stream| stream.id == id && !stream.is_local_closed).ok_or(NoStream)
    }

    fn missing(&self, id: StreamId) -> Missing {
        if self.broken_off.contains(&id.0) {
            Missing::BrokenOff
        } else if id.0 % 2 == 1 && id.0 <= self.highest {
            Missing::Closed
        } else {
            // Even ones are a server's, and no server may open any here.
            Missing::Idle
        }
    }

    /// Adds a stream above all others.
    pub(super) fn open(&mut self, id: StreamId, send_window: u32, receive_window: u32) -> &mut Stream {
        self.highest = id.0;
        self.open.push(Stream {
            id,
            send_window: i64::from(send_window),
            receive_window: i64::from(receive_window),
            released: 0,
            has_head: false,
            is_local_closed: false,
            is_remote_closed: false,
        });
        self.open.last_mut().expect("it was just pushed")
    }

    /// Drops it if it has ended both ways.
    pub(super) fn drop_if_closed(&mut self, id: StreamId) {
        self.retain(|stream| stream.id != id || !stream.is_local_closed || !stream.is_remote_closed);
    }

    /// Drops it; whether there was one.
    pub(super) fn remove(&mut self, id: StreamId) -> bool {
        let before = self.open.len();
        self.retain(|stream| stream.id != id);
        self.open.len() < before
    }

    /// Drops it and remembers that this end broke it off.
    pub(super) fn break_off(&mut self, id: StreamId) -> bool {
        self.broken_off.rotate_right(1);
        self.broken_off[0] = id.0;
        self.remove(id)
    }

    /// Drops those above `last`.
    pub(super) fn drop_above(&mut self, last: StreamId) {
        self.retain(|stream| stream.id <= last);
    }

    /// Changes every stream's send window by as much as the peer's settings did (RFC 9113 §6.9.2).
    pub(super) fn shift_send_windows(&mut self, by: i64) -> Result<(), Error> {
        for stream in &mut self.open {
            stream.send_window += by;
            if stream.send_window > i64::from(MAX_WINDOW) {
                return Err(Error::flow_control("new settings make a stream's window too large"));
            }
        }
        Ok(())
    }

    /// Changes every stream's receive window by as much as our settings did, which the peer has just begun to follow.
    /// What was released before may be a portion of the new window.
    pub(super) fn shift_receive_windows(&mut self, window: u32, by: i64, out: &mut Vec<u8>) {
        for stream in &mut self.open {
            stream.receive_window += by;
            stream.give_back(window, out);
        }
    }

    fn retain(&mut self, keep: impl FnMut(&Stream) -> bool) {
        self.open.retain(keep);
        if self.open.is_empty() {
            self.open = Vec::new();
        }
    }
}

impl Stream {
    /// Tells the peer of released room once it is more than half of the `window`.
    pub(super) fn give_back(&mut self, window: u32, out: &mut Vec<u8>) {
        if self.released > window / 2 && !self.is_remote_closed {
            self.receive_window += i64::from(self.released);
            frame::write_window_update(out, self.id.0, self.released);
            self.released = 0;
        }
    }

    /// The peer has given room for more.
    pub(super) fn widen(&mut self, by: u32) -> Result<(), ErrorCode> {
        let widened = self.send_window + i64::from(by);
        if widened > i64::from(MAX_WINDOW) {
            return Err(ErrorCode::FLOW_CONTROL_ERROR);
        }
        self.send_window = widened;
        Ok(())
    }
}
