//! One HTTP/1.1 client connection: one TCP socket, one request at a time.
//!
//! There is no hidden task: each call drives the socket itself, and between calls [`HttpConnection::ended`] does. While it
//! is idle, and while a poll hangs, it holds no buffer.
//! Requests carry what a [`Guise`] says, are never retried and have no time-out; race them against a timer, and when the timer
//! wins drop the connection, because its answer would meet the next request.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header};
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::Instant;

use crate::ConfigKey;
use crate::http::answer::{self, AnswerError};
use crate::http::codec::{self, Decoder};
use crate::http::listening::{self, ListenEntry};
use crate::http::names;
use crate::socket::{self, ClientStream, ConnectError, End, EndCause, Peer, SocketFacts};

pub use crate::http::codec::MAX_BODY_BYTES;

/// How much is read at once. The buffer is there during a read alone.
const READ_BYTES: usize = 4096;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection ended, in order or not; it is of no more use.
    #[error("request has no answer")]
    Ended(#[from] End),
    /// Another status than the request expects. The connection can be used again.
    #[error("request was answered with status {status}: {text}")]
    Status {
        /// The status.
        status: u16,
        /// The start of the body.
        text: String,
        /// When the last byte of the answer was read.
        received: Instant,
    },
    /// The answer of a long poll cannot be read. The connection can be used again.
    #[error("long poll was answered with something else")]
    Answer(#[from] AnswerError),
    /// The content is not UTF-8. The connection can be used again.
    #[error("content is not UTF-8")]
    NotText,
}

/// The answer to a get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigAnswer {
    /// The content; `None` when there is no such config (404).
    pub content: Option<String>,
    /// The MD5 that the server sent with it.
    pub md5: Option<String>,
    /// When the last byte of it was read.
    pub received: Instant,
}

/// The answer to a long poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAnswer {
    /// The keys whose content is not what the entries said; empty when nothing changed in time.
    pub changed: Vec<ConfigKey>,
    /// When the last byte of it was read.
    pub received: Instant,
}

/// What a client says of itself with a request.
#[derive(Debug, Clone, Default)]
pub struct Guise {
    /// Headers beside those of the protocol, such as `client-version` or `x-forwarded-for`.
    pub headers: HeaderMap,
    /// Parameters beside those of the call, form-encoded, such as `accessToken=...`; empty for none.
    pub params: String,
}

/// One connection. Dropping it closes the socket.
pub struct HttpConnection {
    stream: ClientStream,
    facts: Arc<SocketFacts>,
    authority: String,
    local_addr: SocketAddr,
    end: Option<End>,
}

impl HttpConnection {
    /// Connects to `peer` from `source` (unspecified: any). Dropping the future closes the socket. Time it yourself.
    ///
    /// # Errors
    /// [`ConnectError`] tells refused, broken and this machine's own failures apart, and what is wrong with TLS.
    pub async fn connect(peer: impl Into<Peer>, source: Ipv4Addr) -> Result<Self, ConnectError> {
        let peer: Peer = peer.into();
        let stream = socket::connect(&peer, source).await?;
        let (facts, local_addr) = (Arc::clone(stream.facts()), stream.local_addr());
        Ok(Self { stream, facts, authority: peer.authority(), local_addr, end: None })
    }

    /// The address that the socket has on this side.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Gets one config, saying nothing of who asks.
    ///
    /// Not cancel-safe: when the future is dropped, drop the connection.
    ///
    /// # Errors
    /// As [`Self::get_config_as`].
    pub async fn get_config(&mut self, key: &ConfigKey) -> Result<ConfigAnswer, HttpError> {
        self.get_config_as(Guise::default(), key).await
    }

    /// Gets one config.
    ///
    /// Not cancel-safe: when the future is dropped, drop the connection.
    ///
    /// # Errors
    /// [`HttpError::Status`] for anything but 200 and 404; [`HttpError::Ended`] when the connection ended first.
    pub async fn get_config_as(&mut self, guise: Guise, key: &ConfigKey) -> Result<ConfigAnswer, HttpError> {
        let join = if guise.params.is_empty() { "" } else { "&" };
        let uri = format!("{}?{}{join}{}", names::CONFIGS_PATH, key.query(), guise.params);
        let request = self.request(guise, Request::get(uri), Bytes::new());
        let answer = self.exchange(request).await?;
        let received = answer.received;
        if answer.whole.status == StatusCode::NOT_FOUND {
            return Ok(ConfigAnswer { content: None, md5: None, received });
        }
        let (body, headers) = answer.expect_ok()?;
        let content = String::from_utf8(body.into()).map_err(|_| HttpError::NotText)?;
        let md5 = headers.get(names::CONTENT_MD5).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(ConfigAnswer { content: Some(content), md5, received })
    }

    /// Asks which of `entries` have other content than their MD5 says, waiting for a change for up to `timeout` less
    /// 500 ms and at least 10 s; with `no_hangup` not at all.
    ///
    /// Not cancel-safe: when the future is dropped, drop the connection.
    ///
    /// # Errors
    /// [`HttpError::Status`] for anything but 200; [`HttpError::Ended`] when the connection ended first.
    pub async fn listen(
        &mut self,
        entries: &[ListenEntry],
        timeout: Duration,
        no_hangup: bool,
    ) -> Result<ListenAnswer, HttpError> {
        self.listen_as(Guise::default(), entries, timeout, no_hangup).await
    }

    /// As [`Self::listen`], saying who asks. While the poll hangs nothing of what was asked is kept.
    ///
    /// # Errors
    /// As [`Self::listen`].
    pub fn listen_as(
        &mut self,
        guise: Guise,
        entries: &[ListenEntry],
        timeout: Duration,
        no_hangup: bool,
    ) -> impl Future<Output = Result<ListenAnswer, HttpError>> + use<'_> {
        let join = if guise.params.is_empty() { "" } else { "?" };
        let mut request = Request::post(format!("{}{join}{}", names::LISTENER_PATH, guise.params))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(names::LONG_PULLING_TIMEOUT, timeout.as_millis().to_string());
        if no_hangup {
            request = request.header(names::NO_HANGUP, "true");
        }
        let request = self.request(guise, request, listening::encode(entries).into());
        let answer = self.exchange(request);
        async move {
            let answer = answer.await?;
            let received = answer.received;
            let (body, _) = answer.expect_ok()?;
            Ok(ListenAnswer { changed: answer::parse(&body)?, received })
        }
    }

    /// Waits for the end of an idle connection. Cancel-safe.
    pub async fn ended(&mut self) -> End {
        if self.end.is_none() {
            let end = match poll_fn(|cx| self.poll_read(cx, <[u8]>::len)).await {
                Ok(0) => end_of(&self.facts, "the server closed it"),
                Ok(bytes) => unasked(bytes),
                Err(error) => end_of(&self.facts, &error.to_string()),
            };
            self.end = Some(end);
        }
        self.end.clone().expect("set above")
    }

    /// Whether another request can be sent, as far as is known without reading.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.end.is_none()
    }

    fn request(&self, guise: Guise, builder: http::request::Builder, body: Bytes) -> Request<Bytes> {
        let mut request = builder
            .header(header::HOST, &self.authority)
            .body(body)
            .expect("paths and headers are constants, numbers and form-encoded words");
        request.headers_mut().extend(guise.headers);
        request
    }

    /// Sends the request and awaits its answer; what the connection came to, if that was its end, is kept.
    fn exchange(
        &mut self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Answer, HttpError>> + use<'_> {
        let is_last = codec::asks_to_close(request.headers());
        // Of the request only its bytes live on, and those until they are written.
        let bytes = codec::encode(&request);
        drop(request);
        async move {
            if let Some(end) = &self.end {
                return Err(end.clone().into());
            }
            let result = match self.write(bytes).await {
                Ok(()) => self.receive().await,
                Err(error) => Err(end_of(&self.facts, &error.to_string())),
            };
            match result {
                Ok((answer, left_over)) => {
                    if left_over > 0 {
                        self.end = Some(unasked(left_over));
                    } else if is_last || answer.is_last {
                        self.end = Some(end_of(&self.facts, "the server does not keep it alive"));
                    }
                    Ok(Answer { whole: answer, received: self.facts.last_read() })
                }
                Err(end) => {
                    self.end = Some(end.clone());
                    Err(end.into())
                }
            }
        }
    }

    async fn write(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.stream.write_all(&bytes).await?;
        self.stream.flush().await
    }

    /// The answer, and how many bytes came behind it.
    async fn receive(&mut self) -> Result<(codec::Answer, usize), End> {
        let mut decoder = Decoder::default();
        loop {
            let fed =
                poll_fn(|cx| self.poll_read(cx, |bytes| (!bytes.is_empty()).then(|| decoder.feed(bytes))));
            match fed.await {
                Ok(Some(Ok(Some(answer)))) => return Ok((answer, decoder.left_over())),
                Ok(Some(Ok(None))) => {}
                Ok(Some(Err(malformed))) => {
                    return Err(End { cause: EndCause::Protocol, text: malformed.to_string() });
                }
                Ok(None) => {
                    let end = end_of(&self.facts, "the server closed it within an answer");
                    return decoder.finish().map(|answer| (answer, 0)).ok_or(end);
                }
                Err(error) => return Err(end_of(&self.facts, &error.to_string())),
            }
        }
    }

    /// Reads once and gives what was read to `take`; nothing is the end of the stream.
    fn poll_read<T>(&mut self, cx: &mut Context<'_>, take: impl FnOnce(&[u8]) -> T) -> Poll<io::Result<T>> {
        let mut buffer = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(take(buffer.filled())))
    }
}

impl std::fmt::Debug for HttpConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpConnection")
            .field("peer", &self.authority)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

struct Answer {
    whole: codec::Answer,
    received: Instant,
}

impl Answer {
    fn expect_ok(self) -> Result<(BytesMut, HeaderMap), HttpError> {
        let codec::Answer { status, headers, body, .. } = self.whole;
        if status == StatusCode::OK {
            return Ok((body, headers));
        }
        let start = &body[..body.len().min(200)];
        Err(HttpError::Status {
            status: status.as_u16(),
            text: String::from_utf8_lossy(start).trim().to_owned(),
            received: self.received,
        })
    }
}

/// The socket's own end, which it has noted at once; `text` says what was found where it has not.
fn end_of(facts: &SocketFacts, text: &str) -> End {
    facts.end().unwrap_or_else(|| End { cause: EndCause::Closed, text: text.to_owned() })
}

fn unasked(bytes: usize) -> End {
    End { cause: EndCause::Protocol, text: format!("{bytes} bytes came that belong to no answer") }
}

#[cfg(test)]
mod tests;
