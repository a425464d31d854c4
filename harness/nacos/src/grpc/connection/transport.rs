//! The socket with the HTTP/2 codec on it, and the buffers that a thread's connections share.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use shakedown_http2::{Config, Connection};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;

use crate::socket::{End, EndCause};

/// What one read takes at most.
const READ_BYTES: usize = 64 * 1024;

/// With more than this waiting for the socket, requests stay where they are.
const ENOUGH_UNSENT: usize = 32 * 1024;

/// With more than this, nothing is read either: a peer that makes us answer must take the answers.
const TOO_MUCH_UNSENT: usize = 256 * 1024;

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        RefCell::new(Scratch { input: vec![0; READ_BYTES].into(), out: Vec::new() });
}

/// Buffers of the thread, empty between steps.
pub(super) struct Scratch {
    input: Box<[u8]>,
    out: Vec<u8>,
}

/// Lends the thread's buffers.
pub(super) fn with_scratch<T>(body: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(body)
}

/// What a read came to.
pub(super) enum Read {
    /// So many bytes came.
    Bytes(usize),
    Ended(End),
}

/// The socket with the codec.
pub(super) struct Transport {
    tcp: TcpStream,
    pub(super) http2: Connection,
    /// What the socket has not taken yet.
    pub(super) unsent: Vec<u8>,
    /// The socket takes nothing any more; what it still holds is read first.
    is_broken: Option<Box<End>>,
}

impl Transport {
    pub(super) fn new(tcp: TcpStream, window_bytes: u32) -> Self {
        let mut unsent = Vec::new();
        let config =
            Config { stream_window: window_bytes, connection_window: window_bytes, ..Config::default() };
        let http2 = Connection::client(config, &mut unsent);
        // A server that waits for the preface has it even if nothing is asked for a while. What the fresh socket does
        // not take, or its trouble, is met again by the first step.
        if let Ok(written) = tcp.try_write(&unsent) {
            unsent.drain(..written);
        }
        if unsent.is_empty() {
            unsent = Vec::new();
        }
        Self { tcp, http2, unsent, is_broken: None }
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        // It had one when it was connected.
        self.tcp.local_addr().unwrap_or_else(|_| (Ipv4Addr::UNSPECIFIED, 0).into())
    }

    /// Writes what waits and what `fill` adds to it, as far as the socket takes it.
    pub(super) fn write(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        fill: impl FnOnce(&mut Connection, &mut Vec<u8>),
    ) {
        // What waits goes first, and usually nothing waits.
        let mut out =
            std::mem::take(if self.unsent.is_empty() { &mut scratch.out } else { &mut self.unsent });
        if out.len() < ENOUGH_UNSENT {
            fill(&mut self.http2, &mut out);
        }
        let written = self.write_out(cx, &out);
        if written < out.len() {
            self.unsent = out.split_off(written);
        }
        out.clear();
        scratch.out = out;
    }

    fn write_out(&mut self, cx: &mut Context<'_>, out: &[u8]) -> usize {
        let mut written = 0;
        while written < out.len() {
            if self.is_broken.is_some() {
                return out.len();
            }
            match Pin::new(&mut self.tcp).poll_write(cx, &out[written..]) {
                Poll::Pending => break,
                Poll::Ready(Ok(bytes)) => written += bytes,
                Poll::Ready(Err(error)) => self.is_broken = Some(Box::new(reset(&error))),
            }
        }
        written
    }

    /// Reads once.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Read> {
        if self.unsent.len() > TOO_MUCH_UNSENT {
            return Poll::Pending;
        }
        let mut buffer = ReadBuf::new(&mut scratch.input);
        let read = match Pin::new(&mut self.tcp).poll_read(cx, &mut buffer) {
            Poll::Pending => match self.is_broken.take() {
                Some(end) => Read::Ended(*end),
                None => return Poll::Pending,
            },
            // The first trouble is the cause; what follows it are echoes.
            Poll::Ready(Err(error)) => {
                Read::Ended(self.is_broken.take().map_or_else(|| reset(&error), |end| *end))
            }
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                let closed = || End { cause: EndCause::Closed, text: "the peer sent its end".to_owned() };
                Read::Ended(self.is_broken.take().map_or_else(closed, |end| *end))
            }
            Poll::Ready(Ok(())) => Read::Bytes(buffer.filled().len()),
        };
        Poll::Ready(read)
    }
}

impl Scratch {
    /// The first `bytes` of what was read, and a place for answers.
    pub(super) fn halves(&mut self, bytes: usize) -> (&[u8], &mut Vec<u8>) {
        (&self.input[..bytes], &mut self.out)
    }
}

fn reset(error: &io::Error) -> End {
    End { cause: EndCause::Reset, text: error.to_string() }
}
