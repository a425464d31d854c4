//! What both adapters have in common: what they hear, in the machine's words.

use std::net::Ipv4Addr;
use std::sync::Arc;

use shakedown_model::event::{AttemptOutcome, LossCause};
use shakedown_model::plan::ClientSpec;
use shakedown_model::{ItemId, Offset};
use shakedown_nacos::{ConfigKey, ConnectError, End, EndCause, Peer};
use shakedown_record::Clock;
use shakedown_watcher::{Input, Refusal, Reply, Request, Watcher};
use tokio::sync::Semaphore;

use super::credentials::Credentials;
use super::grpc::GrpcWire;
use super::long_poll::LongPollWire;
use super::names::Names;

/// What the wires of a group share.
#[derive(Debug)]
pub(super) struct WireContext {
    pub(super) names: Arc<Names>,
    pub(super) clock: Clock,
    /// One permit per handshake in flight, over all groups.
    pub(super) handshakes: Arc<Semaphore>,
    pub(super) client: ClientSpec,
    pub(super) credentials: Credentials,
}

impl WireContext {
    /// Where an item lies, as this group's client names it.
    pub(super) fn key(&self, item: ItemId) -> ConfigKey {
        self.names.key(item, self.client.habits.names_public)
    }
}

/// Where a connection goes, and from where.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) peer: Peer,
    pub(super) source: Ipv4Addr,
}

/// Something heard on a wire: an [`Input`] that owns its text.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Connected,
    AttemptFailed(AttemptOutcome),
    Checked {
        will_ack_setup: bool,
    },
    Changed(Vec<ItemId>),
    Content {
        text: String,
        md5: Option<String>,
    },
    Absent,
    Refused(Refusal),
    Health(Result<(), Refusal>),
    SetupAck,
    /// A change of an item; one that is not the plan's is acked like any other.
    Notify(Option<ItemId>),
    /// What became of a read by an application.
    Read(Offset, Box<Heard>),
    Detect,
    ConnectReset,
    Lost(LossCause),
    StreamEnded,
}

impl Heard {
    pub(super) fn as_input(&self) -> Input<'_> {
        match self {
            Self::Connected => Input::Connected,
            Self::AttemptFailed(outcome) => Input::AttemptFailed(*outcome),
            Self::Checked { will_ack_setup } => {
                Input::Reply(Reply::Checked { will_ack_setup: *will_ack_setup })
            }
            Self::Changed(items) => Input::Reply(Reply::Changed(items)),
            Self::Content { text, md5 } => Input::Reply(Reply::Content { text, md5: md5.as_deref() }),
            Self::Absent => Input::Reply(Reply::Absent),
            Self::Refused(refusal) => Input::Reply(Reply::Refused(*refusal)),
            Self::Health(health) => Input::Health(*health),
            Self::SetupAck => Input::SetupAck,
            Self::Notify(item) => Input::Notify(item.unwrap_or(NO_ITEM)),
            Self::Read(id, answer) => Input::Read {
                id: *id,
                reply: match answer.as_input() {
                    Input::Reply(reply) => Some(reply),
                    _ => None,
                },
            },
            Self::Detect => Input::Detect,
            Self::ConnectReset => Input::ConnectReset,
            Self::Lost(cause) => Input::Lost(*cause),
            Self::StreamEnded => Input::StreamEnded,
        }
    }
}

/// An id that no plan gives out.
const NO_ITEM: ItemId = ItemId(u32::MAX);

/// One watcher's connection.
#[derive(Debug)]
pub(super) enum Wire {
    LongPoll(LongPollWire),
    Grpc(GrpcWire),
}

impl Wire {
    pub(super) fn connect(&mut self, route: Route) {
        match self {
            Self::LongPoll(wire) => wire.connect(route),
            Self::Grpc(wire) => wire.connect(route),
        }
    }

    pub(super) fn close(&mut self) {
        match self {
            Self::LongPoll(wire) => wire.close(),
            Self::Grpc(wire) => wire.close(),
        }
    }

    /// Closes; an attempt that was not answered yet stays open until its first answer, or until then.
    pub(super) fn abandon(&mut self, until: Offset) {
        match self {
            Self::LongPoll(wire) => wire.close(),
            Self::Grpc(wire) => wire.abandon(until),
        }
    }

    /// Queues a request; bytes move while [`Self::heard`] is awaited.
    pub(super) fn send(&mut self, request: Request, watcher: &Watcher) {
        match self {
            Self::LongPoll(wire) => wire.send(request, watcher),
            Self::Grpc(wire) => wire.send(request, watcher),
        }
    }

    /// Asks for an item on behalf of an application.
    pub(super) fn read(&mut self, id: Offset, item: ItemId, route: Route) {
        match self {
            Self::LongPoll(wire) => wire.read(id, item, route),
            Self::Grpc(wire) => wire.read(id, item),
        }
    }

    /// Gives a read up.
    pub(super) fn drop_read(&mut self, id: Offset) {
        match self {
            Self::LongPoll(wire) => wire.drop_read(id),
            Self::Grpc(wire) => wire.drop_read(id),
        }
    }

    /// Acknowledges the push that was heard last.
    pub(super) fn ack(&mut self) {
        match self {
            // Nothing is pushed over HTTP.
            Self::LongPoll(_) => {}
            Self::Grpc(wire) => wire.ack(),
        }
    }

    /// Waits for the next thing to hear, with its receive stamp. Cancel-safe; for ever when there is no connection.
    pub(super) async fn heard(&mut self) -> (Offset, Heard) {
        match self {
            Self::LongPoll(wire) => wire.heard().await,
            Self::Grpc(wire) => wire.heard().await,
        }
    }
}

/// Waits for the first login, then for a free place among the handshakes in flight, then connects.
pub(super) async fn take_turns<T>(
    context: Arc<WireContext>,
    connect: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    context.credentials.first_login().await;
    let _permit = context.handshakes.acquire().await.expect("the semaphore is never closed");
    connect.await
}

pub(super) fn outcome_of(error: &ConnectError) -> AttemptOutcome {
    match error {
        ConnectError::Refused { .. } => AttemptOutcome::Refused,
        ConnectError::Broken { .. } | ConnectError::Tls { .. } => AttemptOutcome::Broken,
        ConnectError::TimedOut { .. } => AttemptOutcome::TimedOut,
        ConnectError::Local { .. } => AttemptOutcome::Local,
    }
}

pub(super) fn cause_of(end: &End) -> LossCause {
    match end.cause {
        EndCause::Reset => LossCause::Reset,
        EndCause::Closed | EndCause::StreamEnded => LossCause::Closed,
        EndCause::Protocol => LossCause::Protocol,
    }
}
