//! What the tap is told of one connection.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use super::Connection;
use crate::shard::pump::{Direction, Step};
use crate::tap::{Ender, Seen, Sight, Tap};
use crate::toxics::Stream;

/// What is kept of a connection for the tap.
pub(super) struct Tapped {
    tap: Arc<dyn Tap>,
    /// Bytes delivered, by direction.
    bytes: [Cell<u64>; 2],
    has_ended: Cell<bool>,
}

impl Tapped {
    pub(super) fn new(tap: &Arc<dyn Tap>) -> Box<Self> {
        Box::new(Self { tap: Arc::clone(tap), bytes: Default::default(), has_ended: Cell::new(false) })
    }
}

impl Connection {
    fn tell(&self, tapped: &Tapped, seen: Seen) {
        let sight = Sight { proxy: &self.link.spec.name, connection: self.number, at: Instant::now(), seen };
        tapped.tap.see(&sight);
    }

    pub(super) fn tell_accepted(&self) {
        if let Some(tapped) = &self.tapped {
            self.tell(tapped, Seen::Accepted { from: self.client.peer_addr().ok() });
        }
    }

    /// One side has ended the connection; only the first to do so counts.
    pub(in crate::shard) fn tell_ended(&self, by: Ender) {
        let Some(tapped) = &self.tapped else { return };
        if !tapped.has_ended.replace(true) {
            let [up_bytes, down_bytes] = [&tapped.bytes[0], &tapped.bytes[1]].map(Cell::get);
            self.tell(tapped, Seen::Ended { by, up_bytes, down_bytes });
        }
    }

    /// A direction had its turn, and what it delivered is not counted yet.
    pub(super) fn tell_pumped(&self, tapped: &Tapped, stream: Stream, direction: &Direction, step: &Step) {
        let bytes = &tapped.bytes[stream.index()];
        if direction.moved > 0 {
            let before = bytes.replace(bytes.get() + direction.moved as u64);
            if before == 0 && stream == Stream::Down && !tapped.has_ended.get() {
                self.tell(tapped, Seen::Answered);
            }
        }
        let (source, destination) = match stream {
            Stream::Up => (Ender::Client, Ender::Upstream),
            Stream::Down => (Ender::Upstream, Ender::Client),
        };
        if direction.has_source_ended {
            self.tell_ended(source);
        }
        match step {
            Step::Pending | Step::Reset => {}
            Step::Close => self.tell_ended(Ender::Proxy),
            Step::DestinationGone => self.tell_ended(destination),
        }
    }

    /// Whether the client may leave without a read that finds it.
    pub(in crate::shard) fn may_leave_unseen(&self) -> bool {
        self.tapped.as_ref().is_some_and(|tapped| !tapped.has_ended.get())
            && (!self.has_upstream() || self.holds(Stream::Up))
    }
}
