//! Unary calls: one HTTP/2 stream each, one message each way, a status in the trailers.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};
use shakedown_http2::{Connection, ErrorCode, Event as Http2, Fields, OpenError, StreamId};

use super::drive::{Arrival, broken_off, stream_of};
use super::transport::Transport;
use super::{CallId, Event, Reply, RpcError};
use crate::grpc::frame::Decoder;
use crate::grpc::payload::UNARY_PATH;

/// The calls of a connection, oldest first.
#[derive(Default)]
pub(super) struct Calls {
    unsent: VecDeque<Call>,
    sent: Vec<SentCall>,
}

/// A call that was not begun.
pub(super) struct Call {
    id: CallId,
    frame: Bytes,
    message_bytes: usize,
}

/// A call with a stream.
struct SentCall {
    id: CallId,
    stream: StreamId,
    /// What the peer had no room for.
    rest: Bytes,
    decoder: Decoder,
    reply: Option<Reply>,
}

/// What the codec is told after an event.
pub(super) enum After {
    Nothing,
    /// The room of so many bytes is given back.
    Release(StreamId, usize),
    /// The stream is not needed any more; of no effect where both sides have ended it.
    BreakOff(StreamId),
}

impl Call {
    pub(super) const fn new(id: CallId, frame: Bytes, message_bytes: usize) -> Self {
        Self { id, frame, message_bytes }
    }
}

impl Calls {
    pub(super) fn len(&self) -> usize {
        self.unsent.len() + self.sent.len()
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    pub(super) fn push(&mut self, call: Call) {
        self.unsent.push_back(call);
    }

    /// Forgets a call and breaks its stream off.
    pub(super) fn cancel(&mut self, id: CallId, transport: &mut Transport) {
        self.unsent.retain(|call| call.id != id);
        self.sent.retain(|call| {
            if call.id == id {
                transport.http2.reset(call.stream, ErrorCode::CANCEL, &mut transport.unsent);
            }
            call.id != id
        });
        self.shrink();
    }

    /// Begins what was not begun, and goes on with what was not sent whole.
    pub(super) fn send(
        &mut self,
        http2: &mut Connection,
        origin: Origin<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        for call in self.sent.iter_mut().filter(|call| !call.rest.is_empty()) {
            call.send_rest(http2, out);
        }
        while let Some(call) = self.unsent.front_mut() {
            let stream = http2.request(&request(origin, UNARY_PATH), false, out)?;
            let mut sent = SentCall {
                id: call.id,
                stream,
                rest: std::mem::take(&mut call.frame),
                decoder: Decoder::with_limit(call.message_bytes),
                reply: None,
            };
            sent.send_rest(http2, out);
            self.sent.push(sent);
            self.unsent.pop_front();
        }
        Ok(())
    }

    /// Takes what came for one of them; what belongs to none was given up and is dropped.
    pub(super) fn on_event(&mut self, event: Http2<'_>, arrival: &mut Arrival<'_>) -> After {
        let Some(stream) = stream_of(&event) else { return After::Nothing };
        let Some(place) = self.sent.iter().position(|call| call.stream == stream) else {
            return After::Nothing;
        };
        let bytes = if let Http2::Data { bytes, .. } = &event { bytes.len() } else { 0 };
        let result = match self.sent[place].on_event(event, arrival) {
            // The message's own limit bounds what a call holds.
            Ok(None) => return After::Release(stream, bytes),
            Ok(Some(reply)) => Ok(reply),
            Err(error) => Err(error),
        };
        let call = self.sent.remove(place).id;
        self.shrink();
        arrival.ready.push_back(Event::Replied { call, result });
        After::BreakOff(stream)
    }

    /// Forgets the calls that the peer will not look at.
    pub(super) fn refuse_above(&mut self, last: StreamId, mut refused: impl FnMut(CallId)) {
        self.sent.retain(|call| {
            if call.stream > last {
                refused(call.id);
            }
            call.stream <= last
        });
        self.shrink();
    }

    /// An idle connection keeps no list.
    fn shrink(&mut self) {
        if self.sent.is_empty() {
            self.sent = Vec::new();
        }
        if self.unsent.is_empty() {
            self.unsent = VecDeque::new();
        }
    }
}

impl SentCall {
    fn send_rest(&mut self, http2: &mut Connection, out: &mut Vec<u8>) {
        match http2.send_data(self.stream, &self.rest, true, out) {
            Ok(taken) => self.rest.advance(taken),
            // Its end is on its way to us.
            Err(_) => self.rest = Bytes::new(),
        }
    }

    /// The reply once it is whole.
    fn on_event(&mut self, event: Http2<'_>, arrival: &Arrival<'_>) -> Result<Option<Reply>, RpcError> {
        let ends = match event {
            Http2::Head { fields, ends, .. } => {
                check_head(&fields)?;
                ends
            }
            Http2::Data { bytes, ends, .. } => {
                self.decoder.push(bytes);
                if self.reply.is_none()
                    && let Some(payload) = self.decoder.next_payload()?
                {
                    self.reply = Some(Reply { payload, received: arrival.received });
                }
                ends
            }
            Http2::Trailers { fields, .. } => {
                check_status(&fields)?;
                true
            }
            Http2::Reset { code, by, .. } => return Err(RpcError::BrokenOff(broken_off(code, by))),
            Http2::GoAway { .. } => false,
        };
        if !ends {
            return Ok(None);
        }
        self.decoder.finish()?;
        self.reply.take().ok_or(RpcError::Empty).map(Some)
    }
}

/// What a request calls the server.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) scheme: &'a str,
    pub(super) authority: &'a str,
}

/// The head of every request.
pub(super) const fn request<'a>(origin: Origin<'a>, path: &'a str) -> [(&'a str, &'a str); 6] {
    [
        (":method", "POST"),
        (":scheme", origin.scheme),
        (":path", path),
        (":authority", origin.authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
}

/// Checks the head of an answer; a call that fails at once has its status there.
pub(super) fn check_head(head: &Fields) -> Result<(), RpcError> {
    match head.text(":status").and_then(|status| status.parse().ok()).unwrap_or_default() {
        200 => check_status(head),
        status => Err(RpcError::HttpStatus(status)),
    }
}

/// Checks `grpc-status`, where there is one.
pub(super) fn check_status(fields: &Fields) -> Result<(), RpcError> {
    match fields.text("grpc-status") {
        None | Some("0") => Ok(()),
        Some(code) => Err(RpcError::Status {
            code: code.parse().unwrap_or(2),
            message: fields.text("grpc-message").unwrap_or_default().to_owned(),
        }),
    }
}
