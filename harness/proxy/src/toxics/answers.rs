//! `answers`: requests of HTTP/1.1, and calls of gRPC, are answered badly. Not a toxic of Toxiproxy; on followed proxies.
//!
//! Which requests is said by method and path, which calls by bytes that the head of their first message has: HTTP/2's
//! compressed fields are never looked at. Its stream means nothing.

use serde::{Deserialize, Serialize};

use super::wire::whole;
use crate::follow::HEAD_OF_MESSAGE;

/// Which requests and calls are answered badly, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Answers {
    /// Requests of HTTP/1.1: any of these.
    pub(crate) requests: Vec<Requests>,
    /// Calls of gRPC: whose first message has one of these within its first bytes.
    pub(crate) messages: Vec<Vec<u8>>,
    /// The share of them, in parts per million.
    pub(crate) share_ppm: u32,
    /// How.
    pub(crate) with: With,
    /// For [`With::Status`]: the status, and the body that comes with it.
    pub(crate) status: u16,
    pub(crate) body: String,
    /// For [`With::Status`] over gRPC: the message that the server is sent in place of the call's, which it answers
    /// without doing what the call asks, and what then takes the place of its answer.
    pub(crate) ask: Vec<u8>,
    pub(crate) answer: Vec<u8>,
    /// For [`With::Slow`]: milliseconds.
    #[serde(deserialize_with = "whole")]
    pub(crate) delay: u64,
    /// For [`With::SlowBody`]: bytes per second.
    #[serde(deserialize_with = "whole")]
    pub(crate) rate: u64,
}

/// Requests by method and path.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Requests {
    /// One of these; none is any.
    pub(crate) methods: Vec<String>,
    /// What the path ends with, whatever is asked behind a `?`.
    pub(crate) path_end: String,
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum With {
    /// By a status; the server does not hear of the request.
    #[default]
    Status,
    /// Rightly, but the server hears of the request so much later.
    Slow,
    /// Rightly, but the body comes at a rate.
    SlowBody,
    /// By half of the body; then the connection breaks, or over gRPC the call's stream.
    Truncated,
    /// By half of the body, said to be the whole; over gRPC by half of the message.
    WrongLength,
    /// By bytes without a meaning.
    Garbage,
}

impl Answers {
    /// Whether a request is meant.
    pub(crate) fn means_request(&self, method: &str, target: &str) -> bool {
        let path = target.split('?').next().unwrap_or(target);
        self.requests.iter().any(|meant| {
            path.ends_with(&meant.path_end)
                && (meant.methods.is_empty() || meant.methods.iter().any(|name| name == method))
        })
    }

    /// Whether a call is meant whose first message begins like this.
    pub(crate) fn means_call(&self, head: &[u8]) -> bool {
        self.messages.iter().any(|bytes| has(head, bytes))
    }
}

/// Whether the first bytes of a message have these among them.
pub(crate) fn has(head: &[u8], bytes: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD_OF_MESSAGE)];
    !bytes.is_empty() && head.windows(bytes.len()).any(|window| window == bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_meant_by_method_and_the_end_of_their_path() {
        let read = Requests { methods: vec!["GET".into()], path_end: "/configs".into() };
        let login = Requests { methods: Vec::new(), path_end: "/login".into() };
        let answers = Answers { requests: vec![read, login], ..Answers::default() };
        assert!(answers.means_request("GET", "/v1/cs/configs?dataId=x/listener"));
        assert!(answers.means_request("POST", "/v1/auth/users/login"));
        assert!(!answers.means_request("POST", "/v1/cs/configs"));
        assert!(!answers.means_request("GET", "/v1/cs/configs/listener?x=/configs"));
    }

    #[test]
    fn calls_are_meant_by_what_their_first_bytes_have() {
        let answers = Answers { messages: vec![b"\x03Ask".to_vec(), Vec::new()], ..Answers::default() };
        assert!(answers.means_call(b"\0\0\0\0\x09..\x03Ask.."));
        assert!(!answers.means_call(b"\0\0\0\0\x09..\x03Bsk.."));
        let mut late = vec![0; HEAD_OF_MESSAGE];
        late.extend(b"\x03Ask");
        assert!(!answers.means_call(&late), "what is said later is content");
    }
}
