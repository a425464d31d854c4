//! Answers in Toxiproxy's forms: errors are JSON, but labelled as text, as Go's `http.Error` does.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS};
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

/// A line of plain text, as Go's `http.Error` writes it.
pub(super) fn text(status: StatusCode, line: &str) -> Answer {
    let mut answer = answer(status, Some("text/plain; charset=utf-8"), format!("{line}\n"));
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// Go's answer to a path that is not in its shortest form.
pub(super) fn moved(path: &str) -> Answer {
    let Ok(location) = HeaderValue::try_from(path) else { return empty(StatusCode::NOT_FOUND) };
    let mut answer = empty(StatusCode::MOVED_PERMANENTLY);
    answer.headers_mut().insert(LOCATION, location);
    answer
}

/// Metrics in Prometheus' text format.
pub(super) fn metrics(text: String) -> Answer {
    answer(StatusCode::OK, Some("text/plain; version=0.0.4; charset=utf-8"), text)
}

/// Names a request that was answered, as Toxiproxy does.
pub(super) fn with_request_id(mut answer: Answer, id: u64) -> Answer {
    if let Ok(id) = HeaderValue::try_from(format!("{id:020x}")) {
        answer.headers_mut().insert("x-toxiproxy-request-id", id);
    }
    answer
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
