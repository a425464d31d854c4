//! What is published, and what an answer says of it.

use http::StatusCode;
use serde::Deserialize;

use super::{AdminError, CallError};
use crate::ConfigKey;

/// What is published.
#[derive(Debug, Clone, Copy)]
pub struct Publication<'a> {
    /// The item.
    pub key: &'a ConfigKey,
    /// The content; blank content is refused.
    pub content: &'a str,
    /// Publish only when the server holds content of this MD5 (or none at all; facts §1.3).
    pub cas_md5: Option<&'a str>,
    /// Publish to clients with these addresses alone, separated by commas: a gray (beta) release.
    pub beta_ips: Option<&'a str>,
}

impl<'a> Publication<'a> {
    /// A publication without conditions.
    #[must_use]
    pub const fn new(key: &'a ConfigKey, content: &'a str) -> Self {
        Self { key, content, cas_md5: None, beta_ips: None }
    }
}

/// How a publish, a delete or the end of a gray release went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishAnswer {
    /// The server said that it did it.
    Acked,
    /// It was not stored: the server holds other content than the compare-and-set names.
    Conflict {
        /// In words.
        text: String,
    },
    /// It was not stored: the server said so before it tried, or nothing was ever sent.
    Refused {
        /// The status; `None` when no connection came about.
        status: Option<u16>,
        /// In words.
        text: String,
    },
    /// It may have been stored, or may still be.
    Ambiguous {
        /// In words.
        text: String,
    },
}

impl PublishAnswer {
    pub(super) fn of_answer(status: StatusCode, body: &str) -> Self {
        let text = start_of(body);
        if is_conflict(body) {
            Self::Conflict { text }
        } else if status == StatusCode::OK && is_yes(body) {
            Self::Acked
        } else if excludes_storing(status) {
            Self::Refused { status: Some(status.as_u16()), text }
        } else {
            Self::Ambiguous { text: format!("status {}: {text}", status.as_u16()) }
        }
    }

    /// The status came, the body did not.
    pub(super) fn of_cut_answer(status: StatusCode, error: &CallError) -> Self {
        let text = format!("status {}, then {}", status.as_u16(), with_causes(error));
        if excludes_storing(status) {
            Self::Refused { status: Some(status.as_u16()), text }
        } else {
            Self::Ambiguous { text }
        }
    }

    /// There was no token to send it with.
    pub(super) fn not_sent(error: &AdminError) -> Self {
        let status = match error {
            AdminError::Status { status, .. } => Some(*status),
            _ => None,
        };
        Self::Refused { status, text: with_causes(error) }
    }

    /// No status came. Only while connecting has nothing been sent.
    pub(super) fn of_error(error: &CallError) -> Self {
        let text = with_causes(error);
        match error {
            CallError::Connect(_) => Self::Refused { status: None, text },
            CallError::TimedOut(_) | CallError::Broken(_) => Self::Ambiguous { text },
        }
    }
}

/// Whether an answer of 200 says yes: `true` by v1, a result with code 0 by v2, v3 and the end of a beta.
fn is_yes(body: &str) -> bool {
    #[derive(Deserialize)]
    struct Answer {
        code: i64,
        data: Option<serde_json::Value>,
    }
    if body.trim() == "true" {
        return true;
    }
    serde_json::from_str(body).is_ok_and(|Answer { code, data }| {
        // The result of the old console paths has 200 for its code.
        (code == 0 || code == 200) && data != Some(serde_json::Value::Bool(false))
    })
}

/// Whether an answer says that a compare-and-set was lost: fixed words, whatever the status (facts §1.3).
pub(super) fn is_conflict(text: &str) -> bool {
    text.contains("Cas publish fail")
}

/// Whether a status says that nothing was stored: every refusal of the request itself. Other 5xx come after the
/// attempt to store, or from something in between.
fn excludes_storing(status: StatusCode) -> bool {
    status != StatusCode::REQUEST_TIMEOUT && status.is_client_error()
}

/// The start of a body, for messages.
pub(super) fn start_of(body: &str) -> String {
    body.trim().chars().take(200).collect()
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> PublishAnswer {
        PublishAnswer::of_answer(StatusCode::from_u16(status).unwrap(), body)
    }

    #[test]
    fn only_a_yes_is_an_ack() {
        for yes in ["true", r#"{"code":0,"message":"success","data":true}"#, r#"{"code":200,"data":true}"#] {
            assert_eq!(answer(200, yes), PublishAnswer::Acked, "{yes}");
        }
        for no in [r#"{"code":0,"data":false}"#, r#"{"code":30000,"data":null}"#] {
            assert!(matches!(answer(200, no), PublishAnswer::Ambiguous { .. }), "{no}");
        }
        assert!(matches!(answer(200, "false"), PublishAnswer::Ambiguous { .. }));
        assert!(matches!(answer(200, ""), PublishAnswer::Ambiguous { .. }));
        assert!(matches!(answer(302, ""), PublishAnswer::Ambiguous { .. }));
    }

    #[test]
    fn refusals_of_the_request_exclude_storing() {
        for status in [400, 403, 404, 410, 413, 429] {
            assert!(
                matches!(answer(status, "no"), PublishAnswer::Refused { status: Some(s), .. } if s == status)
            );
        }
        for lost in [
            "Cas publish fail, server md5 may have changed.",
            r#"{"code":20005,"message":"resource conflict","data":"Cas publish fail, server md5 may have changed."}"#,
        ] {
            assert!(matches!(answer(500, lost), PublishAnswer::Conflict { .. }), "{lost}");
        }
    }

    #[test]
    fn failures_after_the_attempt_are_ambiguous() {
        for status in [408, 500, 502, 503, 504] {
            assert!(matches!(answer(status, "oops"), PublishAnswer::Ambiguous { .. }), "{status}");
        }
    }
}
