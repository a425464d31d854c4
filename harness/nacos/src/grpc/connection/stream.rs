//! The connection's one bidirectional stream.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::RpcError;
use super::call::{check_head, check_status, request};
use crate::grpc::frame::Decoder;
use crate::grpc::payload::{Payload, STREAM_PATH};
use crate::socket::{End, EndCause};

/// What the stream has.
pub(super) enum Pull {
    Payload(Payload),
    Wait,
    Ended(End),
}

/// The stream.
pub(super) struct Stream {
    outbox: VecDeque<Bytes>,
    sender: Option<h2::SendStream<Bytes>>,
    receiver: Receiver,
    decoder: Decoder,
}

enum Receiver {
    Unopened,
    Head(h2::client::ResponseFuture),
    Body(h2::RecvStream),
}

impl Stream {
    pub(super) fn new(first: Bytes, message_bytes: usize) -> Self {
        Self {
            outbox: VecDeque::from([first]),
            sender: None,
            receiver: Receiver::Unopened,
            decoder: Decoder::with_limit(message_bytes),
        }
    }

    pub(super) fn is_unopened(&self) -> bool {
        self.sender.is_none()
    }

    pub(super) fn unsent(&self) -> usize {
        self.outbox.len()
    }

    pub(super) fn queue(&mut self, frame: Bytes) {
        self.outbox.push_back(frame);
    }

    pub(super) fn open(
        &mut self,
        requests: &mut h2::client::SendRequest<Bytes>,
        authority: &str,
    ) -> Result<(), h2::Error> {
        let (response, sender) = requests.send_request(request(authority, STREAM_PATH), false)?;
        self.receiver = Receiver::Head(response);
        self.sender = Some(sender);
        Ok(())
    }

    /// Hands the codec as much as the peer's window takes. A stream that can send no more is left alone: its
    /// receiving side says why.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        let Some(sender) = &mut self.sender else { return };
        while let Some(frame) = self.outbox.front_mut() {
            sender.reserve_capacity(frame.len());
            let capacity = match sender.capacity() {
                0 => match sender.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(capacity))) => capacity,
                    Poll::Ready(Some(Err(_)) | None) | Poll::Pending => return,
                },
                capacity => capacity,
            };
            let chunk = frame.split_to(capacity.min(frame.len()));
            if frame.is_empty() {
                self.outbox.pop_front();
            }
            if sender.send_data(chunk, false).is_err() {
                return;
            }
        }
    }

    /// The next payload, if its bytes are here.
    pub(super) fn pull(&mut self, cx: &mut Context<'_>) -> Pull {
        loop {
            match self.decoder.next_payload() {
                Ok(Some(payload)) => return Pull::Payload(payload),
                Ok(None) => {}
                Err(error) => return ended(EndCause::Protocol, error.to_string()),
            }
            let step = match &mut self.receiver {
                Receiver::Unopened => return Pull::Wait,
                Receiver::Head(response) => Pin::new(response).poll(cx).map(|response| {
                    let response = response.map_err(from_codec)?;
                    check_head(response.status(), response.headers()).map_err(|error| from_status(&error))?;
                    self.receiver = Receiver::Body(response.into_body());
                    Ok(())
                }),
                Receiver::Body(body) => poll_body(body, &mut self.decoder, cx),
            };
            match step {
                Poll::Pending => return Pull::Wait,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(end)) => return Pull::Ended(end),
            }
        }
    }
}

fn poll_body(
    body: &mut h2::RecvStream,
    decoder: &mut Decoder,
    cx: &mut Context<'_>,
) -> Poll<Result<(), End>> {
    match body.poll_data(cx) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Some(Ok(bytes))) => {
            decoder.push(&bytes);
            Poll::Ready(body.flow_control().release_capacity(bytes.len()).map_err(from_codec))
        }
        Poll::Ready(Some(Err(error))) => Poll::Ready(Err(from_codec(error))),
        Poll::Ready(None) => body.poll_trailers(cx).map(|trailers| {
            let trailers = trailers.map_err(from_codec)?.unwrap_or_default();
            check_status(&trailers).map_err(|error| from_status(&error))?;
            Err(End { cause: EndCause::Closed, text: "the server ended the stream".to_owned() })
        }),
    }
}

fn ended(cause: EndCause, text: String) -> Pull {
    Pull::Ended(End { cause, text })
}

/// A stream that the peer breaks off is closed by it; anything else is the connection's end, which knows better.
#[expect(clippy::needless_pass_by_value, reason = "taken by map_err")]
fn from_codec(error: h2::Error) -> End {
    let is_protocol = error.is_library() || error.reason() == Some(h2::Reason::PROTOCOL_ERROR);
    let cause = if is_protocol { EndCause::Protocol } else { EndCause::Closed };
    End { cause, text: error.to_string() }
}

/// A gRPC status is an answer in order; an HTTP status is not gRPC at all.
fn from_status(error: &RpcError) -> End {
    let cause = if matches!(error, RpcError::HttpStatus(_)) { EndCause::Protocol } else { EndCause::Closed };
    End { cause, text: error.to_string() }
}
