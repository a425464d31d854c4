//! HTTP: gets and long polls over one kept-alive connection.

use std::future::{pending, poll_fn};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, HeaderValue};
use shakedown_model::event::LossCause;
use shakedown_model::{ItemId, Offset};
use shakedown_nacos::http::connection::{ConfigAnswer, Guise, HttpConnection, HttpError, ListenAnswer};
use shakedown_nacos::http::listening::ListenEntry;
use shakedown_nacos::{ConfigKey, ConnectError, EndCause};
use shakedown_watcher::{Held, Refusal, Request, Watcher};

use super::wire::{Heard, Route, WireContext, cause_of, outcome_of, take_turns};

/// Where a proxy tells a server whom it speaks for; Nacos takes the first address in it as the client's.
const FORWARDED_FOR: &str = "x-forwarded-for";

type Connecting = Pin<Box<dyn Future<Output = Result<HttpConnection, ConnectError>> + Send>>;
type Reading = Pin<Box<dyn Future<Output = (Offset, Heard)> + Send>>;
type Busy = Pin<Box<dyn Future<Output = (Option<Box<HttpConnection>>, Offset, Heard)> + Send>>;

enum State {
    Closed,
    Connecting(Connecting),
    Idle(Box<HttpConnection>),
    /// The client closed it with the last answer; the next request makes another.
    Spent,
    /// The connection is inside the request's future and comes back with the answer.
    Busy(Busy),
}

/// A watcher's HTTP connection.
pub(super) struct LongPollWire {
    context: Arc<WireContext>,
    state: State,
    route: Option<Route>,
    /// Reads by an application, by name, each on a connection of its own.
    reads: Vec<(Offset, Reading)>,
    /// The address that the watcher claims to have.
    claimed_ip: Ipv4Addr,
}

/// A request with what it needs from the watcher.
enum Question {
    Get(ConfigKey),
    Poll(Vec<ListenEntry>),
}

impl LongPollWire {
    pub(super) fn new(context: Arc<WireContext>, claimed_ip: Ipv4Addr) -> Self {
        Self { context, state: State::Closed, route: None, reads: Vec::new(), claimed_ip }
    }

    pub(super) fn connect(&mut self, route: Route) {
        let connect = HttpConnection::connect(route.peer.clone(), route.source);
        self.route = Some(route);
        self.state = State::Connecting(Box::pin(take_turns(Arc::clone(&self.context), connect)));
    }

    pub(super) fn close(&mut self) {
        self.state = State::Closed;
    }

    /// A read ends with its answer, or when it is given up, whatever becomes of the poll's connection.
    pub(super) fn read(&mut self, id: Offset, item: ItemId, route: Route) {
        let (context, guise) = (Arc::clone(&self.context), self.guise());
        let question = Question::Get(self.context.key(item));
        let reading = async move {
            let (_, at, heard) = ask(context, None, route, (guise, question)).await;
            (at, heard)
        };
        self.reads.push((id, Box::pin(reading)));
    }

    pub(super) fn drop_read(&mut self, id: Offset) {
        self.reads.retain(|(read, _)| *read != id);
    }

    pub(super) fn send(&mut self, request: Request, watcher: &Watcher) {
        let question = match request {
            Request::Get(item) => Question::Get(self.context.key(item)),
            Request::Poll => Question::Poll(self.entries(watcher)),
            Request::ServerCheck
            | Request::OpenStream
            | Request::Listen
            | Request::Query(_)
            | Request::HealthCheck => return,
        };
        self.state = match (std::mem::replace(&mut self.state, State::Closed), self.route.clone()) {
            (State::Idle(connection), Some(route)) => self.busy(Some(connection), route, question),
            (State::Spent, Some(route)) => self.busy(None, route, question),
            (other, _) => other,
        };
    }

    fn busy(&self, connection: Option<Box<HttpConnection>>, route: Route, question: Question) -> State {
        State::Busy(Box::pin(ask(Arc::clone(&self.context), connection, route, (self.guise(), question))))
    }

    fn entries(&self, watcher: &Watcher) -> Vec<ListenEntry> {
        let entry = |held: Held| ListenEntry { key: self.context.key(held.item), md5: held.md5_text() };
        watcher.held().map(entry).collect()
    }

    /// What the client says of itself with its next request.
    fn guise(&self) -> Guise {
        let habits = &self.context.client.habits;
        let mut headers = HeaderMap::new();
        let name = HeaderName::try_from(habits.identity.header.as_str());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(habits.identity.version.as_str())) {
            headers.insert(name, value);
        }
        if let Ok(value) = HeaderValue::try_from(self.claimed_ip.to_string()) {
            headers.insert(HeaderName::from_static(FORWARDED_FOR), value);
        }
        if habits.asks_to_close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Guise { headers, params: self.context.credentials.params() }
    }

    /// Cancel-safe: futures that were begun stay in `state` and `reads`.
    pub(super) async fn heard(&mut self) -> (Offset, Heard) {
        if self.reads.is_empty() {
            return heard_of(&mut self.state, &self.context).await;
        }
        tokio::select! {
            biased;
            heard = heard_of(&mut self.state, &self.context) => heard,
            heard = next_read(&mut self.reads) => heard,
        }
    }
}

/// The first read that ends.
async fn next_read(reads: &mut Vec<(Offset, Reading)>) -> (Offset, Heard) {
    poll_fn(|context| {
        for at in 0..reads.len() {
            if let Poll::Ready((received, heard)) = reads[at].1.as_mut().poll(context) {
                let (id, _) = reads.swap_remove(at);
                return Poll::Ready((received, Heard::Read(id, Box::new(heard))));
            }
        }
        Poll::Pending
    })
    .await
}

/// What is heard on the poll's connection.
async fn heard_of(state: &mut State, context: &WireContext) -> (Offset, Heard) {
    let (next, at, heard) = match state {
        State::Closed | State::Spent => pending().await,
        State::Connecting(connecting) => {
            let result = connecting.await;
            let at = context.clock.now();
            match result {
                Ok(connection) => (State::Idle(Box::new(connection)), at, Heard::Connected),
                Err(error) => (State::Closed, at, Heard::AttemptFailed(outcome_of(&error))),
            }
        }
        State::Idle(connection) => {
            let end = connection.ended().await;
            (State::Closed, context.clock.now(), Heard::Lost(cause_of(&end)))
        }
        State::Busy(busy) => {
            let (connection, at, heard) = busy.await;
            let kept = connection.filter(|_| context.client.habits.keeps_alive);
            (kept.map_or(State::Spent, State::Idle), at, heard)
        }
    };
    *state = next;
    (at, heard)
}

impl std::fmt::Debug for LongPollWire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LongPollWire").field("route", &self.route).finish_non_exhaustive()
    }
}

/// Asks over the connection, or over a fresh one: when there is none, or when the server said with its last answer that it
/// does not keep this one alive (Tomcat does so after 100 requests), which for an HTTP client is no loss.
///
/// A poll hangs in here for most of a watcher's life: what is needed before is in futures of its own.
async fn ask(
    context: Arc<WireContext>,
    connection: Option<Box<HttpConnection>>,
    route: Route,
    (guise, question): (Guise, Question),
) -> (Option<Box<HttpConnection>>, Offset, Heard) {
    let Some(mut connection) = Box::pin(usable(Arc::clone(&context), connection, route)).await else {
        return (None, context.clock.now(), Heard::Lost(LossCause::Closed));
    };
    let answer = match question {
        Question::Get(key) => Box::pin(connection.get_config_as(guise, &key)).await.map(from_get),
        Question::Poll(entries) => {
            let answer = connection.listen_as(guise, &entries, context.client.poll_timeout, false);
            drop(entries);
            answer.await.map(|answer| from_poll(&context, answer))
        }
    };
    if let Err(HttpError::Status { status: 403, .. }) = answer {
        context.credentials.denied();
    }
    let (received, heard) = answer.unwrap_or_else(|error| from_error(&error));
    let at = received.map_or_else(|| context.clock.now(), |received| context.clock.offset_of(received));
    (Some(connection), at, heard)
}

/// The connection, or a fresh one in its place.
async fn usable(
    context: Arc<WireContext>,
    connection: Option<Box<HttpConnection>>,
    route: Route,
) -> Option<Box<HttpConnection>> {
    if let Some(mut old) = connection
        && (old.is_open() || old.ended().await.cause != EndCause::Closed)
    {
        return Some(old);
    }
    let fresh = HttpConnection::connect(route.peer, route.source);
    take_turns(context, fresh).await.ok().map(Box::new)
}

type Stamped = (Option<tokio::time::Instant>, Heard);

fn from_get(answer: ConfigAnswer) -> Stamped {
    let ConfigAnswer { content, md5, received } = answer;
    let heard = content.map_or(Heard::Absent, |text| Heard::Content { text, md5 });
    (Some(received), heard)
}

fn from_poll(context: &WireContext, answer: ListenAnswer) -> Stamped {
    let ListenAnswer { changed, received } = answer;
    let items = changed.iter().filter_map(|key| context.names.item(key)).collect();
    (Some(received), Heard::Changed(items))
}

fn from_error(error: &HttpError) -> Stamped {
    match error {
        HttpError::Ended(end) => (None, Heard::Lost(cause_of(end))),
        HttpError::Status { received, .. } => (Some(*received), Heard::Refused(Refusal::Error)),
        HttpError::Answer(_) => (None, Heard::Lost(LossCause::Protocol)),
        // Not a payload of ours, whatever it is: the machine calls it foreign.
        HttpError::NotText => (None, Heard::Content { text: String::new(), md5: None }),
    }
}
