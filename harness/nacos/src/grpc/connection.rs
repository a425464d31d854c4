//! One client connection: one TCP connection, one HTTP/2 transport, one Nacos identity (facts §2.3).
//!
//! The border is [`GrpcConnection`]: payloads go in, [`Event`]s come out. Nothing of the HTTP/2 codec beneath shows.
//! There is no hidden task: everything moves inside [`GrpcConnection::next_event`], which the one task that owns the
//! connection must keep awaiting. It does not reconnect, retry or time anything. Buffers belong to the thread; an idle
//! connection holds none.

mod call;
mod drive;
mod stream;
mod transport;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};

use tokio::time::Instant;

use self::call::{Call, Calls};
use self::stream::Stream;
use self::transport::Transport;
use crate::grpc::frame::{self, FrameError, MAX_MESSAGE_BYTES};
use crate::grpc::payload::Payload;
use crate::socket::{self, Peer};
pub use crate::socket::{ConnectError, End, EndCause};

/// Bounds of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcLimits {
    /// How many bytes the peer may send ahead, on the connection and on each stream.
    pub window_bytes: u32,
    /// The largest message that is received, in bytes.
    pub message_bytes: usize,
    /// How many calls may wait for a reply.
    pub pending: usize,
}

/// No push is smaller than this with its frames' heads, in bytes.
const SMALLEST_PUSH: u32 = 64;

impl GrpcLimits {
    /// How many stream messages may wait to be sent: an ack for each push that the peer may send ahead, for all of them may
    /// come by one read.
    fn unsent(&self) -> usize {
        self.pending.max((self.window_bytes / SMALLEST_PUSH) as usize)
    }
}

impl Default for GrpcLimits {
    /// 64 KiB windows, 10 MiB messages, 64 pending.
    fn default() -> Self {
        Self { window_bytes: 64 * 1024, message_bytes: MAX_MESSAGE_BYTES, pending: 64 }
    }
}

/// Names a call of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

/// A reply to a unary call.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The payload; it may be an `ErrorResponse`, see [`Payload::answer`].
    pub payload: Payload,
    /// When the bytes that completed it were read.
    pub received: Instant,
}

/// What happened on a connection.
#[derive(Debug)]
pub enum Event {
    /// A call ended.
    Replied {
        /// Which.
        call: CallId,
        /// How.
        result: Result<Reply, RpcError>,
    },
    /// The server sent a payload on the stream.
    Pushed {
        /// The payload, such as a `ConfigChangeNotifyRequest`.
        payload: Payload,
        /// When the bytes that completed it were read.
        received: Instant,
    },
    /// The connection ended, and with it every call and the stream.
    Ended(End),
}

/// Why a call has no reply.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The peer answered with another HTTP status than 200.
    #[error("call was answered with HTTP status {0}")]
    HttpStatus(u16),
    /// The peer ended the call with another gRPC status than 0.
    #[error("call ended with gRPC status {code}: {message}")]
    Status {
        /// As gRPC numbers them; 14 is unavailable.
        code: i32,
        /// In the peer's words.
        message: String,
    },
    /// The peer ended the call without a message.
    #[error("call was answered without a message")]
    Empty,
    /// The peer sent what is not a frame with a payload.
    #[error("reply cannot be read")]
    Frame(#[from] FrameError),
    /// The peer broke off this call alone.
    #[error("call was broken off: {0}")]
    BrokenOff(String),
    /// It was not sent.
    #[error("call was not sent")]
    NotSent(#[from] SendError),
    /// The connection ended first.
    #[error("call has no reply")]
    Ended(#[from] End),
}

/// Why a payload cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It is above gRPC's limit.
    #[error("payload cannot be framed")]
    Frame(#[source] FrameError),
    /// [`GrpcLimits::pending`] is reached: the peer does not keep up.
    #[error("{0} payloads already wait on this connection")]
    Busy(usize),
    /// No stream is open.
    #[error("no stream is open: call open_stream first")]
    NoStream,
    /// The stream is already open.
    #[error("stream is already open: a connection has one")]
    SecondStream,
}

/// One connection. Dropping it closes the socket.
pub struct GrpcConnection {
    transport: Transport,
    peer: Peer,
    limits: GrpcLimits,
    next_call: u64,
    calls: Calls,
    stream: Option<Box<Stream>>,
    /// What was read but not yet taken, each with its own instant; bounded by the calls, `limits.pending` and the
    /// stream's window.
    ready: VecDeque<Event>,
    end: Option<End>,
}

impl GrpcConnection {
    /// Connects to `peer` from `source` (unspecified: any). Dropping the future closes the socket. Time it yourself.
    ///
    /// The peer has said nothing yet when this returns: one that closes or resets at once shows as [`Event::Ended`].
    ///
    /// # Errors
    /// [`ConnectError`] tells refused, broken and this machine's own failures apart, and what is wrong with TLS.
    pub async fn connect(
        peer: impl Into<Peer>,
        source: Ipv4Addr,
        limits: GrpcLimits,
    ) -> Result<Self, ConnectError> {
        let peer: Peer = peer.into();
        let stream = socket::connect(&peer, source).await?;
        let transport = Transport::new(stream, limits.window_bytes).await;
        let transport = transport.map_err(|source| ConnectError::Broken { peer: peer.addr, source })?;
        Ok(Self {
            transport,
            peer,
            limits,
            next_call: 0,
            calls: Calls::default(),
            stream: None,
            ready: VecDeque::new(),
            end: None,
        })
    }

    /// The address that the socket has on this side.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.transport.local_addr()
    }

    /// Starts a unary call; its end comes as [`Event::Replied`], unless [`Event::Ended`] comes first. Bytes move once
    /// [`Self::next_event`] is awaited.
    ///
    /// # Errors
    /// When it is too large, or too many calls wait for a reply.
    pub fn call(&mut self, payload: &Payload) -> Result<CallId, SendError> {
        if self.calls.len() >= self.limits.pending {
            return Err(SendError::Busy(self.calls.len()));
        }
        let frame = frame::encode(payload).map_err(SendError::Frame)?;
        let id = CallId(self.next_call);
        self.next_call += 1;
        self.calls.push(Call::new(id, frame, self.limits.message_bytes));
        Ok(id)
    }

    /// Gives a call up, as a client does at its deadline; a reply that comes later is dropped.
    pub fn cancel(&mut self, call: CallId) {
        self.calls.cancel(call, &mut self.transport);
        self.ready.retain(|event| !matches!(event, Event::Replied { call: other, .. } if *other == call));
    }

    /// Opens the connection's stream and sends its first payload, the `ConnectionSetupRequest`.
    ///
    /// # Errors
    /// When the payload is too large or the stream was opened before.
    pub fn open_stream(&mut self, first: &Payload) -> Result<(), SendError> {
        if self.stream.is_some() {
            return Err(SendError::SecondStream);
        }
        let frame = frame::encode(first).map_err(SendError::Frame)?;
        self.stream = Some(Box::new(Stream::new(frame, self.limits.message_bytes)));
        Ok(())
    }

    /// Sends a payload on the stream, such as the acknowledgement of a push.
    ///
    /// # Errors
    /// When no stream is open, the payload is too large, or too many wait because the peer does not take them.
    pub fn send_on_stream(&mut self, payload: &Payload) -> Result<(), SendError> {
        let stream = self.stream.as_mut().ok_or(SendError::NoStream)?;
        if stream.unsent() >= self.limits.unsent() {
            return Err(SendError::Busy(stream.unsent()));
        }
        stream.queue(frame::encode(payload).map_err(SendError::Frame)?);
        Ok(())
    }

    /// Drives the connection until something happened. Cancel-safe: nothing is lost when the future is dropped.
    ///
    /// After [`Event::Ended`] every further await gives it again.
    pub async fn next_event(&mut self) -> Event {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Calls and waits for the reply, keeping what else happens for [`Self::next_event`].
    ///
    /// Not cancel-safe: dropping the future leaves the call running, and its reply will come as an event.
    ///
    /// # Errors
    /// [`RpcError`]; the end of the connection also stays for [`Self::next_event`].
    pub async fn unary(&mut self, payload: &Payload) -> Result<Reply, RpcError> {
        let call = self.call(payload)?;
        poll_fn(|cx| {
            loop {
                let is_mine = |event: &Event| matches!(event, Event::Replied { call: id, .. } if *id == call);
                if let Some(index) = self.ready.iter().position(is_mine)
                    && let Some(Event::Replied { result, .. }) = self.ready.remove(index)
                {
                    return Poll::Ready(result);
                }
                if let Some(end) = &self.end {
                    return Poll::Ready(Err(end.clone().into()));
                }
                if self.step(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if self.ready.is_empty() {
                    // An idle connection keeps no queue.
                    self.ready = VecDeque::new();
                }
                return Poll::Ready(event);
            }
            if let Some(end) = &self.end {
                return Poll::Ready(Event::Ended(end.clone()));
            }
            if self.step(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl std::fmt::Debug for GrpcConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrpcConnection")
            .field("peer", &self.peer)
            .field("calls", &self.calls.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
