//! What is held of one direction, in order: DATA that waits, and what must not overtake it.
//!
//! Behind held DATA waits whatever else its stream says. Behind held fields wait all fields of the connection, for their
//! compression has a state that goes on in the order of sending. Frames of the connection itself never wait.

use std::collections::VecDeque;

use super::frame::{DATA, RST_STREAM, Unit};
use crate::clock::Moment;

#[derive(Debug)]
struct Waiting {
    /// Never, while the window is stalled.
    due: Moment,
    stream: u32,
    has_fields: bool,
    bytes: Vec<u8>,
}

/// Units in the order in which they came.
#[derive(Debug)]
pub(super) struct Held {
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

impl Held {
    pub(super) const fn new() -> Self {
        Self { waiting: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, unit: &Unit<'_>, due: Moment) {
        self.bytes += unit.bytes.len();
        let (stream, has_fields) = (unit.stream, unit.has_fields());
        self.waiting.push_back(Waiting { due, stream, has_fields, bytes: unit.bytes.to_vec() });
    }

    /// Whether a unit must wait behind what is held.
    pub(super) fn is_in_the_way_of(&self, unit: &Unit<'_>) -> bool {
        let is_of_stream = unit.has_fields() || matches!(unit.kind, DATA | RST_STREAM);
        is_of_stream
            && self
                .waiting
                .iter()
                .any(|held| held.stream == unit.stream || (held.has_fields && unit.has_fields()))
    }

    /// What was held for ever may go.
    pub(super) fn release(&mut self) {
        for held in self.waiting.iter_mut().filter(|held| held.due == Moment::NEVER) {
            held.due = Moment::START;
        }
    }

    /// When the first of it is due.
    pub(super) fn due(&self) -> Moment {
        self.waiting.front().map_or(Moment::NEVER, |held| held.due)
    }

    /// The next that is due.
    pub(super) fn pop(&mut self, now: Moment) -> Option<Vec<u8>> {
        let due = self.waiting.pop_front_if(|held| held.due <= now)?;
        self.bytes -= due.bytes.len();
        Some(due.bytes)
    }

    /// All of it, whenever it is due.
    pub(super) fn drain(&mut self) -> Vec<u8> {
        self.bytes = 0;
        self.waiting.drain(..).flat_map(|held| held.bytes).collect()
    }
}
