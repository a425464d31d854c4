//! Answers of HTTP v1 with the real server's words and headers (nacos-facts.md §1.2, §1.8).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderValue, LAST_MODIFIED, PRAGMA};
use http::{Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use shakedown_nacos::ConfigKey;
use shakedown_nacos::http::{answer, names};

use super::Answer;
use crate::core::{Entry, PublishError};
use crate::service::node::WriteError;

const TEXT: &str = "text/plain;charset=UTF-8";
const EPOCH: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    of_type(status, TEXT, body.into())
}

pub(super) fn json(status: StatusCode, body: &'static str) -> Answer {
    of_type(status, "application/json;charset=UTF-8", Bytes::from_static(body.as_bytes()))
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

pub(super) fn missing(parameter: &str) -> Answer {
    refused(&format!(
        "Required request parameter '{parameter}' for method parameter type String is not present"
    ))
}

pub(super) fn no_such_method() -> Answer {
    text(StatusCode::METHOD_NOT_ALLOWED, caused("Request method is not supported"))
}

pub(super) fn write_error(error: &WriteError) -> Answer {
    let status = match error {
        WriteError::Publish(PublishError::CasLost) | WriteError::Journal(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        WriteError::Publish(_) | WriteError::Key(_) => StatusCode::BAD_REQUEST,
    };
    text(status, caused(&error.to_string()))
}

fn caused(message: &str) -> String {
    format!("caused: {message};")
}

/// A get's answer.
pub(super) fn content(entry: &Entry) -> Answer {
    let content_type = match &*entry.content_type {
        "json" => "application/json;charset=UTF-8",
        "xml" => "application/xml;charset=UTF-8",
        "html" => "text/html;charset=UTF-8",
        _ => TEXT,
    };
    let mut answer = of_type(StatusCode::OK, content_type, Bytes::copy_from_slice(entry.content.as_bytes()));
    uncached(&mut answer);
    let headers = answer.headers_mut();
    headers.insert(LAST_MODIFIED, value(&http_date(entry.last_modified_ms)));
    headers.insert(names::CONFIG_TYPE, value(&entry.content_type));
    headers.insert(names::CONTENT_MD5, value(&entry.md5));
    if let Some(key) = &entry.encrypted_data_key
        && let Ok(key) = HeaderValue::from_str(key)
    {
        headers.insert("encrypted-data-key", key);
    }
    answer
}

/// The answer of a poll that was not hung.
pub(super) fn changed(keys: &[Arc<ConfigKey>]) -> Answer {
    let keys: Vec<_> = keys.iter().map(|key| ConfigKey::clone(key)).collect();
    poll_body(Bytes::from(answer::encode(&keys)))
}

pub(super) fn poll_body(body: Bytes) -> Answer {
    let mut answer = text(StatusCode::OK, body);
    uncached(&mut answer);
    answer
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
