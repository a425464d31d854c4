//! Unary calls: one HTTP/2 stream each, one message each way, a status in the trailers.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Request};
use tokio::time::Instant;

use super::{CallId, Reply, RpcError};
use crate::grpc::frame::Decoder;
use crate::grpc::payload::UNARY_PATH;

/// The calls of a connection, oldest first.
#[derive(Default)]
pub(super) struct Calls {
    unsent: VecDeque<Call>,
    sent: Vec<Call>,
}

impl Calls {
    pub(super) fn len(&self) -> usize {
        self.unsent.len() + self.sent.len()
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    pub(super) fn push(&mut self, call: Call) {
        self.unsent.push_back(call);
    }

    /// Forgets a call; the codec resets its stream when the handles drop.
    pub(super) fn cancel(&mut self, id: CallId) {
        self.unsent.retain(|call| call.id != id);
        self.sent.retain(|call| call.id != id);
    }

    pub(super) fn send_next(
        &mut self,
        requests: &mut h2::client::SendRequest<Bytes>,
        authority: &str,
    ) -> Result<(), h2::Error> {
        if let Some(mut call) = self.unsent.pop_front() {
            call.send(requests, authority)?;
            self.sent.push(call);
        }
        Ok(())
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        received: Instant,
        mut finished: impl FnMut(CallId, Result<Reply, RpcError>),
    ) {
        self.sent.retain_mut(|call| match call.poll(cx, received) {
            Poll::Pending => true,
            Poll::Ready(result) => {
                finished(call.id, result);
                false
            }
        });
    }
}

/// One call.
pub(super) struct Call {
    id: CallId,
    state: State,
    decoder: Decoder,
    reply: Option<Reply>,
}

enum State {
    Unsent(Bytes),
    Head(h2::client::ResponseFuture),
    Body(h2::RecvStream),
}

impl Call {
    pub(super) fn new(id: CallId, frame: Bytes, message_bytes: usize) -> Self {
        Self { id, state: State::Unsent(frame), decoder: Decoder::with_limit(message_bytes), reply: None }
    }

    fn send(
        &mut self,
        requests: &mut h2::client::SendRequest<Bytes>,
        authority: &str,
    ) -> Result<(), h2::Error> {
        if let State::Unsent(frame) = &mut self.state {
            let (response, mut body) = requests.send_request(request(authority, UNARY_PATH), false)?;
            body.send_data(std::mem::take(frame), true)?;
            self.state = State::Head(response);
        }
        Ok(())
    }

    fn poll(&mut self, cx: &mut Context<'_>, received: Instant) -> Poll<Result<Reply, RpcError>> {
        loop {
            match &mut self.state {
                State::Unsent(_) => return Poll::Pending,
                State::Head(response) => {
                    let response = ready!(Pin::new(response).poll(cx)).map_err(broken_off)?;
                    check_head(response.status(), response.headers())?;
                    self.state = State::Body(response.into_body());
                }
                State::Body(body) => match ready!(body.poll_data(cx)) {
                    Some(bytes) => {
                        let bytes = bytes.map_err(broken_off)?;
                        body.flow_control().release_capacity(bytes.len()).map_err(broken_off)?;
                        self.decoder.push(&bytes);
                        if self.reply.is_none()
                            && let Some(payload) = self.decoder.next_payload()?
                        {
                            self.reply = Some(Reply { payload, received });
                        }
                    }
                    None => {
                        if let Some(trailers) = ready!(body.poll_trailers(cx)).map_err(broken_off)? {
                            check_status(&trailers)?;
                        }
                        self.decoder.finish()?;
                        return Poll::Ready(self.reply.take().ok_or(RpcError::Empty));
                    }
                },
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "taken by map_err")]
fn broken_off(error: h2::Error) -> RpcError {
    RpcError::BrokenOff(error.to_string())
}

pub(super) fn request(authority: &str, path: &str) -> Request<()> {
    Request::post(format!("http://{authority}{path}"))
        .header(http::header::CONTENT_TYPE, "application/grpc")
        .header(http::header::TE, "trailers")
        .body(())
        .expect("an address and a constant path make a URI")
}

/// Checks the head of an answer; a call that fails at once has its status there.
pub(super) fn check_head(status: http::StatusCode, headers: &HeaderMap) -> Result<(), RpcError> {
    if status != http::StatusCode::OK {
        return Err(RpcError::HttpStatus(status.as_u16()));
    }
    check_status(headers)
}

/// Checks `grpc-status`, where there is one.
pub(super) fn check_status(headers: &HeaderMap) -> Result<(), RpcError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text("grpc-status") {
        None | Some("0") => Ok(()),
        Some(code) => Err(RpcError::Status {
            code: code.parse().unwrap_or(2),
            message: text("grpc-message").unwrap_or_default().to_owned(),
        }),
    }
}
