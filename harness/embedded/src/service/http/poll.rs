//! The long poll (nacos-facts.md §1.4).

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use shakedown_nacos::http::listening::{self, ListeningError};
use shakedown_nacos::http::names;

use super::Answer;
use super::answers::{self, refused};
use super::call::Call;
use crate::core::{Caller, Listened, Poll, PollId, PollReply, check_key};
use crate::service::node::Node;
use crate::service::params::header;

pub(super) async fn answer(call: Call<'_>) -> Answer {
    let headers = &call.headers;
    let parsed = listening::parse(&call.body).or_else(|error| match error {
        ListeningError::Blank => listening::parse(call.query.as_bytes()),
        other => Err(other),
    });
    let entries = match parsed {
        Ok(entries) => entries,
        Err(ListeningError::TooManyWords { .. } | ListeningError::TooManyEntries) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return answers::error_page(status, "invalid probeModify", names::LISTENER_PATH);
        }
        Err(_) => return refused("invalid probeModify"),
    };
    if let Some(error) = entries.iter().find_map(|entry| check_key(&entry.key).err()) {
        return answers::key_error(&error);
    }
    let listened = call.node.held(entries.into_iter().map(Listened::from));
    let timeout = header(headers, names::LONG_PULLING_TIMEOUT);
    let millis = timeout.as_ref().map(|millis| millis.parse().map(Duration::from_millis));
    let is_no_hangup = header(headers, names::NO_HANGUP).is_some_and(|value| value == "true");
    let caller = Caller { ip: call.ip(), tag: call.header("Vipserver-Tag").map(Into::into) };
    let poll = Poll {
        connection: call.connection,
        caller,
        listened,
        timeout: millis.clone().and_then(Result::ok),
        is_no_hangup,
    };
    match (call.node.input(|core, now| core.poll(now, poll)), millis) {
        (PollReply::Answer(changed), None) if is_told_in_headers(headers) => {
            answers::changed_in_headers(&changed)
        }
        // The real server notes what changed for its own log, and tells newer clients nothing.
        (PollReply::Answer(_), None) => answers::changed(&[]),
        (PollReply::Answer(changed), Some(Err(_))) if changed.is_empty() && !is_no_hangup => {
            refused(&format!("For input string: \"{}\"", timeout.unwrap_or_default()))
        }
        (PollReply::Answer(changed), _) => answers::changed(&changed),
        (PollReply::Hangs(poll), _) => hang(call.node, poll).await,
        (PollReply::Full, _) => {
            // The real server draws the delay, so that those who are refused do not come back together.
            tokio::time::sleep(call.node.refusal_delay()).await;
            answers::text(StatusCode::SERVICE_UNAVAILABLE, "connections are above the limit")
        }
    }
}

/// Whether a short-polling client takes its answer in headers: before version 2.0.4, and none is 2.0.0.
fn is_told_in_headers(headers: &HeaderMap) -> bool {
    let version = header(headers, names::CLIENT_VERSION).unwrap_or_default();
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next()) < (2, 0, 4)
}

/// Waits for a hanging poll. When the client goes away, hyper drops this future, and the poll with it.
async fn hang(node: &Node, poll: PollId) -> Answer {
    struct EndsPoll<'a>(&'a Node, PollId);
    impl Drop for EndsPoll<'_> {
        fn drop(&mut self) {
            self.0.end_poll(self.1);
        }
    }
    let awaited = node.await_poll(poll);
    let _ends = EndsPoll(node, poll);
    // The sender is dropped unsent only when the server goes down, and this task with it.
    answers::poll_body(awaited.await.unwrap_or_default())
}
