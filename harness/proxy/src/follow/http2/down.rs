//! What the upstream says.

use std::time::Duration;

use super::frame::{DATA, RST_STREAM, Unit, WINDOW_UPDATE, data};
use super::streams::{Answer, PREFIX, StreamState, message_length};
use super::{Http2, reset};
use crate::clock::Moment;
use crate::follow::Out;
use crate::toxics::Stream;
use crate::toxics::answers::With;

/// What becomes of a frame with content.
enum Sent {
    /// It passes as it is.
    AsIs,
    /// Other content takes its place, none of it perhaps.
    Other(Vec<u8>),
    /// It comes no sooner than this.
    Later(Moment),
    /// Other content takes its place, and then the stream breaks.
    Broken(Vec<u8>),
}

impl Http2 {
    pub(super) fn down(&mut self, unit: &Unit<'_>, now: Moment, out: &mut Out) {
        let state = self.streams.get_mut(&unit.stream);
        let is_reset = state.as_ref().is_some_and(|state| state.is_reset);
        match unit.kind {
            DATA if is_reset => return Self::give_back_down(unit.payload().len(), out),
            RST_STREAM | WINDOW_UPDATE if is_reset => return,
            DATA => {
                if let Some(state) = state {
                    match state.send(unit, now) {
                        Sent::AsIs => {}
                        Sent::Later(due) => return self.held[Stream::Down.index()].push(unit, due),
                        Sent::Other(content) => return self.instead(unit, &content, out),
                        Sent::Broken(content) => {
                            reset_behind(unit, &content, state, out);
                            return Self::give_back_down(unit.payload().len() - content.len(), out);
                        }
                    }
                }
            }
            _ => {}
        }
        self.pass(unit, out);
        let ends = unit.kind == RST_STREAM || (unit.has_fields() && unit.ends_stream());
        if (ends || (unit.kind == DATA && unit.ends_stream())) && !is_reset {
            self.streams.remove(&unit.stream);
        }
    }

    /// A frame leaves, or waits for what is ahead of it or for the window.
    fn pass(&mut self, unit: &Unit<'_>, out: &mut Out) {
        let held = &mut self.held[Stream::Down.index()];
        if unit.kind == DATA && !self.stalled.is_empty() {
            held.push(unit, Moment::NEVER);
            for stalled in self.stalled.iter_mut().filter(|stalled| !stalled.has_held) {
                stalled.has_held = true;
                stalled.by.counts().acted();
            }
        } else if held.is_in_the_way_of(unit) {
            held.push(unit, Moment::START);
        } else {
            out.now(Stream::Down, unit.bytes);
        }
    }

    /// Other content leaves in place of a frame's.
    fn instead(&mut self, unit: &Unit<'_>, content: &[u8], out: &mut Out) {
        let (sent, heard) = (unit.payload().len(), content.len());
        Self::give_back_down(sent.saturating_sub(heard), out);
        self.debt += u32::try_from(heard.saturating_sub(sent)).unwrap_or(0);
        let frames = data(unit.stream, content, unit.ends_stream());
        let mut rest = &frames[..];
        while let Ok(Some(unit)) = Unit::first(rest) {
            rest = &rest[unit.bytes.len()..];
            self.pass(&unit, out);
        }
    }
}

fn reset_behind(unit: &Unit<'_>, content: &[u8], state: &mut StreamState, out: &mut Out) {
    out.now(Stream::Down, &data(unit.stream, content, false));
    reset(unit.stream, state, out);
}

impl StreamState {
    /// What becomes of a frame of the answer.
    fn send(&mut self, unit: &Unit<'_>, now: Moment) -> Sent {
        let content = unit.content();
        match &mut self.answer {
            Answer::Passes => Sent::AsIs,
            Answer::Spoiled(_) => self.spoil(content, now),
            Answer::Over => Sent::Other(Vec::new()),
            Answer::Cut(left) => {
                let taken = content.len().min(*left);
                *left -= taken;
                Sent::Other(content[..taken].to_vec())
            }
            Answer::Garbled(left) => Sent::Other(garbled(content, left)),
            Answer::Slow(acting, due) => {
                *due = *due + taking(content, acting.answers().map_or(1, |answers| answers.rate));
                Sent::Later(*due)
            }
        }
    }

    /// What becomes of the first frame of an answer that is to be spoiled.
    fn spoil(&mut self, content: &[u8], now: Moment) -> Sent {
        let Answer::Spoiled(acting) = std::mem::take(&mut self.answer) else { return Sent::AsIs };
        let Some(answers) = acting.answers() else { return Sent::AsIs };
        let length = message_length(content);
        let sent = match (answers.with, length) {
            (With::Status, _) => {
                self.answer = Answer::Over;
                Sent::Other(answers.answer.clone())
            }
            (With::Truncated, _) => Sent::Broken(content[..content.len() / 2].to_vec()),
            (With::SlowBody, _) => {
                let due = now + taking(content, answers.rate);
                self.answer = Answer::Slow(acting.clone(), due);
                Sent::Later(due)
            }
            (With::WrongLength, Some(length)) => {
                let half = length / 2;
                let taken = content.len().min(half);
                self.answer = Answer::Cut(half - taken);
                Sent::Other(content[..taken].to_vec())
            }
            (With::Garbage, Some(_)) => {
                let mut left = PREFIX;
                let sent = garbled(content, &mut left);
                self.answer = Answer::Garbled(left);
                Sent::Other(sent)
            }
            (With::Slow | With::WrongLength | With::Garbage, _) => return Sent::AsIs,
        };
        acting.counts().acted();
        sent
    }
}

/// Content of which the first bytes are as they were.
fn garbled(content: &[u8], left: &mut usize) -> Vec<u8> {
    let kept = content.len().min(*left);
    *left -= kept;
    let mut out = content.to_vec();
    out[kept..].fill(0xff);
    out
}

/// How long content takes at so many bytes per second.
fn taking(content: &[u8], rate: u64) -> Duration {
    Duration::from_micros((content.len() as u64).saturating_mul(1_000_000) / rate.max(1))
}
