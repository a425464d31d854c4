//! A socket that remembers when it was last read and how it ended.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{End, EndCause};

/// What a codec above the socket cannot tell.
#[derive(Debug)]
pub(crate) struct SocketFacts {
    opened: Instant,
    /// Nanoseconds from `opened` to the last read of bytes. One task reads and asks, so relaxed order does.
    last_read_ns: AtomicU64,
    /// The first end that was seen; what follows it are echoes.
    end: OnceLock<(EndCause, String)>,
}

impl SocketFacts {
    /// When bytes were last read.
    pub(crate) fn last_read(&self) -> Instant {
        self.opened + Duration::from_nanos(self.last_read_ns.load(Ordering::Relaxed))
    }

    /// How the socket ended, if it did.
    pub(crate) fn end(&self) -> Option<End> {
        self.end.get().map(|(cause, text)| End { cause: *cause, text: text.clone() })
    }

    fn note_read(&self) {
        let since = shakedown_model::time::nanos(self.opened.elapsed());
        self.last_read_ns.store(since, Ordering::Relaxed);
    }

    pub(super) fn note_end(&self, cause: EndCause, text: impl FnOnce() -> String) {
        self.end.get_or_init(|| (cause, text()));
    }

    fn note_error(&self, error: &io::Error) {
        self.note_end(EndCause::Reset, || error.to_string());
    }
}

/// The socket.
#[derive(Debug)]
pub(crate) struct MeteredStream {
    inner: TcpStream,
    facts: Arc<SocketFacts>,
}

impl MeteredStream {
    /// Wraps `inner`.
    pub(crate) fn new(inner: TcpStream) -> (Self, Arc<SocketFacts>) {
        let facts = Arc::new(SocketFacts {
            opened: Instant::now(),
            last_read_ns: AtomicU64::new(0),
            end: OnceLock::new(),
        });
        (Self { inner, facts: Arc::clone(&facts) }, facts)
    }

    fn seen<T>(&self, result: io::Result<T>) -> Poll<io::Result<T>> {
        if let Err(error) = &result {
            self.facts.note_error(error);
        }
        Poll::Ready(result)
    }
}

impl AsyncRead for MeteredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        if buf.filled().len() > before {
            self.facts.note_read();
        } else if result.is_ok() && buf.remaining() > 0 {
            self.facts.note_end(EndCause::Closed, || "the peer sent its end".to_owned());
        }
        self.seen(result)
    }
}

impl AsyncWrite for MeteredStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes));
        self.seen(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, slices));
        self.seen(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
