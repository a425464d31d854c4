//! The byte stream under a client's HTTP: a socket, with or without TLS on it.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::{EndCause, MeteredStream, SocketFacts};
use crate::tls::TlsTrouble;

/// A connected stream. Written bytes may wait in it: flush after the last of them.
#[derive(Debug)]
pub(crate) struct ClientStream {
    bytes: Bytes,
    facts: Arc<SocketFacts>,
    local_addr: SocketAddr,
}

#[derive(Debug)]
enum Bytes {
    Plain(MeteredStream),
    /// Some KiB, so that a plain stream stays small.
    Tls(Box<TlsStream<MeteredStream>>),
}

impl ClientStream {
    pub(super) fn plain(stream: MeteredStream, facts: Arc<SocketFacts>, local_addr: SocketAddr) -> Self {
        Self { bytes: Bytes::Plain(stream), facts, local_addr }
    }

    pub(super) fn tls(
        stream: TlsStream<MeteredStream>,
        facts: Arc<SocketFacts>,
        local_addr: SocketAddr,
    ) -> Self {
        Self { bytes: Bytes::Tls(Box::new(stream)), facts, local_addr }
    }

    /// What a codec above cannot tell: when the socket was last read, and how it ended.
    pub(crate) fn facts(&self) -> &Arc<SocketFacts> {
        &self.facts
    }

    /// The address that the socket has on this side.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// An alert or broken records end a session whose socket is still whole.
    fn note<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &result
            && let Some(error) = TlsTrouble::within(error)
        {
            let trouble = TlsTrouble::of(error);
            self.facts.note_end(EndCause::Protocol, || format!("{trouble} ({error})"));
        }
        result
    }
}

/// Calls a method of [`AsyncRead`] or [`AsyncWrite`] on whichever stream it is.
macro_rules! on {
    ($self:ident, $method:ident($($argument:expr),*)) => {{
        let result = match &mut $self.bytes {
            Bytes::Plain(stream) => Pin::new(stream).$method($($argument),*),
            Bytes::Tls(stream) => Pin::new(&mut **stream).$method($($argument),*),
        };
        $self.note(result)
    }};
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on!(self, poll_read(cx, buf))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on!(self, poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on!(self, poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.bytes {
            Bytes::Plain(stream) => stream.is_write_vectored(),
            Bytes::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self, poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self, poll_shutdown(cx))
    }
}
