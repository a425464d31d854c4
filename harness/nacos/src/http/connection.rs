//! One HTTP/1.1 client connection: one TCP socket, one request at a time.
//!
//! There is no hidden task: each call drives the socket itself, and between calls [`HttpConnection::ended`] does.
//! Requests carry what a [`Guise`] says, are never retried and have no time-out; race them against a timer, and when the timer
//! wins drop the connection, because its answer would meet the next request.

use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::ConfigKey;
use crate::http::answer::{self, AnswerError};
use crate::http::listening::{self, ListenEntry};
use crate::http::names;
use crate::socket::{self, ClientStream, ConnectError, End, EndCause, Peer, SocketFacts};

/// The largest body that is read, in bytes: Nacos' 10 Mi characters, at three bytes each.
pub const MAX_BODY_BYTES: usize = 30 * 1024 * 1024;

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
    transport: Pin<Box<http1::Connection<TokioIo<ClientStream>, Full<Bytes>>>>,
    requests: http1::SendRequest<Full<Bytes>>,
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
        let broken = |error| ConnectError::Broken { peer: peer.addr, source: std::io::Error::other(error) };
        let (requests, transport) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let authority = peer.authority();
        Ok(Self { transport: Box::pin(transport), requests, facts, authority, local_addr, end: None })
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
        if answer.status == StatusCode::NOT_FOUND {
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
        self.listen_as(Guise::default(), entries.to_vec(), timeout, no_hangup).await
    }

    /// As [`Self::listen`], saying who asks. While the poll hangs nothing of what was asked is kept.
    ///
    /// # Errors
    /// As [`Self::listen`].
    pub async fn listen_as(
        &mut self,
        guise: Guise,
        entries: Vec<ListenEntry>,
        timeout: Duration,
        no_hangup: bool,
    ) -> Result<ListenAnswer, HttpError> {
        let join = if guise.params.is_empty() { "" } else { "?" };
        let mut request = Request::post(format!("{}{join}{}", names::LISTENER_PATH, guise.params))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(names::LONG_PULLING_TIMEOUT, timeout.as_millis().to_string());
        if no_hangup {
            request = request.header(names::NO_HANGUP, "true");
        }
        let body = listening::encode(&entries);
        drop(entries);
        let request = self.request(guise, request, body.into());
        let answer = self.exchange(request).await?;
        let received = answer.received;
        let (body, _) = answer.expect_ok()?;
        Ok(ListenAnswer { changed: answer::parse(&body)?, received })
    }

    /// Waits for the end of an idle connection. Cancel-safe.
    pub async fn ended(&mut self) -> End {
        if self.end.is_none() {
            let result = self.transport.as_mut().await;
            self.end = Some(self.end_of(result.err().as_ref()));
        }
        self.end.clone().expect("set above")
    }

    /// Whether another request can be sent, as far as is known without reading.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.end.is_none() && !self.requests.is_closed()
    }

    fn request(&self, guise: Guise, builder: http::request::Builder, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = builder
            .header(header::HOST, &self.authority)
            .body(Full::new(body))
            .expect("paths and headers are constants, numbers and form-encoded words");
        request.headers_mut().extend(guise.headers);
        request
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, HttpError> {
        if let Some(end) = &self.end {
            return Err(end.clone().into());
        }
        let mut over = None;
        let mut has_waited_on = false;
        let result = {
            let requests = &mut self.requests;
            let transport = &mut self.transport;
            let answer = async move {
                requests.ready().await?;
                receive(requests.send_request(request).await?).await
            };
            let mut answer = pin!(answer);
            poll_fn(|cx| {
                if over.is_none()
                    && let Poll::Ready(result) = transport.as_mut().poll(cx)
                {
                    over = Some(result.err());
                }
                let answer = answer.as_mut().poll(cx);
                if answer.is_ready() || over.is_none() {
                    return answer;
                }
                // The transport has ended and will not wake this task again; what it received before is taken in one
                // more turn. A request that it never took would wait for ever: its end came while it was idle.
                if has_waited_on {
                    return Poll::Ready(Err("the connection ended before the request was taken".into()));
                }
                has_waited_on = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await
        };
        let received = self.facts.last_read();
        match result {
            Ok((status, headers, body)) => {
                self.end = over.map(|error| self.end_of(error.as_ref()));
                Ok(Answer { status, headers, body, received })
            }
            Err(error) => {
                // The codec tells a request what is wrong with its answer, and ends the transport without a word.
                let end = end_of(&self.facts, Some(&*error));
                self.end = Some(end.clone());
                Err(end.into())
            }
        }
    }

    fn end_of(&self, error: Option<&hyper::Error>) -> End {
        end_of(&self.facts, error.map(|error| error as &(dyn std::error::Error + 'static)))
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
    status: StatusCode,
    headers: HeaderMap,
    body: BytesMut,
    received: Instant,
}

impl Answer {
    fn expect_ok(self) -> Result<(BytesMut, HeaderMap), HttpError> {
        if self.status == StatusCode::OK {
            return Ok((self.body, self.headers));
        }
        let start = &self.body[..self.body.len().min(200)];
        Err(HttpError::Status {
            status: self.status.as_u16(),
            text: String::from_utf8_lossy(start).trim().to_owned(),
            received: self.received,
        })
    }
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

async fn receive(response: http::Response<Incoming>) -> Result<(StatusCode, HeaderMap, BytesMut), Broken> {
    let (head, mut body) = response.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(part) = body.frame().await {
        if let Ok(data) = part?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > MAX_BODY_BYTES {
            return Err(format!("the body is above {MAX_BODY_BYTES} bytes").into());
        }
    }
    Ok((head.status, head.headers, bytes))
}

/// The socket's own end, if it has one; else the codec's complaint, else the end of a kept-alive connection.
fn end_of(facts: &SocketFacts, error: Option<&(dyn std::error::Error + 'static)>) -> End {
    let is_parse =
        error.and_then(|error| error.downcast_ref::<hyper::Error>()).is_some_and(hyper::Error::is_parse);
    match (facts.end(), error) {
        (Some(end), _) if !is_parse => end,
        (_, Some(error)) => End { cause: EndCause::Protocol, text: error.to_string() },
        (_, None) => End { cause: EndCause::Closed, text: "the server does not keep it alive".to_owned() },
    }
}

#[cfg(test)]
mod tests;
