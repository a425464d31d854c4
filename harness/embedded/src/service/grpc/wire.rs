//! The socket with the HTTP/2 codec on it, and the buffers that all connections of the thread share.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use shakedown_http2::{Config, Connection};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;

/// What one read takes at most.
const READ_BYTES: usize = 64 * 1024;

/// With more than this waiting for the socket, answers and pushes stay where they are.
pub(super) const ENOUGH_UNSENT: usize = 32 * 1024;

/// With more than this, nothing is read either: a client that makes the server answer must take the answers.
const TOO_MUCH_UNSENT: usize = 256 * 1024;

/// A shared buffer that grew beyond this, for one large config, is given up.
const WORTH_KEEPING: usize = 256 * 1024;

/// What clients are offered. Stream windows are wide because a publish has up to 10 MiB.
const CONFIG: Config = Config {
    stream_window: 1024 * 1024,
    connection_window: 4 * 1024 * 1024,
    max_streams: super::streams::MAX_STREAMS,
    header_list_bytes: 16 * 1024,
};

thread_local! {
    /// For the one connection whose turn it is.
    static TURN: RefCell<(Box<[u8]>, Sink)> =
        RefCell::new((vec![0; READ_BYTES].into(), Sink::default()));
    /// For a push, which may be wanted in the middle of another connection's turn.
    static PUSH: RefCell<Sink> = RefCell::new(Sink::default());
}

/// Where bytes to be sent are put together; empty between uses.
#[derive(Debug, Default)]
pub(super) struct Sink {
    /// For the socket.
    pub(super) out: Vec<u8>,
    /// A gRPC message that is about to be cut into HTTP/2 frames.
    pub(super) message: Vec<u8>,
}

impl Sink {
    fn clean(&mut self) {
        for buffer in [&mut self.out, &mut self.message] {
            buffer.clear();
            buffer.shrink_to(WORTH_KEEPING);
        }
    }
}

/// Lends the buffers of a connection's turn. Turns do not nest.
pub(super) fn with_turn<T>(body: impl FnOnce(&mut [u8], &mut Sink) -> T) -> T {
    TURN.with_borrow_mut(|(input, sink)| {
        let result = body(input, sink);
        sink.clean();
        result
    })
}

/// Lends the buffers of a push. Pushes do not nest.
pub(super) fn with_push<T>(body: impl FnOnce(&mut Sink) -> T) -> T {
    PUSH.with_borrow_mut(|sink| {
        let result = body(sink);
        sink.clean();
        result
    })
}

/// What a read came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// So many bytes came.
    Bytes(usize),
    /// Nothing is there; the task is woken when something comes.
    Nothing,
    /// The client must first take what waits for it.
    HeldBack,
    /// Nothing will come any more.
    Ended,
}

/// The socket with the codec.
#[derive(Debug)]
pub(super) struct Wire {
    socket: TcpStream,
    pub(super) http2: Connection,
    /// What the socket has not taken yet.
    unsent: Vec<u8>,
    /// The socket takes nothing any more.
    is_broken: bool,
}

impl Wire {
    pub(super) fn new(socket: TcpStream) -> Self {
        let mut unsent = Vec::new();
        let http2 = Connection::server(CONFIG, &mut unsent);
        Self { socket, http2, unsent, is_broken: false }
    }

    pub(super) const fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Whether nothing more is to be done: the socket takes nothing, or the client said goodbye and has what it asked for.
    pub(super) fn is_over(&self) -> bool {
        let is_left = self.http2.is_going_away() && self.http2.open_streams() == 0;
        self.is_broken || is_left && self.unsent.is_empty()
    }

    pub(super) const fn is_held_back(&self) -> bool {
        self.unsent.len() > TOO_MUCH_UNSENT
    }

    /// Reads once.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, input: &mut [u8]) -> Read {
        if self.is_held_back() {
            return Read::HeldBack;
        }
        let mut buffer = ReadBuf::new(input);
        match Pin::new(&mut self.socket).poll_read(cx, &mut buffer) {
            Poll::Pending => Read::Nothing,
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => Read::Bytes(buffer.filled().len()),
            Poll::Ready(_) => Read::Ended,
        }
    }

    /// Writes what waits and then `out`, as far as the socket takes it; the task is woken when it takes more.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) {
        self.write_with(out, |socket, bytes| match Pin::new(socket).poll_write(cx, bytes) {
            Poll::Pending => Ok(None),
            Poll::Ready(result) => result.map(Some),
        });
    }

    /// The same from outside the connection's task; whether that must be woken, to see to the rest.
    #[must_use]
    pub(super) fn write_now(&mut self, out: &mut Vec<u8>) -> bool {
        self.write_with(out, |socket, bytes| match socket.try_write(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        });
        self.is_broken || !self.unsent.is_empty()
    }

    /// Writes by `write`, which gives `None` when the socket is full.
    fn write_with(
        &mut self,
        out: &mut Vec<u8>,
        mut write: impl FnMut(&mut TcpStream, &[u8]) -> std::io::Result<Option<usize>>,
    ) {
        // Usually nothing waits, and nothing is copied.
        let waited = !self.unsent.is_empty();
        if waited {
            self.unsent.append(out);
        }
        let bytes = if waited { &self.unsent } else { &*out };
        let mut written = 0;
        while written < bytes.len() && !self.is_broken {
            match write(&mut self.socket, &bytes[written..]) {
                Ok(None) => break,
                Ok(Some(more)) if more > 0 => written += more,
                Ok(Some(_)) | Err(_) => self.is_broken = true,
            }
        }
        if self.is_broken || written == bytes.len() {
            self.unsent = Vec::new();
        } else if waited {
            self.unsent.drain(..written);
        } else {
            self.unsent = out[written..].to_vec();
        }
        out.clear();
    }
}
