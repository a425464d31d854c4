//! HTTP of a few lines, so that every byte of a refusal can be looked at.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::suite::Suite;

const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1.to_owned())
    }
}

impl Suite {
    /// One request.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Result<Answer, String> {
        request(self.api, method, path, "", body)
    }

    /// One request with one more line in its head.
    pub(crate) fn request_with(&self, method: &str, path: &str, header: &str) -> Result<Answer, String> {
        request(self.api, method, path, &format!("{header}\r\n"), "")
    }

    /// The JSON of a request that must succeed; null without a body.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.request(method, path, &text)?;
        if answer.status >= 300 {
            return Err(format!("{method} {path} {text}: {} {}", answer.status, answer.body));
        }
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&answer.body)
            .map_err(|error| format!("{method} {path}: {error} in {}", answer.body))
    }
}

fn request(api: SocketAddr, method: &str, path: &str, header: &str, body: &str) -> Result<Answer, String> {
    let failed = |error: std::io::Error| format!("{method} {path}: {error}");
    let mut stream = TcpStream::connect(api).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.0\r\nHost: x\r\n{header}Content-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    let (head, body) =
        answer.split_once("\r\n\r\n").ok_or_else(|| format!("{method} {path}: no head in {answer:?}"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| format!("{method} {path}: no status in {head:?}"))?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
