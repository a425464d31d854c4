//! What the tests say and see.

use crate::connection::{Connection, Event, ResetBy};
use crate::error::{Error, ErrorCode};
use crate::frame::{HEAD_BYTES, Head};

/// An [`Event`] of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Head(u32, Vec<(String, String)>, bool),
    Data(u32, Vec<u8>, bool),
    Trailers(u32, Vec<(String, String)>),
    Reset(u32, ErrorCode, ResetBy),
    GoAway(u32, ErrorCode),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        let list = |fields: crate::Fields| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            fields.iter().map(|(name, value)| (text(name), text(value))).collect()
        };
        match event {
            Event::Head { stream, fields, ends } => Self::Head(stream.0, list(fields), ends),
            Event::Data { stream, bytes, ends } => Self::Data(stream.0, bytes.to_vec(), ends),
            Event::Trailers { stream, fields } => Self::Trailers(stream.0, list(fields)),
            Event::Reset { stream, code, by } => Self::Reset(stream.0, code, by),
            Event::GoAway { last, code } => Self::GoAway(last.0, code),
        }
    }
}

/// Hands bytes in and collects the events.
pub(super) fn feed(http2: &mut Connection, bytes: &[u8], out: &mut Vec<u8>) -> Result<Vec<Seen>, Error> {
    let (mut input, mut seen) = (bytes, Vec::new());
    while let Some(event) = http2.next_event(&mut input, out)? {
        seen.push(event.into());
    }
    assert!(input.is_empty(), "all is taken");
    Ok(seen)
}

/// The frames in bytes that hold nothing else.
pub(super) fn parse(mut bytes: &[u8]) -> Vec<(Head, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() {
        let head = Head::parse(head);
        let (payload, rest) = rest.split_at(head.length);
        frames.push((head, payload.to_vec()));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "whole frames");
    frames
}
