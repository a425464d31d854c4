//! gRPC: one connection with unary calls and the stream.

use std::future::pending;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;

use shakedown_model::event::LossCause;
use shakedown_model::plan::Abilities;
use shakedown_model::{ItemId, Offset};
use shakedown_nacos::grpc::connection::{
    CallId, Event, GrpcConnection, GrpcLimits, Reply, RpcError, SendError,
};
use shakedown_nacos::grpc::message::{
    ClientDetectionResponse, ConfigBatchListenRequest, ConfigChangeBatchListenResponse,
    ConfigChangeNotifyResponse, ConfigListenContext, ConfigQueryRequest, ConfigQueryResponse,
    ConnectResetResponse, ConnectionSetupRequest, HealthCheckRequest, HealthCheckResponse, Pushed, Response,
    ServerCheckRequest, ServerCheckResponse, codes,
};
use shakedown_nacos::grpc::payload::{Payload, PayloadError};
use shakedown_nacos::{ConfigKey, ConnectError, EndCause};
use shakedown_watcher::{Refusal, Request, Watcher};
use tokio::time::timeout_at;

use super::wire::{Heard, Route, WireContext, cause_of, outcome_of, take_turns};

/// The header that carries a token.
const ACCESS_TOKEN: &str = "accessToken";

type Connecting = Pin<Box<dyn Future<Output = Result<GrpcConnection, ConnectError>> + Send>>;

enum State {
    Closed,
    Connecting(Connecting),
    Open(Box<GrpcConnection>),
    /// It could not be used any more; to be told once.
    Broken,
}

/// A call that waits for its reply.
#[derive(Debug, Clone, Copy)]
struct Asked {
    call: CallId,
    what: Question,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Check,
    Listen,
    Query,
}

/// A watcher's gRPC connection.
pub(super) struct GrpcWire {
    context: Arc<WireContext>,
    state: State,
    asked: Option<Asked>,
    health: Option<CallId>,
    /// Reads by an application, by name.
    reads: Vec<(CallId, Offset)>,
    /// The acknowledgement of the push that was heard last.
    ack: Option<Payload>,
    /// The address that the watcher claims to have.
    claimed_ip: Ipv4Addr,
}

impl GrpcWire {
    pub(super) fn new(context: Arc<WireContext>, claimed_ip: Ipv4Addr) -> Self {
        Self {
            context,
            state: State::Closed,
            asked: None,
            health: None,
            reads: Vec::new(),
            ack: None,
            claimed_ip,
        }
    }

    pub(super) fn connect(&mut self, route: Route) {
        self.close();
        let connect = GrpcConnection::connect(route.peer, route.source, GrpcLimits::default());
        self.state = State::Connecting(Box::pin(take_turns(Arc::clone(&self.context), connect)));
    }

    pub(super) fn close(&mut self) {
        self.state = State::Closed;
        self.asked = None;
        self.health = None;
        self.reads.clear();
        self.ack = None;
    }

    /// Lets go of an attempt that the server has not answered: its connection stays open, on its own, until the server
    /// says something, or until then.
    pub(super) fn abandon(&mut self, until: Offset) {
        let given_up = std::mem::replace(&mut self.state, State::Closed);
        self.close();
        let until = self.context.clock.instant(until);
        let first_answer = async move {
            let mut connection = match given_up {
                State::Connecting(connecting) => Box::new(connecting.await.ok()?),
                State::Open(connection) => connection,
                State::Closed | State::Broken => return None,
            };
            Some(connection.next_event().await)
        };
        tokio::spawn(timeout_at(until, first_answer));
    }

    pub(super) fn read(&mut self, id: Offset, item: ItemId) {
        let payload = self.signed(Payload::new(&ConfigQueryRequest::of(&self.context.key(item))));
        let State::Open(connection) = &mut self.state else { return };
        let sent = connection.call(&payload).map(|call| self.reads.push((call, id)));
        self.break_on_error(sent);
    }

    pub(super) fn drop_read(&mut self, id: Offset) {
        let State::Open(connection) = &mut self.state else { return };
        if let Some(at) = self.reads.iter().position(|(_, read)| *read == id) {
            let (call, _) = self.reads.swap_remove(at);
            connection.cancel(call);
        }
    }

    pub(super) fn send(&mut self, request: Request, watcher: &Watcher) {
        let Some(payload) = self.payload(request, watcher) else { return };
        let State::Open(connection) = &mut self.state else { return };
        let mut ask = |what| -> Result<(), SendError> {
            self.asked = Some(Asked { call: connection.call(&payload)?, what });
            Ok(())
        };
        let sent = match request {
            Request::ServerCheck => ask(Question::Check),
            Request::Listen => ask(Question::Listen),
            Request::Query(_) => ask(Question::Query),
            Request::OpenStream => connection.open_stream(&payload),
            Request::HealthCheck => {
                if let Some(unanswered) = self.health.take() {
                    connection.cancel(unanswered);
                }
                connection.call(&payload).map(|call| self.health = Some(call))
            }
            Request::Get(_) | Request::Poll => Ok(()),
        };
        self.break_on_error(sent);
    }

    /// A request as this client sends it; `None` for one of HTTP.
    fn payload(&self, request: Request, watcher: &Watcher) -> Option<Payload> {
        let payload = match request {
            Request::ServerCheck => Payload::new(&ServerCheckRequest::default()),
            Request::OpenStream => Payload::new(&set_up(&self.context)),
            Request::Listen => Payload::new(&listen(&self.context, watcher)),
            Request::Query(item) => Payload::new(&ConfigQueryRequest::of(&self.context.key(item))),
            Request::HealthCheck => Payload::new(&HealthCheckRequest::default()),
            Request::Get(_) | Request::Poll => return None,
        };
        Some(self.signed(payload))
    }

    /// As this watcher sends it: with its address, and its token where there is a login.
    fn signed(&self, payload: Payload) -> Payload {
        let payload = payload.with_client_ip(self.claimed_ip.to_string());
        match self.context.credentials.token() {
            Some(token) => payload.with_header(ACCESS_TOKEN, &token),
            None => payload,
        }
    }

    pub(super) fn ack(&mut self) {
        if let (State::Open(connection), Some(ack)) = (&mut self.state, self.ack.take()) {
            let sent = connection.send_on_stream(&ack);
            self.break_on_error(sent);
        }
    }

    /// A connection that takes no more payloads is of no use; the machine hears of it next.
    fn break_on_error(&mut self, sent: Result<(), SendError>) {
        if let Err(error) = sent {
            tracing::debug!(%error, "a watcher gives up its connection");
            self.state = State::Broken;
        }
    }

    /// Cancel-safe: what was begun stays in `state`.
    pub(super) async fn heard(&mut self) -> (Offset, Heard) {
        loop {
            match &mut self.state {
                State::Closed => pending().await,
                State::Broken => {
                    self.state = State::Closed;
                    return (self.context.clock.now(), Heard::Lost(LossCause::Protocol));
                }
                State::Connecting(connecting) => {
                    let result = connecting.await;
                    let at = self.context.clock.now();
                    let (state, heard) = match result {
                        Ok(connection) => (State::Open(Box::new(connection)), Heard::Connected),
                        Err(error) => (State::Closed, Heard::AttemptFailed(outcome_of(&error))),
                    };
                    self.state = state;
                    return (at, heard);
                }
                State::Open(connection) => {
                    let event = connection.next_event().await;
                    if let Some(heard) = self.translate(event) {
                        return heard;
                    }
                }
            }
        }
    }

    fn translate(&mut self, event: Event) -> Option<(Offset, Heard)> {
        let clock = self.context.clock;
        match event {
            Event::Ended(end) => {
                self.state = State::Closed;
                let heard = match end.cause {
                    EndCause::StreamEnded => Heard::StreamEnded,
                    _ => Heard::Lost(cause_of(&end)),
                };
                Some((clock.now(), heard))
            }
            Event::Pushed { payload, received } => {
                self.on_push(&payload).map(|heard| (clock.offset_of(received), heard))
            }
            Event::Replied { call, result } => {
                let at =
                    result.as_ref().map_or_else(|_| clock.now(), |reply| clock.offset_of(reply.received));
                self.on_reply(call, result).map(|heard| (at, heard))
            }
        }
    }

    fn on_push(&mut self, payload: &Payload) -> Option<Heard> {
        let (ack, heard) = match Pushed::try_from(payload) {
            Ok(Pushed::SetupAck(_)) => (None, Heard::SetupAck),
            Ok(Pushed::ClientDetection(push)) => {
                (acknowledgement::<ClientDetectionResponse>(push.request_id.as_deref()), Heard::Detect)
            }
            Ok(Pushed::ConnectReset(push)) => {
                (acknowledgement::<ConnectResetResponse>(push.request_id.as_deref()), Heard::ConnectReset)
            }
            Ok(Pushed::ConfigChange(push)) => (
                acknowledgement::<ConfigChangeNotifyResponse>(push.request_id.as_deref()),
                Heard::Notify(self.context.names.item(&ConfigKey::new(
                    push.data_id.clone(),
                    push.group.clone(),
                    push.tenant.clone(),
                ))),
            ),
            // Real clients log and ignore what they do not know (nacos-facts.md §2.3).
            Ok(Pushed::Unknown(_)) => return None,
            Err(_) => return Some(Heard::Lost(LossCause::Protocol)),
        };
        self.ack = ack;
        Some(heard)
    }

    fn on_reply(&mut self, call: CallId, result: Result<Reply, RpcError>) -> Option<Heard> {
        let payload = result.map(|reply| reply.payload).map_err(|error| lost(&error));
        if self.health == Some(call) {
            self.health = None;
            return Some(payload.map_or_else(|lost| lost, |payload| health(&payload)));
        }
        if let Some(at) = self.reads.iter().position(|(read, _)| *read == call) {
            let (_, id) = self.reads.swap_remove(at);
            let heard = payload.map_or_else(|lost| lost, |payload| self.answer(Question::Query, &payload));
            // A call without a reply is the end of the connection, whoever asked.
            let is_lost = matches!(heard, Heard::Lost(_));
            return Some(if is_lost { heard } else { Heard::Read(id, Box::new(heard)) });
        }
        let asked = self.asked.take_if(|asked| asked.call == call)?;
        Some(payload.map_or_else(|lost| lost, |payload| self.answer(asked.what, &payload)))
    }

    fn answer(&self, asked: Question, payload: &Payload) -> Heard {
        let refused = |error: &PayloadError| {
            if let PayloadError::Refused { error_code: codes::NO_RIGHT, .. } = error {
                self.context.credentials.denied();
            }
            refused(error)
        };
        match asked {
            Question::Check => payload.answer::<ServerCheckResponse>().map_or_else(
                |error| refused(&error),
                |check| Heard::Checked { will_ack_setup: check.support_ability_negotiation },
            ),
            Question::Listen => payload
                .answer::<ConfigChangeBatchListenResponse>()
                .map_or_else(|error| refused(&error), |answer| Heard::Changed(self.items(&answer))),
            Question::Query => match payload.answer::<ConfigQueryResponse>() {
                Ok(ConfigQueryResponse { content, md5, .. }) => {
                    Heard::Content { text: content.unwrap_or_default(), md5 }
                }
                Err(PayloadError::Refused {
                    error_code: codes::CONFIG_NOT_FOUND,
                    is_error_response: false,
                    ..
                }) => Heard::Absent,
                Err(error) => refused(&error),
            },
        }
    }

    fn items(&self, answer: &ConfigChangeBatchListenResponse) -> Vec<ItemId> {
        let names = &self.context.names;
        answer
            .changed_configs
            .iter()
            .filter_map(|config| {
                names.item(&ConfigKey::new(
                    config.data_id.clone(),
                    config.group.clone(),
                    config.tenant.clone(),
                ))
            })
            .collect()
    }
}

impl std::fmt::Debug for GrpcWire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrpcWire").field("asked", &self.asked).finish_non_exhaustive()
    }
}

fn set_up(context: &WireContext) -> ConnectionSetupRequest {
    let habits = &context.client.habits;
    let identity = &habits.identity;
    let nothing = || Some(serde_json::Value::Object(serde_json::Map::new()));
    let set_up = ConnectionSetupRequest {
        client_version: identity.version.clone(),
        tenant: Some(context.names.tenant(habits.names_public).to_owned()),
        labels: identity.labels.clone(),
        ..ConnectionSetupRequest::default()
    };
    match &identity.abilities {
        Abilities::Table(abilities) => {
            let table = abilities.iter().map(|ability| (ability.clone(), true)).collect();
            ConnectionSetupRequest { ability_table: Some(table), ..set_up }
        }
        Abilities::Client => ConnectionSetupRequest { client_abilities: nothing(), ..set_up },
        Abilities::Old => ConnectionSetupRequest { abilities: nothing(), ..set_up },
    }
}

fn listen(context: &WireContext, watcher: &Watcher) -> ConfigBatchListenRequest {
    let contexts = watcher.listed().map(|held| {
        let key = context.key(held.item);
        ConfigListenContext {
            group: key.group,
            md5: held.md5_text(),
            data_id: key.data_id,
            tenant: key.tenant,
        }
    });
    ConfigBatchListenRequest {
        listen: true,
        config_listen_contexts: contexts.collect(),
        ..ConfigBatchListenRequest::default()
    }
}

fn acknowledgement<R: Response>(request_id: Option<&str>) -> Option<Payload> {
    request_id.map(|id| Payload::new(&R::acknowledge(id)))
}

fn health(payload: &Payload) -> Heard {
    match payload.answer::<HealthCheckResponse>().map_err(|error| refused(&error)) {
        Ok(_) => Heard::Health(Ok(())),
        Err(Heard::Refused(refusal)) => Heard::Health(Err(refusal)),
        Err(lost) => lost,
    }
}

fn refused(error: &PayloadError) -> Heard {
    match error {
        PayloadError::Refused { error_code: codes::NOT_REGISTERED, is_error_response: true, .. } => {
            Heard::Refused(Refusal::Unregistered)
        }
        PayloadError::Refused { error_code: 300..=399, is_error_response: true, .. } => {
            Heard::Refused(Refusal::NotReady)
        }
        PayloadError::Refused { .. } => Heard::Refused(Refusal::Error),
        PayloadError::OtherType { .. } | PayloadError::Json { .. } => Heard::Lost(LossCause::Protocol),
    }
}

/// A call without a reply ends the connection, as it does for the SDKs once their tries are used up.
fn lost(error: &RpcError) -> Heard {
    Heard::Lost(match error {
        RpcError::Ended(end) => match cause_of(end) {
            cause @ (LossCause::Reset | LossCause::Closed) => cause,
            _ => LossCause::Protocol,
        },
        RpcError::BrokenOff(_) => LossCause::Reset,
        RpcError::HttpStatus(_)
        | RpcError::Status { .. }
        | RpcError::Empty
        | RpcError::Frame(_)
        | RpcError::NotSent(_) => LossCause::Protocol,
    })
}
