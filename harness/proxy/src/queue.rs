//! One direction of a connection without its sockets: when each chunk is due, and in which order.
//!
//! A chunk is due when its chain of toxics lets it go, never before the chunk ahead of it. The end of the stream is an
//! item like the bytes before it. The queue is bounded by [`CAPACITY`]; the owner stops reading when it is full.

use std::collections::VecDeque;

use crate::clock::Moment;
use crate::toxics::{Load, Parcel};

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
    /// An orderly end of both directions, ordered by a toxic.
    Close,
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
    arrival: Moment,
    due: Moment,
    /// The place of its first byte in the stream.
    offset: u64,
    body: Body,
}

impl Item {
    fn len(&self) -> usize {
        self.body.len()
    }
}

impl Body {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::End(_) => 0,
        }
    }
}

/// The items of one direction that are not delivered yet.
#[derive(Debug)]
pub(crate) struct Queue {
    items: VecDeque<Item>,
    /// How much of the front chunk is delivered.
    delivered_of_front: usize,
    cost: usize,
    /// The offset of the next byte that arrives.
    next_offset: u64,
}

impl Queue {
    pub(crate) const fn new() -> Self {
        Self { items: VecDeque::new(), delivered_of_front: 0, cost: 0, next_offset: 0 }
    }

    /// Counts `len` bytes that arrived, and tells the offset of the first: what is drawn for them is drawn by it.
    pub(crate) const fn arrived(&mut self, len: usize) -> u64 {
        let offset = self.next_offset;
        self.next_offset += len as u64;
        offset
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.cost >= CAPACITY
    }

    /// When the front item is due.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.items.front().map(|item| item.due)
    }

    /// When the last item is due.
    pub(crate) fn last_due(&self) -> Option<Moment> {
        self.items.back().map(|item| item.due)
    }

    /// The bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        let all: usize = self.items.iter().map(Item::len).sum();
        all - self.delivered_of_front
    }

    /// Queues what a chain let go: `bytes` are those of the parcel, none for an end.
    pub(crate) fn push(&mut self, parcel: Parcel, bytes: &[u8]) {
        let body = match parcel.load {
            Load::Bytes(_) => {
                self.cost += bytes.len() + CHUNK_COST;
                Body::Bytes(bytes.into())
            }
            Load::End(end) => Body::End(end),
        };
        let due = self.last_due().map_or(parcel.at, |ahead| parcel.at.max(ahead));
        self.items.push_back(Item { arrival: parcel.since, due, offset: parcel.offset, body });
    }

    /// The front item, when it is due.
    pub(crate) fn due_front(&self, now: Moment) -> Option<Front<'_>> {
        let item = self.items.front().filter(|item| item.due <= now)?;
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

    /// Sends what waits through a changed chain: an item may become due earlier, be cut or dropped, but becomes due
    /// never later and never out of order.
    ///
    /// A longer delay spares what is already under way, as a slower link spares a packet that has left.
    pub(crate) fn resend(&mut self, mut send: impl FnMut(Parcel, &mut dyn FnMut(Parcel))) {
        let waiting = std::mem::take(&mut self.items);
        let mut delivered = std::mem::take(&mut self.delivered_of_front);
        self.cost = 0;
        for Item { arrival, due, offset, body } in waiting {
            let (parcel, bytes) = match &body {
                Body::End(end) => (Parcel::end(arrival, offset, *end), &[][..]),
                Body::Bytes(bytes) => {
                    let bytes = &bytes[std::mem::take(&mut delivered)..];
                    let from = offset + (body.len() - bytes.len()) as u64;
                    (Parcel::bytes(arrival, from, bytes.len()), bytes)
                }
            };
            let mut taken = 0;
            send(parcel, &mut |anew| {
                let from = taken;
                if let Load::Bytes(len) = anew.load {
                    taken += len;
                }
                // It counts from its arrival whenever it is sent again.
                self.push(Parcel { since: arrival, at: anew.at.min(due), ..anew }, &bytes[from..taken]);
            });
        }
    }

    /// A connection that was busy once keeps no memory for it.
    fn release_room(&mut self) {
        if self.items.is_empty() && self.items.capacity() > KEPT_ITEMS {
            self.items = VecDeque::new();
        }
    }
}
