//! HTTP/2 (RFC 9113) without I/O, for connections of which there are tens of thousands.
//!
//! A [`Connection`] is one end of one connection. Received bytes go into [`Connection::next_event`], which gives what they
//! mean; requests, heads and content are turned into bytes by the methods that append to `out`. Whoever owns the socket
//! owns both buffers and can share them between connections: an idle connection holds neither, only the bytes of a frame
//! that has not come whole.
//!
//! What the protocol wants by itself is done inside and appended to `out`: SETTINGS and PING are acknowledged, windows of
//! the connection are given back, broken streams are reset, a broken connection says goodbye with a code and a text.
//!
//! Left out on purpose: server push (refused), priorities (ignored, as RFC 9113 §5.3 allows), Huffman coding and the
//! dynamic table when sending (both optional), and the check of `content-length` against the content.
//!
//! Limits, so that a peer cannot make an end hold more than it was told: a frame has at most 16 KiB, a field section and
//! its compressed form at most [`Config::header_list_bytes`] each, streams at most [`Config::max_streams`] at a time. What
//! is appended to `out` grows with what is received; do not read on while the peer does not take it.

mod connection;
mod error;
mod frame;
mod hpack;

pub use connection::{Config, Connection, Event, NoStream, OpenError, ResetBy, StreamId};
pub use error::{Error, ErrorCode};
pub use hpack::Fields;
