//! One direction of a connection without its sockets: when each chunk is due, and in which order.
//!
//! A chunk is due at its own arrival plus its delay, never before the chunk ahead of it. The end of the stream is an
//! item like the bytes before it. The queue is bounded by [`CAPACITY`]; the owner stops reading when it is full.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Moment;

#[cfg(test)]
mod tests;

/// When a queue costs this many bytes, reading stops until some are delivered.
pub(crate) const CAPACITY: usize = 256 * 1024;
/// What a chunk costs beside its bytes, so that many tiny chunks are bounded too.
pub(crate) const CHUNK_COST: usize = 64;
/// An empty queue keeps no more room than this many items.
const KEPT_ITEMS: usize = 8;

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// An orderly end.
    Fin,
    /// A reset, seen as a failed read.
    Reset,
}

/// When a chunk came, when it is due, and where in the stream it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) arrival: Moment,
    pub(crate) due: Moment,
    pub(crate) offset: u64,
}

/// What stands at the front of a queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Front<'a> {
    /// Bytes that are not delivered yet.
    Bytes(&'a [u8]),
    /// The end.
    End(End),
}

#[derive(Debug)]
enum Body {
    Bytes(Box<[u8]>),
    End(End),
}

#[derive(Debug)]
struct Item {
    stamp: Stamp,
    body: Body,
}

/// The items of one direction that are not delivered yet.
#[derive(Debug)]
pub(crate) struct Queue {
    items: VecDeque<Item>,
    /// How much of the front chunk is delivered.
    delivered_of_front: usize,
    cost: usize,
    last_due: Moment,
    /// The offset of the next byte that arrives.
    next_offset: u64,
}

impl Queue {
    pub(crate) const fn new() -> Self {
        Self {
            items: VecDeque::new(),
            delivered_of_front: 0,
            cost: 0,
            last_due: Moment::START,
            next_offset: 0,
        }
    }

    /// The offset of the next byte that arrives: what its delay is drawn by.
    pub(crate) const fn next_offset(&self) -> u64 {
        self.next_offset
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.cost >= CAPACITY
    }

    /// When the front item is due.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.items.front().map(|item| item.stamp.due)
    }

    /// Fixes when a chunk of `len` bytes that came at `arrival` is due, whether it will be queued or not.
    pub(crate) fn stamp(&mut self, arrival: Moment, len: usize, delay: Duration) -> Stamp {
        let due = (arrival + delay).max(self.last_due);
        self.last_due = due;
        let offset = self.next_offset;
        self.next_offset += len as u64;
        Stamp { arrival, due, offset }
    }

    /// Queues the bytes of a stamped chunk, or what is left of them.
    pub(crate) fn push(&mut self, stamp: Stamp, bytes: &[u8]) {
        self.cost += bytes.len() + CHUNK_COST;
        self.items.push_back(Item { stamp, body: Body::Bytes(bytes.into()) });
    }

    /// Queues the end.
    pub(crate) fn push_end(&mut self, stamp: Stamp, end: End) {
        self.items.push_back(Item { stamp, body: Body::End(end) });
    }

    /// The front item, when it is due.
    pub(crate) fn due_front(&self, now: Moment) -> Option<Front<'_>> {
        let item = self.items.front().filter(|item| item.stamp.due <= now)?;
        Some(match &item.body {
            Body::Bytes(bytes) => Front::Bytes(&bytes[self.delivered_of_front..]),
            Body::End(end) => Front::End(*end),
        })
    }

    /// Takes `len` delivered bytes off the front chunk, and the chunk with its last byte.
    pub(crate) fn delivered(&mut self, len: usize) {
        self.delivered_of_front += len;
        let Some(Item { body: Body::Bytes(bytes), .. }) = self.items.front() else { return };
        if self.delivered_of_front >= bytes.len() {
            self.cost -= bytes.len() + CHUNK_COST;
            self.delivered_of_front = 0;
            self.items.pop_front();
            self.release_room();
        }
    }

    /// Takes the delivered end off the front.
    pub(crate) fn end_delivered(&mut self) {
        if let Some(Item { body: Body::End(_), .. }) = self.items.front() {
            self.items.pop_front();
            self.release_room();
        }
    }

    /// Drops everything: the destination is gone.
    pub(crate) fn clear(&mut self) {
        self.items = VecDeque::new();
        self.delivered_of_front = 0;
        self.cost = 0;
    }

    /// Applies other delays to what waits: an item may become due earlier, never later and never out of order.
    ///
    /// A longer delay spares what is already under way, as a slower link spares a packet that has left.
    pub(crate) fn retime(&mut self, delay: impl Fn(u64) -> Duration) {
        let mut ahead = Moment::START;
        for item in &mut self.items {
            let anew = (item.stamp.arrival + delay(item.stamp.offset)).max(ahead);
            item.stamp.due = item.stamp.due.min(anew);
            ahead = item.stamp.due;
        }
        self.last_due = ahead;
    }

    /// A connection that was busy once keeps no memory for it.
    fn release_room(&mut self) {
        if self.items.is_empty() && self.items.capacity() > KEPT_ITEMS {
            self.items = VecDeque::new();
        }
    }
}
