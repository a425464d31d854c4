//! HTTP/1.1: requests one after another, and what becomes of their answers (RFC 9112).
//!
//! A request is looked at when its head is whole. Answers are looked at only where they are to be spoiled; a request that
//! comes before the one ahead of it has any answer (pipelining) is let be, for its answer could not be told.

mod answer;
mod body;
mod head;

use std::time::Duration;

use self::answer::Spoiled;
use self::body::Framing;
use self::head::{Ended, Head};
use super::rules::{Acting, Rules};
use super::{Lost, Out};
use crate::clock::Moment;
use crate::toxics::Stream;
use crate::toxics::answers::{Answers, With};

/// A longer head is not followed any further.
const MAX_HEAD: usize = 64 * 1024;

/// A connection of HTTP/1.1.
#[derive(Debug)]
pub(super) struct Http1 {
    request: Request,
    /// What is awaited of an answer that is to be spoiled.
    spoiled: Option<Box<Spoiled>>,
    /// Whether the last request has had bytes of an answer, or there was none.
    is_answered: bool,
}

/// Where a client is within its request.
#[derive(Debug)]
enum Request {
    Head(Vec<u8>),
    Body(Framing, Fate),
}

/// What becomes of a request.
#[derive(Debug, Clone)]
enum Fate {
    Passes,
    /// It reaches the upstream no sooner than this.
    Late(Moment),
    /// It does not, and is answered by these bytes; whether the connection then ends.
    Denied(Vec<u8>, bool),
}

impl Http1 {
    pub(super) const fn new() -> Self {
        Self { request: Request::Head(Vec::new()), spoiled: None, is_answered: true }
    }

    /// An answer that was to be spoiled by a toxic that has gone passes as it comes.
    pub(super) fn adopt(&mut self, rules: &Rules, out: &mut Out) {
        if let Some(spoiled) = self.spoiled.take_if(|spoiled| !rules.has(spoiled.by())) {
            spoiled.pass(out);
        }
    }

    pub(super) fn read(
        &mut self,
        stream: Stream,
        bytes: &[u8],
        (rules, now): (&mut Rules, Moment),
        out: &mut Out,
    ) -> Result<(), Lost> {
        match stream {
            Stream::Up => self.asked(bytes, (rules, now), out),
            Stream::Down => {
                self.answered(bytes, now, out);
                Ok(())
            }
        }
    }

    fn asked(
        &mut self,
        mut bytes: &[u8],
        (rules, now): (&mut Rules, Moment),
        out: &mut Out,
    ) -> Result<(), Lost> {
        while !bytes.is_empty() {
            match &mut self.request {
                Request::Head(head) => {
                    let Some(taken) = head::complete(head, bytes) else {
                        return if head.len() > MAX_HEAD { Err(Lost) } else { Ok(()) };
                    };
                    bytes = &bytes[taken..];
                    let whole = std::mem::take(head);
                    let Some((framing, fate)) = self.begin(&whole, (rules, now)) else {
                        out.now(Stream::Up, &whole);
                        return Err(lost(bytes, out, None));
                    };
                    fate.forward(&whole, out);
                    self.request = Request::Body(framing, fate);
                }
                Request::Body(framing, fate) => {
                    let Ok(taken) = framing.take(bytes, &mut |_| {}) else {
                        let fate = fate.clone();
                        return Err(lost(bytes, out, Some(fate)));
                    };
                    fate.forward(&bytes[..taken], out);
                    bytes = &bytes[taken..];
                }
            }
            self.end_request(out);
        }
        Ok(())
    }

    /// Ends a request that is whole.
    fn end_request(&mut self, out: &mut Out) {
        let Request::Body(framing, fate) = &self.request else { return };
        if !framing.is_whole() {
            return;
        }
        if let Fate::Denied(answer, closes) = fate {
            out.now(Stream::Down, answer);
            if *closes {
                out.close(Stream::Down);
            }
        }
        self.request = Request::Head(Vec::new());
    }

    /// What becomes of the request with this head; `None` when it cannot be followed.
    fn begin(&mut self, head: &[u8], (rules, now): (&mut Rules, Moment)) -> Option<(Framing, Fate)> {
        let head = Head::parse(head)?;
        let (method, target) = head.request()?;
        if method == "CONNECT" || head.has("upgrade") {
            return None;
        }
        let framing = head.framing(Ended::AtHead)?;
        let is_alone = std::mem::replace(&mut self.is_answered, false) && self.spoiled.is_none();
        if rules.is_empty() || !is_alone || method == "HEAD" || head.has("expect") {
            return Some((framing, Fate::Passes));
        }
        let acting = rules.answer(|answers| answers.means_request(method, target));
        let fate = acting.map_or(Fate::Passes, |acting| self.spoil(acting, &head, now));
        if matches!(fate, Fate::Denied(..)) {
            self.is_answered = true;
        }
        Some((framing, fate))
    }

    fn spoil(&mut self, acting: Acting, head: &Head<'_>, now: Moment) -> Fate {
        let Some(answers) = acting.answers() else { return Fate::Passes };
        match answers.with {
            With::Status => {
                acting.counts().acted();
                let closes = head.closes();
                Fate::Denied(status(answers, closes), closes)
            }
            With::Slow => {
                acting.counts().acted();
                Fate::Late(now + Duration::from_millis(answers.delay))
            }
            With::SlowBody | With::Truncated | With::WrongLength | With::Garbage => {
                self.spoiled = Some(Box::new(Spoiled::new(acting)));
                Fate::Passes
            }
        }
    }

    fn answered(&mut self, bytes: &[u8], now: Moment, out: &mut Out) {
        self.is_answered = true;
        let Some(spoiled) = &mut self.spoiled else { return out.now(Stream::Down, bytes) };
        if spoiled.take(bytes, now, out) {
            self.spoiled = None;
        }
    }

    pub(super) fn ended(&mut self, stream: Stream, now: Moment, out: &mut Out) {
        match stream {
            Stream::Up => self.flush_request(out),
            Stream::Down => {
                if let Some(mut spoiled) = self.spoiled.take() {
                    spoiled.ended(now, out);
                }
            }
        }
    }

    /// Lets go whatever is held.
    pub(super) fn flush(&mut self, out: &mut Out) {
        self.flush_request(out);
        if let Some(spoiled) = self.spoiled.take() {
            spoiled.pass(out);
        }
    }

    fn flush_request(&mut self, out: &mut Out) {
        if let Request::Head(head) = &mut self.request {
            out.now(Stream::Up, &std::mem::take(head));
        }
    }
}

impl Fate {
    fn forward(&self, bytes: &[u8], out: &mut Out) {
        match self {
            Self::Passes => out.now(Stream::Up, bytes),
            Self::Late(at) if !bytes.is_empty() => out.at(Stream::Up, *at, bytes),
            Self::Late(_) | Self::Denied(..) => {}
        }
    }
}

/// The rest of what cannot be read passes as what came before it did.
fn lost(rest: &[u8], out: &mut Out, fate: Option<Fate>) -> Lost {
    fate.unwrap_or(Fate::Passes).forward(rest, out);
    Lost
}

/// An answer that the upstream never gave.
fn status(answers: &Answers, closes: bool) -> Vec<u8> {
    let reason = http::StatusCode::from_u16(answers.status).ok();
    let reason = reason.and_then(|status| status.canonical_reason()).unwrap_or("Spoiled");
    let connection = if closes { "connection: close\r\n" } else { "" };
    let (status, body) = (answers.status, &answers.body);
    let length = body.len();
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\n{connection}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
