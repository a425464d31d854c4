//! What is going on on the streams of a connection.

use bytes::Bytes;
use shakedown_http2::StreamId;
use shakedown_nacos::grpc::frame::Decoder;
use tokio::time::Instant;

/// Streams that a client may have open at once.
pub(super) const MAX_STREAMS: u32 = 100;

/// A stream with which something is left to do.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    /// A call whose request has not come whole.
    Request {
        decoder: Decoder,
        /// When it is given up; set once it is seen not to be whole.
        until: Option<Instant>,
    },
    /// A call that a task of its own answers.
    Answering,
    /// A call whose answer the client has no room for.
    Answer { rest: Bytes },
    /// A call that was answered; what still comes of its request is dropped.
    Answered,
    /// The bidirectional stream.
    Pushes { decoder: Decoder },
}

/// The streams of a connection.
#[derive(Debug, Default)]
pub(super) struct Streams(Vec<Stream>);

impl Streams {
    pub(super) fn add(&mut self, id: StreamId, state: State) {
        if self.0.is_empty() {
            // Most have one at a time.
            self.0.reserve_exact(1);
        }
        self.0.push(Stream { id, state });
    }

    pub(super) fn get(&mut self, id: StreamId) -> Option<&mut State> {
        self.0.iter_mut().find(|stream| stream.id == id).map(|stream| &mut stream.state)
    }

    pub(super) fn remove(&mut self, id: StreamId) {
        self.retain(|stream| stream.id != id);
    }

    /// Takes those out that were answered.
    pub(super) fn remove_answered(&mut self, mut answered: impl FnMut(StreamId)) {
        self.retain(|stream| {
            let is_answered = matches!(stream.state, State::Answered);
            if is_answered {
                answered(stream.id);
            }
            !is_answered
        });
    }

    /// Takes those out whose request did not come in time.
    pub(super) fn remove_overdue(&mut self, now: Instant, mut overdue: impl FnMut(StreamId)) {
        self.retain(|stream| {
            let is_overdue =
                matches!(stream.state, State::Request { until: Some(until), .. } if until <= now);
            if is_overdue {
                overdue(stream.id);
            }
            !is_overdue
        });
    }

    /// When the first request is given up; those seen for the first time have until `later`.
    pub(super) fn first_due(&mut self, later: impl Fn() -> Instant) -> Option<Instant> {
        let untils = self.0.iter_mut().filter_map(|stream| match &mut stream.state {
            State::Request { until, .. } => Some(*until.get_or_insert_with(&later)),
            State::Answering | State::Answer { .. } | State::Answered | State::Pushes { .. } => None,
        });
        untils.min()
    }

    /// The answers that were not sent whole.
    pub(super) fn unsent(&mut self) -> impl Iterator<Item = (StreamId, &mut State)> {
        let is_unsent = |stream: &&mut Stream| matches!(stream.state, State::Answer { .. });
        self.0.iter_mut().filter(is_unsent).map(|stream| (stream.id, &mut stream.state))
    }

    fn retain(&mut self, keep: impl FnMut(&Stream) -> bool) {
        self.0.retain(keep);
        if self.0.len() == 1 && self.0.capacity() > 4 {
            // An idle connection has its bidirectional stream and keeps no list for more.
            self.0.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shakedown_http2::{Config, Connection};

    use super::*;

    #[test]
    fn a_request_that_does_not_come_whole_is_given_up_in_time() {
        let (mut out, mut streams, now) = (Vec::new(), Streams::default(), Instant::now());
        let mut client = Connection::client(Config::default(), &mut out);
        let mut add = |streams: &mut Streams, state| {
            let id = client.request(&[], false, &mut out).unwrap();
            streams.add(id, state);
            id
        };
        let pushes = State::Pushes { decoder: Decoder::default() };
        add(&mut streams, pushes);
        assert_eq!(streams.first_due(|| now), None, "a stream may rest for ever");
        let slow = add(&mut streams, State::Request { decoder: Decoder::default(), until: None });
        assert_eq!(streams.first_due(|| now), Some(now));
        let slower = add(&mut streams, State::Request { decoder: Decoder::default(), until: None });
        let later = now + Duration::from_secs(1);
        assert_eq!(streams.first_due(|| later), Some(now), "its time is set once");
        let mut given_up = Vec::new();
        streams.remove_overdue(now, |id| given_up.push(id));
        assert_eq!(given_up, [slow]);
        assert_eq!(streams.first_due(|| now), Some(later));
        assert!(streams.get(slower).is_some());
    }
}
