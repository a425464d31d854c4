//! An answer that is to be spoiled: it is gathered, and leaves as something else.

use std::time::Duration;

use super::MAX_HEAD;
use super::body::Framing;
use super::head::{self, Ended, Head};
use crate::clock::Moment;
use crate::follow::Out;
use crate::follow::rules::Acting;
use crate::toxics::Stream;
use crate::toxics::answers::With;

/// A longer answer is not spoiled.
const MAX_ANSWER: usize = 1024 * 1024;
/// A slow body leaves in so many portions each second.
const PORTIONS: u64 = 10;
/// From one portion to the next.
const PERIOD: Duration = Duration::from_millis(100);
/// Garbage is no shorter.
const LEAST_GARBAGE: usize = 16;

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Spoiled {
    acting: Acting,
    /// As it came, but for interim answers, which have passed.
    raw: Vec<u8>,
    /// How long its head is, once it is whole.
    head: Option<(usize, Framing)>,
    body: Vec<u8>,
}

impl Spoiled {
    pub(super) const fn new(acting: Acting) -> Self {
        Self { acting, raw: Vec::new(), head: None, body: Vec::new() }
    }

    /// The number of the toxic that is to spoil it.
    pub(super) const fn by(&self) -> u32 {
        self.acting.id
    }

    /// Takes what came of it; whether it is done, and what came behind it has passed.
    pub(super) fn take(&mut self, bytes: &[u8], now: Moment, out: &mut Out) -> bool {
        let mut bytes = bytes;
        while self.head.is_none() {
            let Some(taken) = head::complete(&mut self.raw, bytes) else {
                return self.raw.len() > MAX_HEAD && self.give_up(&[], out);
            };
            bytes = &bytes[taken..];
            let Some(head) = Head::parse(&self.raw) else { return self.give_up(bytes, out) };
            match head.status() {
                Some(status) if (100..200).contains(&status) && status != 101 => {
                    out.now(Stream::Down, &std::mem::take(&mut self.raw));
                }
                Some(status) if status != 101 => {
                    let has_no_body = matches!(status, 204 | 304);
                    let framing =
                        if has_no_body { Some(Framing::Length(0)) } else { head.framing(Ended::AtClose) };
                    let Some(framing) = framing else { return self.give_up(bytes, out) };
                    self.head = Some((self.raw.len(), framing));
                }
                _ => return self.give_up(bytes, out),
            }
        }
        let Some((_, framing)) = &mut self.head else { return false };
        let body = &mut self.body;
        let Ok(taken) = framing.take(bytes, &mut |content| body.extend_from_slice(content)) else {
            return self.give_up(bytes, out);
        };
        let is_whole = framing.is_whole();
        self.raw.extend_from_slice(&bytes[..taken]);
        if self.raw.len() > MAX_ANSWER {
            return self.give_up(&bytes[taken..], out);
        }
        if is_whole {
            self.leave(now, out);
            out.now(Stream::Down, &bytes[taken..]);
        }
        is_whole
    }

    /// The upstream has ended.
    pub(super) fn ended(&mut self, now: Moment, out: &mut Out) {
        if let Some((_, Framing::UntilClose)) = self.head {
            self.leave(now, out);
        } else {
            out.now(Stream::Down, &self.raw);
        }
    }

    /// As it came.
    pub(super) fn pass(&self, out: &mut Out) {
        out.now(Stream::Down, &self.raw);
    }

    /// It passes as it came, and what came behind it.
    fn give_up(&self, rest: &[u8], out: &mut Out) -> bool {
        self.pass(out);
        out.now(Stream::Down, rest);
        true
    }

    /// It is whole: it leaves as what it is made.
    fn leave(&self, now: Moment, out: &mut Out) {
        let head = self.head.as_ref().and_then(|(length, _)| Head::parse(&self.raw[..*length]));
        let (Some(head), Some(answers)) = (head, self.acting.answers()) else { return self.pass(out) };
        let (body, half) = (&self.body, self.body.len() / 2);
        if body.is_empty() && matches!(answers.with, With::WrongLength | With::SlowBody) {
            return self.pass(out);
        }
        match answers.with {
            With::Truncated => {
                out.now(Stream::Down, &head.with_length(body.len()));
                out.now(Stream::Down, &body[..half]);
                out.close(Stream::Down);
            }
            With::WrongLength => {
                out.now(Stream::Down, &head.with_length(half));
                out.now(Stream::Down, &body[..half]);
            }
            With::Garbage => {
                let garbage: Vec<u8> =
                    [0xff, b'%'].into_iter().cycle().take(body.len().max(LEAST_GARBAGE)).collect();
                out.now(Stream::Down, &head.with_length(garbage.len()));
                out.now(Stream::Down, &garbage);
            }
            With::SlowBody => {
                out.now(Stream::Down, &head.with_length(body.len()));
                let portion = usize::try_from(answers.rate / PORTIONS).unwrap_or(usize::MAX).max(1);
                let mut at = now;
                for some in body.chunks(portion) {
                    at = at + PERIOD;
                    out.at(Stream::Down, at, some);
                }
            }
            With::Status | With::Slow => return self.pass(out),
        }
        self.acting.counts().acted();
    }
}
