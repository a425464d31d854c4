//! What is published, and what an answer says of it.

use reqwest::StatusCode;

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
}

impl<'a> Publication<'a> {
    /// A publication without conditions.
    #[must_use]
    pub const fn new(key: &'a ConfigKey, content: &'a str) -> Self {
        Self { key, content, cas_md5: None }
    }

    pub(super) fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(self.key.query());
        form.append_pair("content", self.content).finish()
    }
}

/// How a publish ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishAnswer {
    /// The server said that it stored it.
    Acked,
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
        if status == StatusCode::OK && body.trim() == "true" {
            Self::Acked
        } else if excludes_storing(status, body) {
            Self::Refused { status: Some(status.as_u16()), text }
        } else {
            Self::Ambiguous { text: format!("status {}: {text}", status.as_u16()) }
        }
    }

    /// The status came, the body did not.
    pub(super) fn of_cut_answer(status: StatusCode, error: &reqwest::Error) -> Self {
        let text = format!("status {}, then {}", status.as_u16(), with_causes(error));
        if excludes_storing(status, "") {
            Self::Refused { status: Some(status.as_u16()), text }
        } else {
            Self::Ambiguous { text }
        }
    }

    /// No status came. Only while connecting has nothing been sent.
    pub(super) fn of_error(error: &reqwest::Error) -> Self {
        let text = with_causes(error);
        if error.is_connect() || error.is_builder() {
            Self::Refused { status: None, text }
        } else {
            Self::Ambiguous { text }
        }
    }
}

/// Whether an answer says that nothing was stored: every refusal of the request itself, and a lost compare-and-set
/// (a 500 with fixed words; facts §1.3). Other 5xx come after the attempt to store, or from something in between.
fn excludes_storing(status: StatusCode, body: &str) -> bool {
    match status {
        StatusCode::REQUEST_TIMEOUT => false,
        StatusCode::INTERNAL_SERVER_ERROR => body.contains("Cas publish fail"),
        other => other.is_client_error(),
    }
}

/// The start of a body, for messages.
pub(super) fn start_of(body: &str) -> String {
    body.trim().chars().take(200).collect()
}

fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
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
    fn only_true_is_an_ack() {
        assert_eq!(answer(200, "true"), PublishAnswer::Acked);
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
        let lost = answer(500, "Cas publish fail, server md5 may have changed.");
        assert!(matches!(lost, PublishAnswer::Refused { status: Some(500), .. }));
    }

    #[test]
    fn failures_after_the_attempt_are_ambiguous() {
        for status in [408, 500, 502, 503, 504] {
            assert!(matches!(answer(status, "oops"), PublishAnswer::Ambiguous { .. }), "{status}");
        }
    }
}
