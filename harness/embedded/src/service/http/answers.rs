//! Answers of HTTP v1 with the real server's words and headers (nacos-facts.md §1.2, §1.8).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderValue, LAST_MODIFIED, PRAGMA};
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::Serialize;
use shakedown_nacos::ConfigKey;
use shakedown_nacos::http::{answer, names};

use super::Answer;
use crate::core::{Entry, KeyError, PublishError};
use crate::service::node::WriteError;

const TEXT: &str = "text/plain;charset=UTF-8";
const JSON: &str = "application/json;charset=UTF-8";
const EPOCH: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    of_type(status, TEXT, body.into())
}

/// 200 `true`.
pub(super) fn done() -> Answer {
    of_type(StatusCode::OK, JSON, Bytes::from_static(b"true"))
}

/// 404 for a config.
pub(super) fn absent() -> Answer {
    of_type(StatusCode::NOT_FOUND, JSON, Bytes::from_static(b"config data not exist\n"))
}

fn of_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// 400, in the form in which the real server tells an exception.
pub(super) fn refused(message: &str) -> Answer {
    text(StatusCode::BAD_REQUEST, caused(message))
}

#[derive(Serialize)]
struct ErrorPage<'a> {
    timestamp: String,
    status: u16,
    error: &'a str,
    message: &'a str,
    path: &'a str,
}

/// What the servlet container says by itself, as its error page in JSON.
pub(super) fn error_page(status: StatusCode, message: &str, path: &str) -> Answer {
    let page = ErrorPage {
        timestamp: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string(),
        status: status.as_u16(),
        error: status.canonical_reason().unwrap_or_default(),
        message,
        path,
    };
    let page = serde_json::to_vec(&page).expect("strings and numbers are JSON");
    of_type(status, JSON, Bytes::from(page))
}

pub(super) fn missing(parameter: &str) -> Answer {
    let message =
        format!("Required request parameter '{parameter}' for method parameter type String is not present");
    error_page(StatusCode::BAD_REQUEST, &message, names::CONFIGS_PATH)
}

pub(super) fn no_such_method(method: &Method, path: &str) -> Answer {
    error_page(StatusCode::METHOD_NOT_ALLOWED, &format!("Request method '{method}' not supported"), path)
}

/// 400 for a name; the parameter check answers bare, a handler's exception with its cause.
pub(super) fn key_error(error: &KeyError) -> Answer {
    if error.is_of_param_check() {
        let mut answer = of_type(StatusCode::BAD_REQUEST, JSON, Bytes::from(format!("{error}\n")));
        uncached(&mut answer);
        answer
    } else {
        refused(&error.to_string())
    }
}

pub(super) fn write_error(error: &WriteError) -> Answer {
    let status = match error {
        WriteError::Key(key) | WriteError::Publish(PublishError::Key(key)) => return key_error(key),
        WriteError::Publish(PublishError::CasLost) | WriteError::Journal(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        WriteError::Publish(_) => StatusCode::BAD_REQUEST,
    };
    text(status, caused(&error.to_string()))
}

fn caused(message: &str) -> String {
    format!("caused: {message};")
}

/// A get's answer.
pub(super) fn content(entry: &Entry) -> Answer {
    // A running 2.5.0 says so of every config type.
    let mut answer = of_type(StatusCode::OK, TEXT, Bytes::copy_from_slice(entry.content.as_bytes()));
    uncached(&mut answer);
    let headers = answer.headers_mut();
    headers.insert(LAST_MODIFIED, value(&http_date(entry.last_modified_ms)));
    headers.insert(names::CONFIG_TYPE, value(&entry.content_type));
    headers.insert(names::CONTENT_MD5, value(&entry.md5));
    let encrypted = HeaderValue::from_str(entry.encrypted_data_key.as_deref().unwrap_or_default());
    if let Ok(encrypted) = encrypted {
        headers.insert("encrypted-data-key", encrypted);
    }
    answer
}

/// The answer of a poll that was not hung.
pub(super) fn changed(keys: &[Arc<ConfigKey>]) -> Answer {
    poll_body(Bytes::from(encode(keys)))
}

pub(super) fn poll_body(body: Bytes) -> Answer {
    let is_wake = !body.is_empty();
    let mut answer = of_type(StatusCode::OK, JSON, body);
    if is_wake {
        uncached(&mut answer);
    }
    answer
}

/// The answer to a client that is too old for bodies: both forms in headers, nothing in the body.
pub(super) fn changed_in_headers(keys: &[Arc<ConfigKey>]) -> Answer {
    let mut old = String::new();
    for key in keys {
        old.extend([key.data_id.as_str(), ":", &key.group, ";"]);
    }
    let mut answer = poll_body(Bytes::new());
    uncached(&mut answer);
    let new = encode(keys);
    for (name, text) in
        [("probe-modify-response", old.as_str()), ("probe-modify-response-new", new.trim_end())]
    {
        // Names that passed the parameter check are ASCII, and the new form is escaped.
        if let Ok(text) = HeaderValue::from_str(text) {
            answer.headers_mut().insert(name, text);
        }
    }
    answer
}

fn encode(keys: &[Arc<ConfigKey>]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| ConfigKey::clone(key)).collect();
    answer::encode(&keys)
}

fn uncached(answer: &mut Answer) {
    let headers = answer.headers_mut();
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(EXPIRES, HeaderValue::from_static(EPOCH));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache,no-store"));
}

fn http_date(unix_ms: u64) -> String {
    i64::try_from(unix_ms)
        .ok()
        .and_then(|millis| Timestamp::from_millisecond(millis).ok())
        .and_then(|at| rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok())
        .unwrap_or_else(|| EPOCH.to_owned())
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("dates, hex and known types are visible ASCII")
}
