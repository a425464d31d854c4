//! What this end says on streams.

use super::{Connection, Role, StreamId};
use crate::error::ErrorCode;
use crate::frame::{self, FIRST_WINDOW, MAX_PAYLOAD, MAX_WINDOW, flag, kind};
use crate::hpack;

/// Why a stream cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// As many are open as the peer allows; try again when one has ended.
    #[error("{0} streams are open, as many as the peer allows")]
    TooMany(usize),
    /// The peer takes no new ones, or the connection has failed.
    #[error("the peer takes no new streams")]
    GoingAway,
    /// All numbers are used up: connect anew.
    #[error("the connection has no more stream numbers")]
    Exhausted,
}

/// The stream has ended or cannot be sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream has ended")]
pub struct NoStream;

impl Connection {
    /// Opens a stream with a request. Names are lower case, pseudo-fields come first.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was appended then.
    ///
    /// # Panics
    /// At a server's end.
    pub fn request(
        &mut self,
        fields: &[(&str, &str)],
        ends: bool,
        out: &mut Vec<u8>,
    ) -> Result<StreamId, OpenError> {
        assert!(self.role == Role::Client, "servers do not open streams");
        if self.is_going_away || self.has_failed() {
            return Err(OpenError::GoingAway);
        }
        if self.streams.len() >= self.peer_streams as usize {
            return Err(OpenError::TooMany(self.streams.len()));
        }
        let id = StreamId(if self.streams.highest == 0 { 1 } else { self.streams.highest + 2 });
        if id.0 > MAX_WINDOW {
            return Err(OpenError::Exhausted);
        }
        let receive_window = self.receive_window_of_streams();
        let stream = self.streams.open(id, self.first_send_window, receive_window);
        stream.is_local_closed = ends;
        self.write_section(id, fields, ends, out);
        Ok(id)
    }

    /// Sends the head of an answer, or trailers (which end the stream).
    ///
    /// # Errors
    /// When the stream has ended.
    pub fn send_fields(
        &mut self,
        stream: StreamId,
        fields: &[(&str, &str)],
        ends: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), NoStream> {
        let state = self.streams.sendable(stream)?;
        state.is_local_closed = ends;
        self.write_section(stream, fields, ends, out);
        self.streams.drop_if_closed(stream);
        Ok(())
    }

    /// Sends as much of `content` as the peer has room for, and how much that is. With all of it goes the end, if it
    /// `ends`. Try the rest again after more was received.
    ///
    /// # Errors
    /// When the stream has ended.
    pub fn send_data(
        &mut self,
        stream: StreamId,
        content: &[u8],
        ends: bool,
        out: &mut Vec<u8>,
    ) -> Result<usize, NoStream> {
        let state = self.streams.sendable(stream)?;
        let room = u32::try_from(state.send_window.max(0)).unwrap_or(u32::MAX).min(self.send_window);
        let taken = content.len().min(room as usize);
        let (now, is_whole) = (&content[..taken], taken == content.len());
        if now.is_empty() && !(is_whole && ends) {
            return Ok(0);
        }
        let spent = u32::try_from(taken).expect("at most the window");
        state.send_window -= i64::from(spent);
        self.send_window -= spent;
        state.is_local_closed = is_whole && ends;
        let frames = now.len().div_ceil(MAX_PAYLOAD).max(1);
        for nth in 0..frames {
            let chunk = &now[nth * MAX_PAYLOAD..now.len().min((nth + 1) * MAX_PAYLOAD)];
            let is_last = is_whole && ends && nth + 1 == frames;
            let flags = if is_last { flag::END_STREAM } else { 0 };
            frame::write(out, (kind::DATA, flags), stream.0, chunk);
        }
        self.streams.drop_if_closed(stream);
        Ok(taken)
    }

    /// Gives back the room of `bytes` received on a stream, so that the peer can send more. It is told in portions of
    /// half a window.
    pub fn release(&mut self, stream: StreamId, bytes: usize, out: &mut Vec<u8>) {
        let window = self.receive_window_of_streams();
        let Ok(stream) = self.streams.get(stream) else { return };
        let taken = u32::try_from(i64::from(window) - stream.receive_window).unwrap_or_default();
        stream.released = stream.released.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX)).min(taken);
        stream.give_back(window, out);
    }

    /// How much the peer may send ahead on each stream: until it has acknowledged our settings, the protocol's default.
    pub(super) const fn receive_window_of_streams(&self) -> u32 {
        if self.awaits_ack { FIRST_WINDOW } else { self.config.stream_window }
    }

    /// Breaks a stream off. What the peer still sends on it is dropped.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode, out: &mut Vec<u8>) {
        if self.streams.get(stream).is_ok() {
            self.streams.break_off(stream);
            frame::write_reset(out, stream.0, code);
        }
    }

    /// Says goodbye: no new streams are taken. It does not end those that are open.
    pub fn go_away(&mut self, code: ErrorCode, text: &str, out: &mut Vec<u8>) {
        let last = match self.role {
            // Servers open none.
            Role::Client => 0,
            Role::Server => self.streams.highest,
        };
        let text = &text.as_bytes()[..text.len().min(MAX_PAYLOAD - 8)];
        frame::write_head(out, (kind::GOAWAY, 0), 0, 8 + text.len());
        out.extend_from_slice(&last.to_be_bytes());
        out.extend_from_slice(&code.0.to_be_bytes());
        out.extend_from_slice(text);
    }

    /// Appends a field section, in as many frames as it needs.
    fn write_section(&mut self, stream: StreamId, fields: &[(&str, &str)], ends: bool, out: &mut Vec<u8>) {
        let gives_up_table = std::mem::take(&mut self.gives_up_table);
        let end_stream = if ends { flag::END_STREAM } else { 0 };
        let start = out.len();
        // The length is put right below.
        frame::write_head(out, (kind::HEADERS, end_stream | flag::END_HEADERS), stream.0, 0);
        let body = out.len();
        hpack::encode(fields, gives_up_table, out);
        let length = out.len() - body;
        if length <= MAX_PAYLOAD {
            let [_, head @ ..] = u32::try_from(length).expect("at most a payload").to_be_bytes();
            out[start..start + 3].copy_from_slice(&head);
            return;
        }
        let section = out.split_off(body);
        out.truncate(start);
        let last = section.len().div_ceil(MAX_PAYLOAD) - 1;
        for (nth, part) in section.chunks(MAX_PAYLOAD).enumerate() {
            let end = if nth == last { flag::END_HEADERS } else { 0 };
            let frame = if nth == 0 { (kind::HEADERS, end | end_stream) } else { (kind::CONTINUATION, end) };
            frame::write(out, frame, stream.0, part);
        }
    }
}
