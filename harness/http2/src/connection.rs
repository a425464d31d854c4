//! One end of one connection.

mod assembly;
mod receive;
mod sections;
mod send;
mod streams;

use std::ops::Range;

use self::assembly::Assembly;
use self::sections::Section;
use self::streams::Streams;
use crate::error::{Error, ErrorCode};
use crate::frame::{self, FIRST_WINDOW, MAX_WINDOW, setting};
use crate::hpack::{Decoder, Fields};

pub use self::send::{NoStream, OpenError};

/// A stream's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u32);

/// What an end offers its peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How many bytes of content the peer may send ahead on each stream, 1 to 2³¹−1.
    pub stream_window: u32,
    /// The same over all streams, 65,535 (less cannot be asked for) to 2³¹−1.
    pub connection_window: u32,
    /// How many streams a client may have open at once; of no meaning for a client.
    pub max_streams: u32,
    /// The largest field section, in bytes as RFC 9113 §6.5.2 counts them.
    pub header_list_bytes: u32,
}

impl Default for Config {
    /// 64 KiB windows, 100 streams, fields of 16 KiB.
    fn default() -> Self {
        Self {
            stream_window: 64 * 1024,
            connection_window: 64 * 1024,
            max_streams: 100,
            header_list_bytes: 16 * 1024,
        }
    }
}

/// What received bytes mean.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A request (to a server) or the final answer's head (to a client). Interim answers are left out.
    Head {
        /// The stream: for a server, a new one.
        stream: StreamId,
        /// The fields, well-formed.
        fields: Fields,
        /// Whether nothing follows.
        ends: bool,
    },
    /// Content. Its room is given back by [`Connection::release`].
    Data {
        /// The stream.
        stream: StreamId,
        /// The bytes, at most 16 KiB; may be empty at the end.
        bytes: &'a [u8],
        /// Whether nothing follows.
        ends: bool,
    },
    /// The fields behind the content; nothing follows.
    Trailers {
        /// The stream.
        stream: StreamId,
        /// The fields, well-formed.
        fields: Fields,
    },
    /// A stream was broken off, both ways.
    Reset {
        /// The stream.
        stream: StreamId,
        /// Why.
        code: ErrorCode,
        /// By whom.
        by: ResetBy,
    },
    /// The peer takes no new streams. A client's above `last` were not looked at and have ended, of which no other event
    /// tells.
    GoAway {
        /// The last stream that it looked at.
        last: StreamId,
        /// Why; an end in order has [`ErrorCode::NO_ERROR`].
        code: ErrorCode,
    },
}

/// Who broke a stream off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetBy {
    /// The peer.
    Peer,
    /// This end, because the peer broke the protocol on it.
    Us,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

/// How far the connection is.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// A server has seen this many bytes of the client's preface.
    Preface(u8),
    /// The peer's first frame must be SETTINGS.
    Settings,
    Open,
    Failed(Error),
}

/// One end of one connection; see the crate's documentation for how it is driven.
#[derive(Debug)]
pub struct Connection {
    role: Role,
    phase: Phase,
    config: Config,
    assembly: Assembly,
    /// A field section that has not come whole.
    section: Option<Box<Section>>,
    decoder: Decoder,
    streams: Streams,
    /// Whether our next field section must say that we use no table.
    gives_up_table: bool,
    /// What the peer allows each new stream to be sent.
    first_send_window: u32,
    /// How many streams the peer lets us have open.
    peer_streams: u32,
    /// What may still be sent, over all streams.
    send_window: u32,
    /// What the peer may still send, over all streams.
    receive_window: u32,
    /// Whether the peer takes no new streams.
    is_going_away: bool,
    /// Whether the peer still has to acknowledge our settings.
    awaits_ack: bool,
}

/// An event as `receive` gives it: content as a place within its frame's payload.
enum Outcome {
    Nothing,
    Data { stream: StreamId, range: Range<usize>, ends: bool },
    Event(Event<'static>),
}

impl Connection {
    /// The client's end. Appends the preface, with which requests can go.
    #[must_use]
    pub fn client(config: Config, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(frame::PREFACE);
        Self::new(Role::Client, config, out)
    }

    /// The server's end. Appends its preface.
    #[must_use]
    pub fn server(config: Config, out: &mut Vec<u8>) -> Self {
        Self::new(Role::Server, config, out)
    }

    fn new(role: Role, config: Config, out: &mut Vec<u8>) -> Self {
        let config = Config {
            stream_window: config.stream_window.clamp(1, MAX_WINDOW),
            connection_window: config.connection_window.clamp(FIRST_WINDOW, MAX_WINDOW),
            ..config
        };
        let role_setting = match role {
            Role::Client => (setting::ENABLE_PUSH, 0),
            Role::Server => (setting::MAX_CONCURRENT_STREAMS, config.max_streams),
        };
        let settings = [
            (setting::HEADER_TABLE_SIZE, 0),
            role_setting,
            (setting::INITIAL_WINDOW_SIZE, config.stream_window),
            (setting::MAX_HEADER_LIST_SIZE, config.header_list_bytes),
        ];
        frame::write_settings(out, &settings);
        if config.connection_window > FIRST_WINDOW {
            frame::write_window_update(out, 0, config.connection_window - FIRST_WINDOW);
        }
        Self {
            role,
            phase: match role {
                Role::Client => Phase::Settings,
                Role::Server => Phase::Preface(0),
            },
            config,
            assembly: Assembly::default(),
            section: None,
            decoder: Decoder::new(),
            streams: Streams::default(),
            gives_up_table: false,
            first_send_window: FIRST_WINDOW,
            peer_streams: u32::MAX,
            send_window: FIRST_WINDOW,
            receive_window: config.connection_window,
            is_going_away: false,
            awaits_ack: true,
        }
    }

    /// How many streams are open, in either direction.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// Whether the peer has said that it takes no new streams.
    #[must_use]
    pub const fn is_going_away(&self) -> bool {
        self.is_going_away
    }

    /// Whether the peer's settings have come, so that it does speak HTTP/2.
    #[must_use]
    pub const fn has_settings(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }
}

#[cfg(test)]
mod tests;
