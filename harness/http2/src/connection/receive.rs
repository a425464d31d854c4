//! What the peer says: one frame at a time.

use super::assembly::Place;
use super::streams::Missing;
use super::{Connection, Event, Outcome, Phase, ResetBy, Role, StreamId};
use crate::error::{Error, ErrorCode};
use crate::frame::{self, FIRST_WINDOW, Head, MAX_PAYLOAD, MAX_WINDOW, PREFACE, flag, kind, setting};

impl Connection {
    /// Takes received bytes off `input` and gives the next event that they hold, or `None` once all are taken. Answers
    /// that the protocol wants are appended to `out`. Call it until it gives `None`: memory is freed only then.
    ///
    /// # Errors
    /// The peer broke the protocol. A GOAWAY was appended; every further call gives the same error.
    #[expect(
        single_use_lifetimes,
        reason = "with one lifetime, self would be borrowed for as long as the input lives"
    )]
    pub fn next_event<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'a>>, Error> {
        if let Phase::Failed(error) = self.phase {
            return Err(error);
        }
        match self.next_outcome(input, out) {
            Ok(None | Some((Outcome::Nothing, _))) => Ok(None),
            Ok(Some((Outcome::Event(event), _))) => Ok(Some(event)),
            Ok(Some((Outcome::Data { stream, range, ends }, place))) => {
                let payload = match place {
                    Place::Input(payload) => payload,
                    Place::Assembled => self.assembly.payload(),
                };
                Ok(Some(Event::Data { stream, bytes: &payload[range], ends }))
            }
            Err(error) => {
                self.phase = Phase::Failed(error);
                self.go_away(error.code, error.text, out);
                Err(error)
            }
        }
    }

    pub(super) const fn has_failed(&self) -> bool {
        matches!(self.phase, Phase::Failed(_))
    }

    fn next_outcome<'a>(
        &mut self,
        input: &mut &'a [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<(Outcome, Place<'a>)>, Error> {
        self.take_preface(input)?;
        while let Some((head, place)) = self.assembly.next(input)? {
            let outcome = match place {
                Place::Input(payload) => self.on_frame(head, payload, out)?,
                Place::Assembled => {
                    let frame = self.assembly.take();
                    let outcome = self.on_frame(head, &frame[frame::HEAD_BYTES..], out);
                    self.assembly.put_back(frame);
                    outcome?
                }
            };
            if !matches!(outcome, Outcome::Nothing) {
                return Ok(Some((outcome, place)));
            }
        }
        Ok(None)
    }

    fn take_preface(&mut self, input: &mut &[u8]) -> Result<(), Error> {
        let Phase::Preface(seen) = self.phase else { return Ok(()) };
        let missing = &PREFACE[usize::from(seen)..];
        let (taken, rest) = input.split_at(missing.len().min(input.len()));
        if taken != &missing[..taken.len()] {
            return Err(Error::protocol("the client does not begin as HTTP/2 does"));
        }
        *input = rest;
        let seen = usize::from(seen) + taken.len();
        self.phase = match u8::try_from(seen) {
            Ok(seen) if usize::from(seen) < PREFACE.len() => Phase::Preface(seen),
            _ => Phase::Settings,
        };
        Ok(())
    }

    fn on_frame(&mut self, head: Head, payload: &[u8], out: &mut Vec<u8>) -> Result<Outcome, Error> {
        if self.section.is_some() && head.kind != kind::CONTINUATION {
            return Err(Error::protocol("a field section is interrupted"));
        }
        if matches!(self.phase, Phase::Settings) {
            if head.kind != kind::SETTINGS || head.has(flag::ACK) {
                return Err(Error::protocol("the first frame is not SETTINGS"));
            }
            self.phase = Phase::Open;
        }
        let is_of_stream = head.stream != 0;
        match head.kind {
            kind::DATA | kind::HEADERS | kind::PRIORITY | kind::RST_STREAM | kind::CONTINUATION
                if !is_of_stream =>
            {
                Err(Error::protocol("a frame that belongs to a stream names none"))
            }
            kind::SETTINGS | kind::PING | kind::GOAWAY if is_of_stream => {
                Err(Error::protocol("a frame that belongs to the connection names a stream"))
            }
            kind::DATA => self.on_data(head, payload, out),
            kind::HEADERS => self.on_headers(head, payload, out),
            kind::CONTINUATION => self.on_continuation(head, payload, out),
            kind::PRIORITY if payload.len() == 5 => Ok(Outcome::Nothing),
            kind::PRIORITY => match self.streams.get(StreamId(head.stream)) {
                Err(Missing::Idle) => Err(Error::frame_size("PRIORITY has another length than 5")),
                _ => Ok(self.break_off(StreamId(head.stream), ErrorCode::FRAME_SIZE_ERROR, out)),
            },
            kind::RST_STREAM => self.on_reset(head, payload),
            kind::SETTINGS => self.on_settings(head, payload, out).map(|()| Outcome::Nothing),
            kind::PUSH_PROMISE => Err(Error::protocol("a push was promised, which nobody may do here")),
            kind::PING => on_ping(head, payload, out).map(|()| Outcome::Nothing),
            kind::GOAWAY => self.on_go_away(payload),
            kind::WINDOW_UPDATE => self.on_window_update(head, payload, out),
            _ => Ok(Outcome::Nothing),
        }
    }

    fn on_data(&mut self, head: Head, payload: &[u8], out: &mut Vec<u8>) -> Result<Outcome, Error> {
        let bytes = u32::try_from(payload.len()).expect("a frame has at most 16 KiB");
        self.receive_window = self
            .receive_window
            .checked_sub(bytes)
            .ok_or(Error::flow_control("the peer sent more than the connection's window"))?;
        self.refill(out);
        let range = frame::without_padding(head, payload)?;
        let id = StreamId(head.stream);
        let stream = match self.streams.get(id) {
            Ok(stream) => stream,
            Err(missing) => return self.on_missing(id, missing, out),
        };
        if stream.is_remote_closed {
            return Ok(self.break_off(id, ErrorCode::STREAM_CLOSED, out));
        }
        if !stream.has_head {
            return Ok(self.break_off(id, ErrorCode::PROTOCOL_ERROR, out));
        }
        if i64::from(bytes) > stream.receive_window {
            return Ok(self.break_off(id, ErrorCode::FLOW_CONTROL_ERROR, out));
        }
        stream.receive_window -= i64::from(bytes);
        let ends = head.has(flag::END_STREAM);
        stream.is_remote_closed = ends;
        self.streams.drop_if_closed(id);
        // Nobody else sees padding.
        self.release(id, payload.len() - range.len(), out);
        Ok(if range.is_empty() && !ends {
            Outcome::Nothing
        } else {
            Outcome::Data { stream: id, range, ends }
        })
    }

    /// Gives the connection's room back: each stream's own bounds what may be held.
    fn refill(&mut self, out: &mut Vec<u8>) {
        let taken = self.config.connection_window - self.receive_window;
        if taken > self.config.connection_window / 2 {
            frame::write_window_update(out, 0, taken);
            self.receive_window = self.config.connection_window;
        }
    }

    /// A frame of a stream that is not open.
    pub(super) fn on_missing(
        &mut self,
        id: StreamId,
        missing: Missing,
        out: &mut Vec<u8>,
    ) -> Result<Outcome, Error> {
        match missing {
            Missing::Idle => Err(Error::protocol("a frame names a stream that was never opened")),
            // It was on its way when the stream was broken off.
            Missing::BrokenOff => Ok(Outcome::Nothing),
            Missing::Closed => Ok(self.break_off(id, ErrorCode::STREAM_CLOSED, out)),
        }
    }

    /// Breaks a stream off because of what the peer sent.
    pub(super) fn break_off(&mut self, id: StreamId, code: ErrorCode, out: &mut Vec<u8>) -> Outcome {
        frame::write_reset(out, id.0, code);
        if self.streams.break_off(id) {
            Outcome::Event(Event::Reset { stream: id, code, by: ResetBy::Us })
        } else {
            Outcome::Nothing
        }
    }

    fn on_reset(&mut self, head: Head, payload: &[u8]) -> Result<Outcome, Error> {
        let id = StreamId(head.stream);
        let code = frame::number(payload).ok_or(Error::frame_size("RST_STREAM has another length than 4"))?;
        if self.streams.get(id).is_err_and(|missing| missing == Missing::Idle) {
            return Err(Error::protocol("a stream was reset that was never opened"));
        }
        Ok(if self.streams.remove(id) {
            Outcome::Event(Event::Reset { stream: id, code: ErrorCode(code), by: ResetBy::Peer })
        } else {
            Outcome::Nothing
        })
    }

    fn on_settings(&mut self, head: Head, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if head.has(flag::ACK) {
            if !payload.is_empty() {
                return Err(Error::frame_size("an acknowledgement of SETTINGS is not empty"));
            }
            if std::mem::take(&mut self.awaits_ack) {
                self.decoder.forbid_table();
                let by = i64::from(self.config.stream_window) - i64::from(FIRST_WINDOW);
                self.streams.shift_receive_windows(self.config.stream_window, by, out);
            }
            return Ok(());
        }
        for (id, value) in frame::settings(payload)? {
            self.on_setting(id, value)?;
        }
        frame::write(out, (kind::SETTINGS, flag::ACK), 0, &[]);
        Ok(())
    }

    fn on_setting(&mut self, id: u16, value: u32) -> Result<(), Error> {
        match id {
            // Nothing is ever put into a table; the peer must be told so when it wants a smaller one than before.
            setting::HEADER_TABLE_SIZE => self.gives_up_table |= value < 4_096,
            setting::ENABLE_PUSH if value > u32::from(self.role == Role::Server) => {
                return Err(Error::protocol("ENABLE_PUSH has a value that the peer may not give it"));
            }
            setting::MAX_CONCURRENT_STREAMS => self.peer_streams = value,
            setting::INITIAL_WINDOW_SIZE if value > MAX_WINDOW => {
                return Err(Error::flow_control("INITIAL_WINDOW_SIZE is above 2^31-1"));
            }
            setting::INITIAL_WINDOW_SIZE => {
                self.streams.shift_send_windows(i64::from(value) - i64::from(self.first_send_window))?;
                self.first_send_window = value;
            }
            setting::MAX_FRAME_SIZE if !(MAX_PAYLOAD..1 << 24).contains(&(value as usize)) => {
                return Err(Error::protocol("MAX_FRAME_SIZE is not between 2^14 and 2^24-1"));
            }
            // Frames are never larger than every peer takes; unknown settings are ignored.
            _ => {}
        }
        Ok(())
    }

    fn on_go_away(&mut self, payload: &[u8]) -> Result<Outcome, Error> {
        let Some(([last, code], _)) = payload.as_chunks::<4>().0.split_first_chunk::<2>() else {
            return Err(Error::frame_size("GOAWAY has less than 8 bytes"));
        };
        let last = StreamId(u32::from_be_bytes(*last) & MAX_WINDOW);
        self.is_going_away = true;
        if self.role == Role::Client {
            self.streams.drop_above(last);
        }
        Ok(Outcome::Event(Event::GoAway { last, code: ErrorCode(u32::from_be_bytes(*code)) }))
    }

    fn on_window_update(&mut self, head: Head, payload: &[u8], out: &mut Vec<u8>) -> Result<Outcome, Error> {
        let by = frame::number(payload)
            .ok_or(Error::frame_size("WINDOW_UPDATE has another length than 4"))?
            & MAX_WINDOW;
        if head.stream == 0 {
            if by == 0 {
                return Err(Error::protocol("WINDOW_UPDATE gives nothing"));
            }
            self.send_window = self
                .send_window
                .checked_add(by)
                .filter(|window| *window <= MAX_WINDOW)
                .ok_or(Error::flow_control("the connection's window is above 2^31-1"))?;
            return Ok(Outcome::Nothing);
        }
        let id = StreamId(head.stream);
        let stream = match self.streams.get(id) {
            Ok(stream) => stream,
            Err(Missing::Idle) => return self.on_missing(id, Missing::Idle, out),
            Err(_) => return Ok(Outcome::Nothing),
        };
        let widened = if by == 0 { Err(ErrorCode::PROTOCOL_ERROR) } else { stream.widen(by) };
        Ok(match widened {
            Ok(()) => Outcome::Nothing,
            Err(code) => self.break_off(id, code, out),
        })
    }
}

fn on_ping(head: Head, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    if payload.len() != 8 {
        return Err(Error::frame_size("PING has another length than 8"));
    }
    if !head.has(flag::ACK) {
        frame::write(out, (kind::PING, flag::ACK), 0, payload);
    }
    Ok(())
}
