//! HTTP/2: frames in both directions, and what is done to those of a stream.
//!
//! Frames leave whole, so that something can be put between them at any time. What one end said and the other did not hear
//! is settled with the windows: the sender is given back what the receiver never will, and a receiver that heard more than
//! was sent gives less back.

mod down;
mod frame;
mod held;
mod streams;
mod up;

use std::collections::BTreeMap;

use self::frame::{CANCEL, INTERNAL_ERROR, RST_STREAM, Unit, WINDOW_UPDATE, go_away, numbered};
use self::held::Held;
use self::streams::{Answer, Call, StreamState};
use super::rules::{Acting, Rules};
use super::{Lost, Out, PREFACE};
use crate::clock::Moment;
use crate::toxics::answers::has;
use crate::toxics::{Kind, Stream};

/// A connection of HTTP/2.
#[derive(Debug)]
pub(super) struct Http2 {
    /// What has come of a frame, by direction.
    partial: [Vec<u8>; 2],
    has_preface: bool,
    streams: BTreeMap<u32, StreamState>,
    /// What waits, by direction.
    held: [Held; 2],
    stalled: Vec<Stalled>,
    /// What the client heard beyond what the upstream sent: so much less is given back.
    debt: u32,
}

/// A stall of the window.
#[derive(Debug)]
struct Stalled {
    by: Acting,
    has_held: bool,
}

impl Http2 {
    pub(super) const fn new() -> Self {
        Self {
            partial: [const { Vec::new() }; 2],
            has_preface: false,
            streams: BTreeMap::new(),
            held: [const { Held::new() }; 2],
            stalled: Vec::new(),
            debt: 0,
        }
    }

    pub(super) fn read(
        &mut self,
        stream: Stream,
        bytes: &[u8],
        (rules, now): (&mut Rules, Moment),
        out: &mut Out,
    ) -> Result<(), Lost> {
        let mut partial = std::mem::take(&mut self.partial[stream.index()]);
        partial.extend_from_slice(bytes);
        let mut rest = &partial[..];
        if stream == Stream::Up && !self.has_preface {
            let Some((preface, behind)) = rest.split_at_checked(PREFACE.len()) else {
                self.partial[stream.index()] = partial;
                return Ok(());
            };
            out.now(stream, preface);
            self.has_preface = true;
            rest = behind;
        }
        let read = loop {
            match Unit::first(rest) {
                Ok(Some(unit)) => {
                    rest = &rest[unit.bytes.len()..];
                    match stream {
                        Stream::Up => self.up(&unit, (rules, now), out),
                        Stream::Down => self.down(&unit, now, out),
                    }
                }
                Ok(None) => break Ok(()),
                Err(lost) => break Err(lost),
            }
        };
        self.partial[stream.index()] = rest.to_vec();
        read
    }

    /// Does what new toxics order at once, and lets go what others held.
    pub(super) fn adopt(&mut self, fresh: &[Acting], rules: &Rules, out: &mut Out) {
        self.stalled.retain(|stalled| rules.has(stalled.by.id));
        if self.stalled.is_empty() {
            self.held[Stream::Down.index()].release();
        }
        // An answer that was to be spoiled by a toxic that has gone passes, but what was asked instead is not what was asked.
        for state in self.streams.values_mut().filter(|state| !matches!(state.call, Call::Replaced)) {
            if matches!(&state.answer, Answer::Spoiled(by) if !rules.has(by.id)) {
                state.answer = Answer::Passes;
            }
        }
        for acting in fresh {
            match acting.kind() {
                Kind::GoAway(toxic) if self.has_live(&toxic.first) => {
                    acting.counts().could();
                    acting.counts().acted();
                    out.now(Stream::Down, &go_away());
                }
                Kind::RstStream(toxic) => self.reset_all(acting, &toxic.first, out),
                Kind::StalledWindow(toxic) if self.has_live(&toxic.first) => {
                    acting.counts().could();
                    self.stalled.push(Stalled { by: acting.clone(), has_held: false });
                }
                _ => {}
            }
        }
    }

    /// Whether a stream lives whose first message has these bytes.
    fn has_live(&self, first: &[u8]) -> bool {
        self.streams.values().any(|state| !state.is_reset && has(state.head(), first))
    }

    fn reset_all(&mut self, acting: &Acting, first: &[u8], out: &mut Out) {
        let live = self.streams.iter_mut().filter(|(_, state)| !state.is_reset && has(state.head(), first));
        for (id, state) in live {
            acting.counts().could();
            acting.counts().acted();
            reset(*id, state, out);
        }
    }

    /// Gives the client room for bytes that the upstream did not hear; of the stream too, if it goes on.
    fn give_back_up(stream: Option<u32>, bytes: usize, out: &mut Out) {
        give_back(Stream::Down, stream, bytes, out);
    }

    /// Gives the upstream room for bytes that the client did not hear.
    fn give_back_down(bytes: usize, out: &mut Out) {
        give_back(Stream::Up, None, bytes, out);
    }

    /// The client has left: what is held for it keeps the connection no longer.
    pub(super) fn forsaken(&mut self, out: &mut Out) {
        self.stalled.clear();
        let held = self.held[Stream::Down.index()].drain();
        out.now(Stream::Down, &held);
    }

    pub(super) fn tick(&mut self, now: Moment, out: &mut Out) {
        for stream in Stream::BOTH {
            while let Some(bytes) = self.held[stream.index()].pop(now) {
                out.now(stream, &bytes);
            }
        }
    }

    pub(super) fn due(&self) -> Moment {
        self.held[0].due().min(self.held[1].due())
    }

    pub(super) fn holds(&self, stream: Stream) -> bool {
        !self.held[stream.index()].is_empty()
    }

    pub(super) const fn held_bytes(&self, stream: Stream) -> usize {
        self.held[stream.index()].bytes()
    }

    /// Lets go whatever is held.
    pub(super) fn flush(&mut self, out: &mut Out) {
        for stream in Stream::BOTH {
            let held = self.held[stream.index()].drain();
            out.now(stream, &held);
            out.now(stream, &std::mem::take(&mut self.partial[stream.index()]));
        }
    }
}

/// Resets a stream towards both ends.
fn reset(id: u32, state: &mut StreamState, out: &mut Out) {
    state.is_reset = true;
    out.now(Stream::Down, &numbered(RST_STREAM, id, INTERNAL_ERROR));
    out.now(Stream::Up, &numbered(RST_STREAM, id, CANCEL));
}

fn give_back(to: Stream, stream: Option<u32>, bytes: usize, out: &mut Out) {
    let Ok(bytes @ 1..) = u32::try_from(bytes) else { return };
    for id in stream.into_iter().chain([0]) {
        out.now(to, &numbered(WINDOW_UPDATE, id, bytes));
    }
}
