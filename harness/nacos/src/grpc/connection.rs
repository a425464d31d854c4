//! One client connection: one TCP connection, one HTTP/2 transport, one Nacos identity (facts §2.3).
//!
//! The border is [`GrpcConnection`]: payloads go in, [`Event`]s come out. Nothing of the HTTP/2 codec beneath shows,
//! so that it can be replaced. There is no hidden task: everything moves inside [`GrpcConnection::next_event`], which
//! the one task that owns the connection must keep awaiting. It does not reconnect, retry or time anything.

mod call;
mod stream;

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::time::Instant;

use self::call::{Call, Calls};
use self::stream::{Pull, Stream};
use crate::grpc::frame::{self, FrameError, MAX_MESSAGE_BYTES};
use crate::grpc::payload::Payload;
use crate::socket::{self, MeteredStream, SocketFacts};
pub use crate::socket::{ConnectError, End, EndCause};

/// Bounds of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcLimits {
    /// How many bytes the peer may send ahead, on the connection and on each stream.
    pub window_bytes: u32,
    /// The largest message that is received, in bytes.
    pub message_bytes: usize,
    /// How many calls may wait for a reply, and how many stream messages may wait to be sent.
    pub pending: usize,
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
    transport: Pin<Box<h2::client::Connection<MeteredStream, Bytes>>>,
    requests: h2::client::SendRequest<Bytes>,
    facts: Arc<SocketFacts>,
    limits: GrpcLimits,
    authority: String,
    local_addr: SocketAddr,
    next_call: u64,
    calls: Calls,
    stream: Option<Stream>,
    /// What was read but not yet taken, each with its own instant; bounded by the calls and `limits.pending`.
    ready: VecDeque<Event>,
    end: Option<End>,
}

impl GrpcConnection {
    /// Connects to `peer` from `source` (unspecified: any). Dropping the future closes the socket. Time it yourself.
    ///
    /// The peer has said nothing yet when this returns: one that closes or resets at once shows as [`Event::Ended`].
    ///
    /// # Errors
    /// [`ConnectError`] tells refused, broken and this machine's own failures apart.
    pub async fn connect(
        peer: SocketAddr,
        source: Ipv4Addr,
        limits: GrpcLimits,
    ) -> Result<Self, ConnectError> {
        let tcp = socket::connect(peer, source).await?;
        let broken = |source| ConnectError::Broken { peer, source };
        let local_addr = tcp.local_addr().map_err(broken)?;
        let (metered, facts) = MeteredStream::new(tcp);
        let (requests, transport) = h2::client::Builder::new()
            .initial_window_size(limits.window_bytes)
            .initial_connection_window_size(limits.window_bytes)
            .enable_push(false)
            // The window alone bounds what the peer sends ahead: a burst of small pushes is a storm to be measured,
            // not an attack to be answered with a GOAWAY, which is what the codec's default budget does.
            .data_frame_budget(usize::try_from(limits.window_bytes).unwrap_or(usize::MAX).saturating_mul(256))
            .handshake(metered)
            .await
            .map_err(|error| broken(error.into_io().unwrap_or_else(|| std::io::ErrorKind::Other.into())))?;
        Ok(Self {
            transport: Box::pin(transport),
            requests,
            facts,
            limits,
            authority: peer.to_string(),
            local_addr,
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
        self.local_addr
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
        self.calls.cancel(call);
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
        self.stream = Some(Stream::new(frame, self.limits.message_bytes));
        Ok(())
    }

    /// Sends a payload on the stream, such as the acknowledgement of a push.
    ///
    /// # Errors
    /// When no stream is open, the payload is too large, or too many wait because the peer does not take them.
    pub fn send_on_stream(&mut self, payload: &Payload) -> Result<(), SendError> {
        let stream = self.stream.as_mut().ok_or(SendError::NoStream)?;
        if stream.unsent() >= self.limits.pending {
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
            self.advance(cx);
            let is_mine = |event: &Event| matches!(event, Event::Replied { call: id, .. } if *id == call);
            if let Some(index) = self.ready.iter().position(is_mine)
                && let Some(Event::Replied { result, .. }) = self.ready.remove(index)
            {
                return Poll::Ready(result);
            }
            match &self.end {
                Some(end) => Poll::Ready(Err(end.clone().into())),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.ready.is_empty() {
            self.advance(cx);
        }
        match (self.ready.pop_front(), &self.end) {
            (Some(event), _) => Poll::Ready(event),
            (None, Some(end)) => Poll::Ready(Event::Ended(end.clone())),
            (None, None) => Poll::Pending,
        }
    }

    /// Writes what waits, reads what came, and queues the events. Everything that one read brought is decoded here
    /// and now, so that it carries that read's instant.
    fn advance(&mut self, cx: &mut Context<'_>) {
        if self.end.is_some() {
            return;
        }
        let start_error = self.start_requests(cx).err();
        let over = match self.transport.as_mut().poll(cx) {
            Poll::Ready(result) => Some(self.end_of(result.err().as_ref())),
            Poll::Pending => match start_error {
                Some(error) => Some(self.end_of(Some(&error))),
                // The codec still flushes to a peer that is gone.
                None => self.facts.end(),
            },
        };
        let received = self.facts.last_read();
        self.finish_calls(cx, received, over.is_some());
        let room = if over.is_some() { usize::MAX } else { 2 * self.limits.pending };
        let stream_end = self.pull_stream(cx, received, room);
        self.end = over.or(stream_end);
    }

    fn start_requests(&mut self, cx: &mut Context<'_>) -> Result<(), h2::Error> {
        while self.calls.has_unsent() || self.stream.as_ref().is_some_and(Stream::is_unopened) {
            match self.requests.poll_ready(cx) {
                Poll::Pending => break,
                Poll::Ready(ready) => ready?,
            }
            match &mut self.stream {
                Some(stream) if stream.is_unopened() => stream.open(&mut self.requests, &self.authority)?,
                _ => self.calls.send_next(&mut self.requests, &self.authority)?,
            }
        }
        if let Some(stream) = &mut self.stream {
            stream.flush(cx);
        }
        Ok(())
    }

    fn finish_calls(&mut self, cx: &mut Context<'_>, received: Instant, is_over: bool) {
        let ready = &mut self.ready;
        self.calls.poll(cx, received, |call, result| match result {
            // The end of the connection is reported once, for all calls.
            Err(RpcError::BrokenOff(_)) if is_over => {}
            result => ready.push_back(Event::Replied { call, result }),
        });
    }

    /// Queues pushes while there is room; what stays with the codec holds the peer back by its window.
    fn pull_stream(&mut self, cx: &mut Context<'_>, received: Instant, room: usize) -> Option<End> {
        let stream = self.stream.as_mut()?;
        while self.ready.len() < room {
            match stream.pull(cx) {
                Pull::Payload(payload) => self.ready.push_back(Event::Pushed { payload, received }),
                Pull::Ended(end) => return Some(end),
                Pull::Wait => break,
            }
        }
        None
    }

    fn end_of(&self, error: Option<&h2::Error>) -> End {
        let is_goodbye = error.is_none_or(|error| error.reason() == Some(h2::Reason::NO_ERROR));
        match (error, self.facts.end()) {
            (Some(error), _) if !is_goodbye && error.reason().is_some() => {
                End { cause: EndCause::Protocol, text: error.to_string() }
            }
            (_, Some(end)) => end,
            (Some(error), None) if !is_goodbye && !error.is_io() => {
                End { cause: EndCause::Protocol, text: error.to_string() }
            }
            _ => End { cause: EndCause::Closed, text: "the peer said goodbye".to_owned() },
        }
    }
}

impl std::fmt::Debug for GrpcConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrpcConnection")
            .field("peer", &self.authority)
            .field("calls", &self.calls.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
