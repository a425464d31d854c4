//! Answers with the real server's words and headers (nacos-facts.md §1.2, §1.7, §1.8).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderValue, LAST_MODIFIED, PRAGMA};
use http::{Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::Serialize;
use serde_json::Value;
use shakedown_model::plan::Generation;
use shakedown_nacos::ConfigKey;
use shakedown_nacos::http::{answer, names};

use super::Answer;
use super::call::Call;
use crate::core::{Found, GrayRule, KeyError, Page, PublishError};
use crate::service::node::WriteError;

const TEXT: &str = "text/plain;charset=UTF-8";
const JSON: &str = "application/json;charset=UTF-8";
const BARE_JSON: &str = "application/json";
const EPOCH: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    of_type(status, TEXT, body.into())
}

/// 200 `true`.
pub(super) fn done() -> Answer {
    of_type(StatusCode::OK, JSON, Bytes::from_static(b"true"))
}

/// 200 with a value.
pub(super) fn json(value: &impl Serialize) -> Answer {
    json_with(StatusCode::OK, value)
}

fn json_with(status: StatusCode, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).expect("texts, numbers and lists of them are JSON");
    of_type(status, BARE_JSON, body.into())
}

/// The form in which v2 and v3 answer everything.
#[derive(Serialize)]
struct Outcome<'a> {
    code: i32,
    message: &'a str,
    data: Value,
}

/// The codes of [`Outcome`], each with its words and its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Missing,
    Denied,
    Invalid,
    NotFound,
    Conflict,
    TooManyGrays,
    NamespaceIllegal,
    NamespaceAbsent,
    NamespaceExists,
    ServerError,
}

impl Code {
    const fn parts(self) -> (i32, &'static str, StatusCode) {
        match self {
            Self::Missing => (10000, "parameter missing", StatusCode::BAD_REQUEST),
            Self::Denied => (10001, "access denied", StatusCode::FORBIDDEN),
            Self::Invalid => (20002, "parameter validate error", StatusCode::BAD_REQUEST),
            Self::NotFound => (20004, "resource not found", StatusCode::NOT_FOUND),
            Self::Conflict => (20005, "resource conflict", StatusCode::INTERNAL_SERVER_ERROR),
            Self::TooManyGrays => {
                (20010, "config gray version version over max count", StatusCode::BAD_REQUEST)
            }
            Self::NamespaceIllegal => (22000, "illegal namespace", StatusCode::BAD_REQUEST),
            Self::NamespaceAbsent => (22001, "namespace not exist", StatusCode::NOT_FOUND),
            Self::NamespaceExists => (22002, "namespace already exist", StatusCode::BAD_REQUEST),
            Self::ServerError => (30000, "server error", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// A success of v2 or v3.
pub(super) fn success(data: impl Into<Value>) -> Answer {
    json(&Outcome { code: 0, message: "success", data: data.into() })
}

/// A failure of v2 or v3.
pub(super) fn failure(code: Code, data: impl Into<Value>) -> Answer {
    let (code, message, status) = code.parts();
    json_with(status, &Outcome { code, message, data: data.into() })
}

/// An answer with a status of 200 whatever its code; the older parts of v1 and some of v3 answer so.
pub(super) fn outcome(code: i32, message: Option<&str>, data: impl Into<Value>) -> Answer {
    let data = data.into();
    json(&serde_json::json!({ "code": code, "message": message, "data": data }))
}

/// A page as every API writes it.
pub(super) fn page(page: Page<Value>) -> Value {
    let Page { total, number, pages, items } = page;
    serde_json::json!({ "totalCount": total, "pageNumber": number, "pagesAvailable": pages, "pageItems": items })
}

/// 200 with an empty body: nothing was found.
pub(super) fn nothing() -> Answer {
    of_type(StatusCode::OK, JSON, Bytes::new())
}

/// Names the type of a JSON answer as the real server does: with its character set from the v1 config service, bare
/// from everything else. There 3.x calls its refusals JSON, too.
pub(super) fn name_type(answer: &mut Answer, is_v1_config: bool, generation: Generation) {
    let is = |name: &str| answer.headers().get(CONTENT_TYPE).is_some_and(|value| value == name);
    let is_refusal = is_v1_config
        && generation == Generation::V3
        && answer.status() == StatusCode::BAD_REQUEST
        && is(TEXT);
    if is_refusal || (is_v1_config && is(BARE_JSON)) {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    } else if !is_v1_config && is(JSON) && !answer.headers().contains_key(names::CONTENT_MD5) {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(BARE_JSON));
    }
}

/// 409 for a config that is being dumped.
pub(super) fn busy() -> Answer {
    let body = Bytes::from_static(b"requested file is being modified, please try later.\n");
    of_type(StatusCode::CONFLICT, JSON, body)
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

/// 400 of v1 for a parameter that is not there.
pub(super) fn missing(call: &Call<'_>, parameter: &str) -> Answer {
    let message = match call.generation {
        Generation::V2 => format!(
            "Required request parameter '{parameter}' for method parameter type String is not present"
        ),
        Generation::V3 => format!("Required parameter '{parameter}' is not present."),
    };
    error_page(StatusCode::BAD_REQUEST, &message, &call.path)
}

/// 400 of v2 and v3 for a parameter that is not there.
pub(super) fn missing_form(parameter: &str) -> Answer {
    failure(Code::Missing, format!("Required parameter '{parameter}' type String is not present"))
}

/// 405, with the methods that there are.
pub(super) fn no_such_method(call: &Call<'_>, allowed: &'static str) -> Answer {
    let method = &call.method;
    let message = match call.generation {
        Generation::V2 => format!("Request method '{method}' not supported"),
        Generation::V3 => format!("Method '{method}' is not supported."),
    };
    let mut answer = error_page(StatusCode::METHOD_NOT_ALLOWED, &message, &call.path);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// 404 for a path that the server does not have.
pub(super) fn no_endpoint(call: &Call<'_>) -> Answer {
    let message = match call.generation {
        Generation::V2 => "No message available".to_owned(),
        Generation::V3 => format!("No endpoint {} {}.", call.method, call.path),
    };
    error_page(StatusCode::NOT_FOUND, &message, &call.path)
}

/// 400 for a name; the parameter check answers bare, a handler's exception with its cause.
pub(super) fn key_error(error: &KeyError) -> Answer {
    if error.is_of_param_check() {
        let mut answer = of_type(StatusCode::BAD_REQUEST, JSON, Bytes::from(format!("{error}\r\n")));
        uncached(&mut answer);
        answer
    } else {
        refused(&error.to_string())
    }
}

/// A refused write of v1. What a 3.x server's publish operation raises, its v1 tells as a bare `false`.
pub(super) fn write_error(error: &WriteError, generation: Generation) -> Answer {
    let status = match error {
        WriteError::Key(key) | WriteError::Publish(PublishError::Key(key)) => return key_error(key),
        WriteError::Publish(publish) if publish.is_conflict() => StatusCode::INTERNAL_SERVER_ERROR,
        WriteError::Publish(_) => StatusCode::BAD_REQUEST,
        WriteError::Journal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    match error {
        WriteError::Publish(publish) if generation == Generation::V3 && publish.is_of_operation() => {
            of_type(status, JSON, Bytes::from_static(b"false"))
        }
        _ => text(status, caused(&error.to_string())),
    }
}

/// A refused write of v2 and v3.
pub(super) fn write_failure(error: &WriteError) -> Answer {
    let code = match error {
        WriteError::Key(key) | WriteError::Publish(PublishError::Key(key)) => {
            return if key.is_of_param_check() {
                key_error(key)
            } else {
                failure(Code::Invalid, key.to_string())
            };
        }
        WriteError::Publish(PublishError::Blank(_)) => return missing_form("content"),
        WriteError::Publish(PublishError::TooManyGrays(_)) => Code::TooManyGrays,
        WriteError::Publish(publish) if publish.is_conflict() => Code::Conflict,
        WriteError::Publish(_) => Code::Invalid,
        WriteError::Journal(_) => Code::ServerError,
    };
    failure(code, error.to_string())
}

fn caused(message: &str) -> String {
    format!("caused: {message};")
}

/// A v1 get's answer.
pub(super) fn content(found: &Found) -> Answer {
    // A running 2.5.0 says so of every config type.
    let mut answer = of_type(StatusCode::OK, TEXT, Bytes::copy_from_slice(found.entry.content.as_bytes()));
    add_headers(&mut answer, found);
    answer
}

/// A v2 get's answer.
pub(super) fn content_in_form(found: &Found) -> Answer {
    let mut answer = success(&*found.entry.content);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    add_headers(&mut answer, found);
    answer
}

fn add_headers(answer: &mut Answer, found: &Found) {
    uncached(answer);
    let headers = answer.headers_mut();
    headers.insert(LAST_MODIFIED, value(&http_date(found.entry.last_modified_ms)));
    headers.insert(names::CONFIG_TYPE, value(&found.content_type));
    headers.insert(names::CONTENT_MD5, value(&found.entry.md5));
    let own_key = found.entry.encrypted_data_key.as_deref();
    // Of a formal config without a key the real server tells an empty one, of a gray release nothing.
    if let Some(key) = own_key.or_else(|| found.gray.is_none().then_some(""))
        && let Ok(key) = HeaderValue::from_str(key)
    {
        headers.insert("encrypted-data-key", key);
    }
    match found.gray.as_ref().map(|gray| &gray.rule) {
        Some(GrayRule::Beta(_)) => drop(headers.insert("isbeta", HeaderValue::from_static("true"))),
        Some(GrayRule::Tag(tag)) => {
            let tag: String = form_urlencoded::byte_serialize(tag.as_bytes()).collect();
            headers.insert("tag", value(&tag));
        }
        None => {}
    }
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
    HeaderValue::from_str(text).expect("dates, hex, known types and escaped texts are visible ASCII")
}
