//! The connection's one bidirectional stream.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};
use shakedown_http2::{Connection, ErrorCode, Event as Http2, OpenError, ResetBy, StreamId};

use super::call::{Origin, check_head, check_status, request};
use super::drive::{Arrival, broken_off, stream_of};
use super::{Event, RpcError};
use crate::grpc::frame::Decoder;
use crate::grpc::payload::STREAM_PATH;
use crate::socket::{End, EndCause};

/// The stream.
pub(super) struct Stream {
    id: Option<StreamId>,
    outbox: VecDeque<Bytes>,
    decoder: Decoder,
    /// Bytes received whose room the peer was not given back.
    withheld: usize,
}

impl Stream {
    pub(super) fn new(first: Bytes, message_bytes: usize) -> Self {
        let decoder = Decoder::with_limit(message_bytes);
        Self { id: None, outbox: VecDeque::from([first]), decoder, withheld: 0 }
    }

    pub(super) const fn is_unopened(&self) -> bool {
        self.id.is_none()
    }

    /// Whether an event is of this stream.
    pub(super) fn is(&self, event: &Http2<'_>) -> bool {
        self.id.is_some() && self.id == stream_of(event)
    }

    pub(super) fn is_above(&self, last: StreamId) -> bool {
        self.id.is_some_and(|id| id > last)
    }

    pub(super) fn unsent(&self) -> usize {
        self.outbox.len()
    }

    pub(super) fn queue(&mut self, frame: Bytes) {
        self.outbox.push_back(frame);
    }

    /// Opens it if need be, gives room back if there `is_room`, and sends as much as the peer's window takes. A stream
    /// that can send no more is left alone: its receiving side says why.
    pub(super) fn send(
        &mut self,
        http2: &mut Connection,
        origin: Origin<'_>,
        is_room: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let id = match self.id {
            Some(id) => id,
            None => *self.id.insert(http2.request(&request(origin, STREAM_PATH), false, out)?),
        };
        if is_room {
            self.release(http2, out);
        }
        while let Some(frame) = self.outbox.front_mut() {
            let Ok(taken) = http2.send_data(id, frame, false, out) else { return Ok(()) };
            frame.advance(taken);
            if !frame.is_empty() {
                return Ok(());
            }
            self.outbox.pop_front();
        }
        // An idle connection keeps no queue.
        self.outbox = VecDeque::new();
        Ok(())
    }

    /// Gives the peer room for as much as it has sent.
    pub(super) fn release(&mut self, http2: &mut Connection, out: &mut Vec<u8>) {
        if let (Some(id), 1..) = (self.id, self.withheld) {
            http2.release(id, std::mem::take(&mut self.withheld), out);
        }
    }

    /// Queues the payloads that have come whole; the end of the stream is that of the connection.
    pub(super) fn on_event(&mut self, event: &Http2<'_>, arrival: &mut Arrival<'_>) -> Result<(), End> {
        let ends = match event {
            Http2::Head { fields, ends, .. } => {
                check_head(fields).map_err(|error| from_status(&error))?;
                *ends
            }
            Http2::Data { bytes, ends, .. } => {
                self.withheld += bytes.len();
                self.decoder.push(bytes);
                while let Some(payload) = self
                    .decoder
                    .next_payload()
                    .map_err(|error| ended(EndCause::Protocol, error.to_string()))?
                {
                    arrival.ready.push_back(Event::Pushed { payload, received: arrival.received });
                }
                *ends
            }
            Http2::Trailers { fields, .. } => {
                check_status(fields).map_err(|error| from_status(&error))?;
                true
            }
            Http2::Reset { code, by, .. } => {
                let is_protocol = *by == ResetBy::Us || *code == ErrorCode::PROTOCOL_ERROR;
                let cause = if is_protocol { EndCause::Protocol } else { EndCause::Closed };
                return Err(ended(cause, broken_off(*code, *by)));
            }
            Http2::GoAway { .. } => false,
        };
        if ends {
            Err(ended(EndCause::StreamEnded, "the server ended the stream".to_owned()))
        } else {
            Ok(())
        }
    }
}

const fn ended(cause: EndCause, text: String) -> End {
    End { cause, text }
}

/// A gRPC status is an answer in order; an HTTP status is not gRPC at all.
fn from_status(error: &RpcError) -> End {
    let cause = if matches!(error, RpcError::HttpStatus(_)) { EndCause::Protocol } else { EndCause::Closed };
    ended(cause, error.to_string())
}
