//! What the client says.

use std::time::Duration;

use super::Http2;
use super::frame::{DATA, HEADERS, RST_STREAM, Unit, WINDOW_UPDATE, data, numbered};
use super::streams::{Answer, Call, StreamState};
use crate::clock::Moment;
use crate::follow::Out;
use crate::follow::rules::Rules;
use crate::toxics::Stream;
use crate::toxics::answers::With;

impl Http2 {
    pub(super) fn up(&mut self, unit: &Unit<'_>, (rules, now): (&mut Rules, Moment), out: &mut Out) {
        match unit.kind {
            HEADERS => {
                self.streams.entry(unit.stream).or_default();
                out.now(Stream::Up, unit.bytes);
            }
            DATA => self.said(unit, (rules, now), out),
            RST_STREAM => self.broken_off(unit, out),
            WINDOW_UPDATE => self.gave_back(unit, out),
            _ => out.now(Stream::Up, unit.bytes),
        }
    }

    fn said(&mut self, unit: &Unit<'_>, (rules, now): (&mut Rules, Moment), out: &mut Out) {
        let Some(state) = self.streams.get_mut(&unit.stream) else { return out.now(Stream::Up, unit.bytes) };
        if state.is_reset {
            return Self::give_back_up(None, unit.payload().len(), out);
        }
        if rules.swallows_any() && matches!(state.call, Call::Passes) {
            return sift(unit, state, rules, out);
        }
        state.messages.sift(unit.content(), &mut |_| false);
        let is_told = state.hear(unit.content(), unit.ends_stream());
        match &mut state.call {
            Call::Undecided if !rules.spoils_answers() => {
                state.call = Call::Passes;
                out.now(Stream::Up, unit.bytes);
            }
            Call::Undecided => state.call = Call::Waits(unit.bytes.to_vec()),
            Call::Waits(frames) => frames.extend_from_slice(unit.bytes),
            Call::Passes => out.now(Stream::Up, unit.bytes),
            Call::Late(due) => self.held[Stream::Up.index()].push(unit, *due),
            Call::Replaced => {
                out.now(Stream::Up, &data(unit.stream, &[], unit.ends_stream()));
                Self::give_back_up(None, unit.payload().len(), out);
            }
        }
        if is_told && matches!(state.call, Call::Waits(_)) {
            self.decide(unit, (rules, now), out);
        }
    }

    /// Says what becomes of a call of which enough has come; `last` is its last frame so far.
    fn decide(&mut self, last: &Unit<'_>, (rules, now): (&mut Rules, Moment), out: &mut Out) {
        let Some(state) = self.streams.get_mut(&last.stream) else { return };
        let Call::Waits(frames) = std::mem::replace(&mut state.call, Call::Passes) else { return };
        let acting = rules.answer(|answers| answers.means_call(state.head()));
        let Some(acting) = acting else { return out.now(Stream::Up, &frames) };
        let Some(answers) = acting.answers() else { return };
        match answers.with {
            With::Status => {
                let sent = units(&frames).map(|unit| unit.payload().len()).sum::<usize>();
                // What the upstream hears in its place must have room in the client's window.
                if answers.ask.len() > sent {
                    return out.now(Stream::Up, &frames);
                }
                state.call = Call::Replaced;
                out.now(Stream::Up, &data(last.stream, &answers.ask, last.ends_stream()));
                Self::give_back_up(None, sent - answers.ask.len(), out);
                state.answer = Answer::Spoiled(acting);
            }
            With::Slow => {
                let due = now + Duration::from_millis(answers.delay);
                acting.counts().acted();
                state.call = Call::Late(due);
                units(&frames).for_each(|unit| self.held[Stream::Up.index()].push(&unit, due));
            }
            With::SlowBody | With::Truncated | With::WrongLength | With::Garbage => {
                state.answer = Answer::Spoiled(acting);
                out.now(Stream::Up, &frames);
            }
        }
    }

    /// The client resets a stream: what waits of it is not wanted any more.
    fn broken_off(&mut self, unit: &Unit<'_>, out: &mut Out) {
        let Some(state) = self.streams.get_mut(&unit.stream) else { return out.now(Stream::Up, unit.bytes) };
        if state.is_reset {
            return;
        }
        if let Call::Waits(frames) = std::mem::replace(&mut state.call, Call::Passes) {
            out.now(Stream::Up, &frames);
        }
        let held = &mut self.held[Stream::Up.index()];
        if held.is_in_the_way_of(unit) {
            held.push(unit, Moment::START);
        } else {
            out.now(Stream::Up, unit.bytes);
        }
        self.streams.remove(&unit.stream);
    }

    /// The client gives room back, less what it heard beyond what the upstream sent.
    fn gave_back(&mut self, unit: &Unit<'_>, out: &mut Out) {
        if self.streams.get(&unit.stream).is_some_and(|state| state.is_reset) {
            return;
        }
        let less = if unit.stream == 0 { self.debt.min(unit.number()) } else { 0 };
        if less == 0 {
            return out.now(Stream::Up, unit.bytes);
        }
        self.debt -= less;
        if unit.number() > less {
            out.now(Stream::Up, &numbered(WINDOW_UPDATE, 0, unit.number() - less));
        }
    }
}

/// Lets a frame pass without the messages that are swallowed.
fn sift(unit: &Unit<'_>, state: &mut StreamState, rules: &mut Rules, out: &mut Out) {
    let content = unit.content();
    let kept = state.messages.sift(content, &mut |message| rules.swallows(message));
    if kept.len() == content.len() {
        return out.now(Stream::Up, unit.bytes);
    }
    out.now(Stream::Up, &data(unit.stream, &kept, unit.ends_stream()));
    Http2::give_back_up(Some(unit.stream), unit.payload().len() - kept.len(), out);
}

/// Whole frames, one after another.
fn units(mut bytes: &[u8]) -> impl Iterator<Item = Unit<'_>> {
    std::iter::from_fn(move || {
        let unit = Unit::first(bytes).ok()??;
        bytes = &bytes[unit.bytes.len()..];
        Some(unit)
    })
}
