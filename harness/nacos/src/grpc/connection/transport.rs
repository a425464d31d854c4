//! The socket with the HTTP/2 codec on it, and the buffers that a thread's connections share.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use shakedown_http2::{Config, Connection};
use tokio::io::{AsyncRead as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::Instant;

use crate::socket::{ClientStream, End, EndCause};

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
    stream: ClientStream,
    pub(super) http2: Connection,
    /// What the socket has not taken yet.
    pub(super) unsent: Vec<u8>,
    /// The socket takes nothing any more; what it still holds is read first.
    is_broken: bool,
}

impl Transport {
    /// Sends the preface, so that a server that waits for it has it even if nothing is asked for a while.
    pub(super) async fn new(mut stream: ClientStream, window_bytes: u32) -> io::Result<Self> {
        let mut preface = Vec::new();
        let config =
            Config { stream_window: window_bytes, connection_window: window_bytes, ..Config::default() };
        let http2 = Connection::client(config, &mut preface);
        stream.write_all(&preface).await?;
        stream.flush().await?;
        Ok(Self { stream, http2, unsent: Vec::new(), is_broken: false })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr()
    }

    /// When bytes were last read.
    pub(super) fn last_read(&self) -> Instant {
        self.stream.facts().last_read()
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
            if self.is_broken {
                return out.len();
            }
            match Pin::new(&mut self.stream).poll_write(cx, &out[written..]) {
                Poll::Pending => break,
                Poll::Ready(Ok(bytes)) => written += bytes,
                Poll::Ready(Err(_)) => self.is_broken = true,
            }
        }
        // Records of TLS may wait in the stream, also those of an earlier step.
        if !self.is_broken && matches!(Pin::new(&mut self.stream).poll_flush(cx), Poll::Ready(Err(_))) {
            self.is_broken = true;
        }
        written
    }

    /// Reads once.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Read> {
        if self.unsent.len() > TOO_MUCH_UNSENT {
            return Poll::Pending;
        }
        let mut buffer = ReadBuf::new(&mut scratch.input);
        let read = match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Pending if !self.is_broken => return Poll::Pending,
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => Read::Bytes(buffer.filled().len()),
            // The first trouble is the cause; what follows it are echoes.
            Poll::Pending | Poll::Ready(_) => Read::Ended(self.stream.facts().end().unwrap_or_else(unsaid)),
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

/// The end of a stream that noted none: a session that ended while its socket is whole.
fn unsaid() -> End {
    End { cause: EndCause::Closed, text: "the peer sent its end".to_owned() }
}
