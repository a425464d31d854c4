//! Field sections: heads of requests and answers, trailers (RFC 9113 §4.3, §6.2, §6.10 and §8).

use super::streams::Missing;
use super::{Connection, Event, Outcome, Role, StreamId};
use crate::error::{Error, ErrorCode};
use crate::frame::{self, Head, flag};
use crate::hpack::Fields;

/// More CONTINUATION frames than this for one section are no way to send one.
const MAX_FRAMES: u16 = 256;

/// What every frame with a priority has for it (RFC 9113 §6.2).
const PRIORITY_BYTES: usize = 5;

/// A section whose end has not come.
#[derive(Debug)]
pub(super) struct Section {
    stream: u32,
    ends: bool,
    frames: u16,
    bytes: Vec<u8>,
}

impl Connection {
    pub(super) fn on_headers(
        &mut self,
        head: Head,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Outcome, Error> {
        let mut part = &payload[frame::without_padding(head, payload)?];
        if head.has(flag::PRIORITY) {
            part = part.get(PRIORITY_BYTES..).ok_or(Error::frame_size("HEADERS end within a priority"))?;
        }
        let ends = head.has(flag::END_STREAM);
        self.check_size(part.len())?;
        if head.has(flag::END_HEADERS) {
            return self.on_section(StreamId(head.stream), part, ends, out);
        }
        let section = Section { stream: head.stream, ends, frames: 1, bytes: part.to_vec() };
        self.section = Some(Box::new(section));
        Ok(Outcome::Nothing)
    }

    pub(super) fn on_continuation(
        &mut self,
        head: Head,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Outcome, Error> {
        let Some(mut section) = self.section.take().filter(|section| section.stream == head.stream) else {
            return Err(Error::protocol("CONTINUATION continues nothing"));
        };
        self.check_size(section.bytes.len() + payload.len())?;
        section.frames += 1;
        if section.frames > MAX_FRAMES {
            return Err(too_large());
        }
        section.bytes.extend_from_slice(payload);
        if head.has(flag::END_HEADERS) {
            return self.on_section(StreamId(section.stream), &section.bytes, section.ends, out);
        }
        self.section = Some(section);
        Ok(Outcome::Nothing)
    }

    fn check_size(&self, bytes: usize) -> Result<(), Error> {
        if bytes > self.config.header_list_bytes as usize { Err(too_large()) } else { Ok(()) }
    }

    /// A whole section: it is decoded whatever becomes of it, because later ones may refer to it.
    fn on_section(
        &mut self,
        id: StreamId,
        section: &[u8],
        ends: bool,
        out: &mut Vec<u8>,
    ) -> Result<Outcome, Error> {
        let fields = self.decoder.decode(section, self.config.header_list_bytes as usize)?;
        match self.streams.get(id) {
            Err(Missing::Idle) if self.role == Role::Server => self.on_request(id, fields, ends, out),
            Err(missing) => self.on_missing(id, missing, out),
            Ok(stream) if stream.is_remote_closed => Ok(self.break_off(id, ErrorCode::STREAM_CLOSED, out)),
            Ok(stream) => {
                let is_head = !stream.has_head;
                let fault = fault_of(&fields).or_else(|| {
                    let is_right = if is_head { is_answer(&fields) } else { is_trailers(&fields, ends) };
                    (!is_right).then_some(ErrorCode::PROTOCOL_ERROR)
                });
                if let Some(code) = fault {
                    return Ok(self.break_off(id, code, out));
                }
                if is_head && is_interim(&fields) {
                    return Ok(if ends {
                        self.break_off(id, ErrorCode::PROTOCOL_ERROR, out)
                    } else {
                        Outcome::Nothing
                    });
                }
                stream.has_head = true;
                stream.is_remote_closed = ends;
                self.streams.drop_if_closed(id);
                Ok(Outcome::Event(if is_head {
                    Event::Head { stream: id, fields, ends }
                } else {
                    Event::Trailers { stream: id, fields }
                }))
            }
        }
    }

    fn on_request(
        &mut self,
        id: StreamId,
        fields: Fields,
        ends: bool,
        out: &mut Vec<u8>,
    ) -> Result<Outcome, Error> {
        if id.0.is_multiple_of(2) {
            return Err(Error::protocol("a client opened a stream of the server's"));
        }
        let is_right = fields.has_pseudo(&[":method", ":scheme", ":path"], &[":authority"]);
        let refusal = if self.streams.len() >= self.config.max_streams as usize {
            Some(ErrorCode::REFUSED_STREAM)
        } else {
            fault_of(&fields).or((!is_right).then_some(ErrorCode::PROTOCOL_ERROR))
        };
        let receive_window = self.receive_window_of_streams();
        let stream = self.streams.open(id, self.first_send_window, receive_window);
        if let Some(code) = refusal {
            // Nobody has heard of it, so nobody is told of its end.
            self.streams.break_off(id);
            frame::write_reset(out, id.0, code);
            return Ok(Outcome::Nothing);
        }
        stream.has_head = true;
        stream.is_remote_closed = ends;
        Ok(Outcome::Event(Event::Head { stream: id, fields, ends }))
    }
}

const fn too_large() -> Error {
    Error::new(ErrorCode::ENHANCE_YOUR_CALM, "a field section is larger than was announced")
}

/// What is wrong with any section.
fn fault_of(fields: &Fields) -> Option<ErrorCode> {
    if fields.is_too_large() {
        Some(ErrorCode::ENHANCE_YOUR_CALM)
    } else if fields.is_well_formed() {
        None
    } else {
        Some(ErrorCode::PROTOCOL_ERROR)
    }
}

fn is_answer(fields: &Fields) -> bool {
    let is_status = |status: &[u8]| status.len() == 3 && status.iter().all(u8::is_ascii_digit);
    fields.has_pseudo(&[":status"], &[]) && fields.get(":status").is_some_and(is_status)
}

/// Whether more heads follow (RFC 9110 §15.2).
fn is_interim(fields: &Fields) -> bool {
    fields.get(":status").is_some_and(|status| status.starts_with(b"1"))
}

fn is_trailers(fields: &Fields, ends: bool) -> bool {
    ends && fields.has_pseudo(&[], &[])
}
