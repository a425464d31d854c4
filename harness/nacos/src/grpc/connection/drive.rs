//! One step of a connection: write what waits, read once, and queue what that means.

use std::task::{Context, Poll, ready};

use shakedown_http2::{ErrorCode, Event as Http2, OpenError, ResetBy, StreamId};
use tokio::time::Instant;

use super::call::{After, Origin};
use super::stream::Stream;
use super::transport::{Read, with_scratch};
use super::{Event, GrpcConnection, RpcError};
use crate::socket::{End, EndCause};

impl GrpcConnection {
    /// Moves bytes both ways, each as far as one go takes them. Whatever one read brought is decoded here and now, so
    /// that it carries that read's instant.
    pub(super) fn step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        with_scratch(|scratch| {
            let room = self.has_room();
            let (calls, stream, end) = (&mut self.calls, &mut self.stream, &mut self.end);
            let peer = &self.peer;
            self.transport.write(cx, scratch, |http2, out| {
                let opens = calls.has_unsent() || stream.as_deref().is_some_and(Stream::is_unopened);
                let authority = if opens { peer.authority() } else { String::new() };
                let origin = Origin { scheme: peer.scheme(), authority: &authority };
                let mut opened = Ok(());
                if let Some(stream) = stream {
                    // The stream goes first: the setup before the calls that need it, an ack before what it leads to.
                    opened = stream.send(http2, origin, room, out);
                }
                match opened.and_then(|()| calls.send(http2, origin, out)) {
                    Ok(()) | Err(OpenError::TooMany(_)) => {}
                    Err(OpenError::GoingAway | OpenError::Exhausted) => *end = Some(goodbye()),
                }
            });
            if self.end.is_some() {
                return Poll::Ready(());
            }
            match ready!(self.transport.read(cx, scratch)) {
                Read::Ended(end) => self.end = Some(end),
                Read::Bytes(bytes) => {
                    let received = self.transport.last_read();
                    let (input, out) = scratch.halves(bytes);
                    self.receive(input, received, out);
                    self.transport.unsent.append(out);
                    if self.end.is_some() {
                        // The peer is told why, if its socket takes it.
                        self.transport.write(cx, scratch, |_, _| {});
                    }
                }
            }
            Poll::Ready(())
        })
    }

    /// Whether pushes may be taken; otherwise the peer is held back by the stream's window.
    fn has_room(&self) -> bool {
        self.ready.len() < 2 * self.limits.pending
    }

    fn receive(&mut self, mut input: &[u8], received: Instant, out: &mut Vec<u8>) {
        while self.end.is_none() {
            let has_room = self.has_room();
            let event = match self.transport.http2.next_event(&mut input, out) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    self.end = Some(End { cause: EndCause::Protocol, text: error.to_string() });
                    return;
                }
            };
            let mut arrival = Arrival { received, ready: &mut self.ready };
            match (event, &mut self.stream) {
                (Http2::GoAway { last, code }, _) => self.on_go_away(last, code),
                (event, Some(stream)) if stream.is(&event) => {
                    self.end = stream.on_event(&event, &mut arrival).err();
                    if has_room {
                        stream.release(&mut self.transport.http2, out);
                    }
                }
                (event, _) => match self.calls.on_event(event, &mut arrival) {
                    After::Nothing => {}
                    After::Release(stream, bytes) => self.transport.http2.release(stream, bytes, out),
                    After::BreakOff(stream) => self.transport.http2.reset(stream, ErrorCode::CANCEL, out),
                },
            }
        }
        let http2 = &self.transport.http2;
        if self.end.is_none() && http2.is_going_away() && http2.open_streams() == 0 {
            self.end = Some(goodbye());
        }
    }

    fn on_go_away(&mut self, last: StreamId, code: ErrorCode) {
        if code != ErrorCode::NO_ERROR {
            let text = format!("the peer gave the connection up ({code})");
            self.end = Some(End { cause: EndCause::Protocol, text });
            return;
        }
        let ready = &mut self.ready;
        self.calls.refuse_above(last, |call| {
            let result = Err(RpcError::BrokenOff("the peer did not look at it".to_owned()));
            ready.push_back(Event::Replied { call, result });
        });
        if self.stream.as_ref().is_some_and(|stream| stream.is_above(last)) {
            self.end = Some(goodbye());
        }
    }
}

/// Where what has arrived goes.
pub(super) struct Arrival<'a> {
    pub(super) received: Instant,
    pub(super) ready: &'a mut std::collections::VecDeque<Event>,
}

pub(super) fn goodbye() -> End {
    End { cause: EndCause::Closed, text: "the peer said goodbye".to_owned() }
}

/// The words for a stream that was broken off.
pub(super) fn broken_off(code: ErrorCode, by: ResetBy) -> String {
    match by {
        ResetBy::Peer => format!("the peer reset the stream ({code})"),
        ResetBy::Us => format!("the peer broke HTTP/2 on the stream ({code})"),
    }
}

/// The stream that an event is of.
pub(super) const fn stream_of(event: &Http2<'_>) -> Option<StreamId> {
    match event {
        Http2::Head { stream, .. }
        | Http2::Data { stream, .. }
        | Http2::Trailers { stream, .. }
        | Http2::Reset { stream, .. } => Some(*stream),
        Http2::GoAway { .. } => None,
    }
}
