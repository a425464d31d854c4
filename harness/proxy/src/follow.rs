//! Following HTTP on a connection, without sockets: requests of HTTP/1.1 and frames of HTTP/2 are told apart as they pass,
//! so that a toxic can act on them at any time.
//!
//! Which of the two is spoken is told by the client's first bytes; what is neither passes untouched, and so does what is
//! malformed, from there on. Of HTTP/2 only frames are read: compressed fields pass in their order, whatever is done to the
//! frames around them, and what is added or left out is settled with both ends' windows. Bytes go in ([`Follower::read`]),
//! and what is to be delivered comes out for both directions ([`Follower::take`]), perhaps later.

mod http1;
mod http2;
mod rules;

use std::sync::Arc;

use shakedown_model::Seed;

use self::http1::Http1;
use self::http2::Http2;
use self::rules::Rules;
use crate::clock::Moment;
use crate::queue::End;
use crate::toxics::{Mask, Stream, ToxicSet};

/// How much of a message is looked at to tell what it is.
pub(crate) const HEAD_OF_MESSAGE: usize = 256;

/// The most that is held of one direction; beyond it, no more is read.
const HELD_BYTES: usize = 1024 * 1024;

/// What a client says first in HTTP/2 (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Something to deliver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Bytes, no sooner than this.
    Bytes(Moment, Vec<u8>),
    /// The connection's end in order, ordered by a toxic.
    Close,
}

/// What is to be delivered, by direction.
#[derive(Debug, Default)]
struct Out([Vec<Piece>; 2]);

impl Out {
    /// Delivers bytes at once, or as soon as what is ahead of them.
    fn now(&mut self, stream: Stream, bytes: &[u8]) {
        if let Some(Piece::Bytes(Moment::START, last)) = self.0[stream.index()].last_mut() {
            last.extend_from_slice(bytes);
        } else if !bytes.is_empty() {
            self.at(stream, Moment::START, bytes);
        }
    }

    fn at(&mut self, stream: Stream, at: Moment, bytes: &[u8]) {
        self.0[stream.index()].push(Piece::Bytes(at, bytes.to_vec()));
    }

    fn close(&mut self, stream: Stream) {
        self.0[stream.index()].push(Piece::Close);
    }
}

/// What is spoken on the connection.
#[derive(Debug)]
enum Spoken {
    /// The client has not said; what both have said so far, if it may be HTTP/2.
    Unknown([Vec<u8>; 2]),
    Http1(Http1),
    Http2(Http2),
    /// Neither, or what cannot be read.
    Other,
}

/// The bytes cannot be read any further; what they were is in the output.
#[derive(Debug, PartialEq, Eq)]
struct Lost;

/// Follows one connection.
#[derive(Debug)]
pub(crate) struct Follower {
    spoken: Spoken,
    rules: Rules,
    out: Out,
}

impl Follower {
    pub(crate) fn new() -> Self {
        Self { spoken: Spoken::Unknown(Default::default()), rules: Rules::default(), out: Out::default() }
    }

    /// Goes over to other toxics; what they order at once is in the output.
    pub(crate) fn adopt(&mut self, set: &Arc<ToxicSet>, mask: Mask, connection: Seed) {
        let fresh = self.rules.adopt(set, mask, connection);
        match &mut self.spoken {
            Spoken::Http1(http1) => http1.adopt(&self.rules, &mut self.out),
            Spoken::Http2(http2) => http2.adopt(&fresh, &self.rules, &mut self.out),
            Spoken::Unknown(_) | Spoken::Other => {}
        }
    }

    /// Takes what one side has said.
    pub(crate) fn read(&mut self, stream: Stream, bytes: &[u8], now: Moment) {
        if let Spoken::Unknown(said) = &mut self.spoken {
            said[stream.index()].extend_from_slice(bytes);
            let said = std::mem::take(said);
            self.recognise(said, now);
            return;
        }
        let read = match &mut self.spoken {
            Spoken::Http1(http1) => http1.read(stream, bytes, (&mut self.rules, now), &mut self.out),
            Spoken::Http2(http2) => http2.read(stream, bytes, (&mut self.rules, now), &mut self.out),
            Spoken::Unknown(_) | Spoken::Other => {
                self.out.now(stream, bytes);
                Ok(())
            }
        };
        if read == Err(Lost) {
            self.lose();
        }
    }

    /// Tells what is spoken by what was said first, and takes that.
    fn recognise(&mut self, said: [Vec<u8>; 2], now: Moment) {
        let [up, down] = &said;
        // A server of HTTP/2 need not wait for its client: its SETTINGS may come first.
        let is_settings = down.iter().skip(3).zip([4, 0, 0, 0, 0, 0]).all(|(byte, is)| *byte == is);
        let asks = up.first().is_some_and(u8::is_ascii_uppercase);
        self.spoken = if PREFACE.starts_with(&up[..up.len().min(PREFACE.len())]) && is_settings {
            if up.len() < PREFACE.len() && down.len() < HELD_BYTES {
                self.spoken = Spoken::Unknown(said);
                return;
            }
            Spoken::Http2(Http2::new())
        } else if asks && down.is_empty() {
            Spoken::Http1(Http1::new())
        } else {
            Spoken::Other
        };
        for stream in Stream::BOTH {
            self.read(stream, &said[stream.index()], now);
        }
    }

    /// From here on all passes untouched.
    fn lose(&mut self) {
        match std::mem::replace(&mut self.spoken, Spoken::Other) {
            Spoken::Unknown(said) => {
                Stream::BOTH.into_iter().for_each(|stream| self.out.now(stream, &said[stream.index()]));
            }
            Spoken::Http1(mut http1) => http1.flush(&mut self.out),
            Spoken::Http2(mut http2) => http2.flush(&mut self.out),
            Spoken::Other => {}
        }
    }

    /// One side has ended; whether the end may pass now. Else it comes behind what is held.
    pub(crate) fn ended(&mut self, stream: Stream, end: End, now: Moment) -> bool {
        match &mut self.spoken {
            Spoken::Http1(http1) => http1.ended(stream, now, &mut self.out),
            Spoken::Unknown(_) => self.lose(),
            Spoken::Http2(http2) => {
                if stream == Stream::Up {
                    http2.forsaken(&mut self.out);
                }
                // A reset takes what is held with it.
                return end == End::Reset || !http2.holds(stream);
            }
            Spoken::Other => {}
        }
        true
    }

    /// Lets go what is due.
    pub(crate) fn tick(&mut self, now: Moment) {
        if let Spoken::Http2(http2) = &mut self.spoken {
            http2.tick(now, &mut self.out);
        }
    }

    /// When something is due.
    pub(crate) fn due(&self) -> Moment {
        match &self.spoken {
            Spoken::Http2(http2) => http2.due(),
            _ => Moment::NEVER,
        }
    }

    /// Whether something of this direction is held.
    pub(crate) fn holds(&self, stream: Stream) -> bool {
        matches!(&self.spoken, Spoken::Http2(http2) if http2.holds(stream))
    }

    /// Whether so much of this direction is held that no more should be read.
    pub(crate) fn is_full(&self, stream: Stream) -> bool {
        matches!(&self.spoken, Spoken::Http2(http2) if http2.held_bytes(stream) > HELD_BYTES)
    }

    /// Whether anything is to be delivered.
    pub(crate) fn has_out(&self) -> bool {
        self.out.0.iter().any(|pieces| !pieces.is_empty())
    }

    /// What is to be delivered in this direction.
    pub(crate) fn take(&mut self, stream: Stream) -> Vec<Piece> {
        std::mem::take(&mut self.out.0[stream.index()])
    }
}

#[cfg(test)]
mod tests;
