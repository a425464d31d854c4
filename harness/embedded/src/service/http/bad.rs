//! Bad answers: which kind of call one is, and what leaves instead of the right answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{Method, Response, StatusCode, request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};
use shakedown_model::fault::{BadAnswer, CallKind};
use tokio::time::{Sleep, sleep};

use super::Answer;
use super::answers::error_page;

/// A slow body leaves in so many portions each second.
const PORTIONS: u64 = 10;
/// From one portion to the next.
const PERIOD: Duration = Duration::from_millis(100);

/// What kind of call this is, as far as it can be answered badly.
pub(super) fn kind(head: &request::Parts) -> Option<CallKind> {
    let path = head.uri.path();
    if path.contains("/auth/") {
        return path.ends_with("/login").then_some(CallKind::Login);
    }
    if path.ends_with("/configs/listener") && head.method == Method::POST {
        return Some(CallKind::Listen);
    }
    let is_config = path.ends_with("/cs/configs") || path.ends_with("/cs/config");
    is_config.then(|| if head.method == Method::GET { CallKind::Read } else { CallKind::Write })
}

/// The answer instead of which nothing is carried out; else the call goes on, perhaps later.
pub(super) async fn before(bad: Option<BadAnswer>, path: &str) -> Option<Answer> {
    match bad? {
        BadAnswer::Status(code) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Some(error_page(status, "told to answer so", path))
        }
        BadAnswer::Slow(delay) => {
            sleep(delay).await;
            None
        }
        BadAnswer::SlowBody(_) | BadAnswer::Truncated | BadAnswer::WrongLength | BadAnswer::Garbage => None,
    }
}

/// The right answer, or what is left of it.
pub(super) async fn after(bad: Option<BadAnswer>, answer: Answer) -> Response<Sent> {
    let Some(bad) = bad else { return answer.map(Sent::Whole) };
    let (mut head, whole) = answer.into_parts();
    // What is whole already never fails.
    let bytes = whole.collect().await.unwrap_or_default().to_bytes();
    let half = bytes.slice(..bytes.len() / 2);
    let sent = match bad {
        BadAnswer::Status(_) | BadAnswer::Slow(_) => Sent::Whole(bytes.into()),
        BadAnswer::SlowBody(rate) => {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            Sent::Slow(Slow::new(bytes, rate))
        }
        BadAnswer::Truncated => {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            Sent::Broken(Some(half))
        }
        BadAnswer::WrongLength => Sent::Whole(half.into()),
        BadAnswer::Garbage => Sent::Whole(garbage(bytes.len()).into()),
    };
    Response::from_parts(head, sent)
}

/// Bytes that are neither text nor JSON nor a payload of anything.
fn garbage(length: usize) -> Bytes {
    (0..length.max(16)).map(|nth| if nth % 2 == 0 { 0xff } else { b'%' }).collect()
}

/// A body as it leaves.
#[derive(Debug)]
pub(super) enum Sent {
    Whole(Full<Bytes>),
    Slow(Slow),
    /// These bytes, and then the connection breaks.
    Broken(Option<Bytes>),
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Slow(slow) => slow.poll(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
            Self::Broken(rest) => Poll::Ready(Some(match rest.take() {
                Some(bytes) => Ok(Frame::data(bytes)),
                None => Err(io::Error::other("told to break off")),
            })),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(body) if body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            // The length is in the head.
            Self::Slow(_) | Self::Broken(_) => SizeHint::default(),
        }
    }
}

/// Bytes that leave at a rate.
#[derive(Debug)]
pub(super) struct Slow {
    rest: Bytes,
    portion: usize,
    next: Pin<Box<Sleep>>,
}

impl Slow {
    fn new(rest: Bytes, bytes_per_second: u64) -> Self {
        let portion = usize::try_from(bytes_per_second / PORTIONS).unwrap_or(usize::MAX).max(1);
        Self { rest, portion, next: Box::pin(sleep(PERIOD)) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.next.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let due = self.next.deadline() + PERIOD;
        self.next.as_mut().reset(due);
        let portion = self.portion.min(self.rest.len());
        Poll::Ready(Some(self.rest.split_to(portion)))
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn calls_are_told_apart_by_method_and_path() {
        for (method, path, expected) in [
            ("GET", "/nacos/v1/cs/configs", Some(CallKind::Read)),
            ("GET", "/nacos/v3/client/cs/config", Some(CallKind::Read)),
            ("POST", "/nacos/v1/cs/configs", Some(CallKind::Write)),
            ("DELETE", "/nacos/v3/admin/cs/config", Some(CallKind::Write)),
            ("POST", "/nacos/v1/cs/configs/listener", Some(CallKind::Listen)),
            ("POST", "/nacos/v1/auth/users/login", Some(CallKind::Login)),
            ("GET", "/nacos/v1/auth/users", None),
            ("GET", "/nacos/v1/console/health/readiness", None),
            ("GET", "/nacos/v1/cs/history", None),
        ] {
            let (head, ()) = Request::builder().method(method).uri(path).body(()).unwrap().into_parts();
            assert_eq!(kind(&head), expected, "{method} {path}");
        }
    }
}
