//! Answers in Toxiproxy's forms: errors are JSON, but labelled as text, as Go's `http.Error` does.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::registry::RegistryError;

/// An answer of the API.
pub(super) type Answer = Response<Full<Bytes>>;

/// An error as JSON.
#[derive(Serialize)]
pub(super) struct ErrorBody {
    error: String,
    status: u16,
}

impl From<&RegistryError> for ErrorBody {
    fn from(error: &RegistryError) -> Self {
        Self { error: error.to_string(), status: error.status().as_u16() }
    }
}

fn answer(status: StatusCode, content_type: Option<&'static str>, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    if let Some(content_type) = content_type {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    answer
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(body).expect("the API's answers have string keys and plain values");
    answer(status, Some("application/json"), body)
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    answer(status, None, Bytes::new())
}

/// A line of plain text.
pub(super) fn text(status: StatusCode, line: &str) -> Answer {
    answer(status, Some("text/plain; charset=utf-8"), format!("{line}\n"))
}

/// A refusal.
pub(super) fn error(error: &RegistryError) -> Answer {
    let body = ErrorBody::from(error);
    text(error.status(), &serde_json::to_string(&body).expect("a string and a number are JSON"))
}

/// The answer to `GET /version`, which Toxiproxy writes by hand.
pub(super) fn version() -> Answer {
    let body = format!("{{\"version\": \"{}\"}}\n", crate::TOXIPROXY_VERSION);
    answer(StatusCode::OK, Some("application/json;charset=utf-8"), body)
}
