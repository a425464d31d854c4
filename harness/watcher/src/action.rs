//! The border of the machine: what it is told and what it asks for.

use shakedown_model::event::{AttemptOutcome, Event, LossCause};
use shakedown_model::{ItemId, NodeId, Offset};

/// Something that happened. Inputs from the network carry their receive stamp as the step's `now`.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// The watcher's life begins.
    Start,
    /// The instant of [`Watcher::deadline`](crate::Watcher::deadline) has come.
    Timer,
    /// The transport that [`Action::Connect`] asked for is there (HTTP: TCP; gRPC: TCP and HTTP/2).
    Connected,
    /// The transport could not be made.
    AttemptFailed(AttemptOutcome),
    /// The answer to the request in flight.
    Reply(Reply<'a>),
    /// The answer to the health check in flight: healthy, or refused.
    Health(Result<(), Refusal>),
    /// The server sent a `SetupAckRequest`; it wants no ack.
    SetupAck,
    /// What became of the [`Action::Read`] with this name; `None` when the server could not be asked.
    Read {
        /// When the read was due.
        id: Offset,
        /// The answer: content, absent or refused.
        reply: Option<Reply<'a>>,
    },
    /// The server pushed that an item changed.
    Notify(ItemId),
    /// The server asked whether the connection lives.
    Detect,
    /// The server asked the client to connect elsewhere.
    ConnectReset,
    /// The connection is gone.
    Lost(LossCause),
    /// The server ended the stream in order, and that is all that it ended (gRPC).
    StreamEnded,
    /// The watcher's process dies: memory gone, snapshots kept.
    Crash,
    /// It starts again.
    ColdStart,
    /// What [`Action::LoadSnapshots`] found for one item.
    Snapshot {
        /// The item.
        item: ItemId,
        /// The snapshot's content, if there is one.
        content: Option<&'a str>,
    },
    /// What [`Action::LoadOverrides`] found for one item.
    Override {
        /// The item.
        item: ItemId,
        /// The file's content, if there is one.
        content: Option<&'a str>,
    },
}

/// An answer.
#[derive(Debug, Clone, Copy)]
pub enum Reply<'a> {
    /// To [`Request::ServerCheck`].
    Checked {
        /// Whether the server promised a `SetupAck` to a set-up such as this client sends.
        will_ack_setup: bool,
    },
    /// To [`Request::Listen`] and [`Request::Poll`]: the items whose MD5 differs.
    Changed(&'a [ItemId]),
    /// To [`Request::Query`] and [`Request::Get`].
    Content {
        /// The content.
        text: &'a str,
        /// The MD5 that the server sent with it, 32 hex digits.
        md5: Option<&'a str>,
    },
    /// To [`Request::Query`] and [`Request::Get`]: the item does not exist.
    Absent,
    /// The server answered that it will not or cannot.
    Refused(Refusal),
}

/// Why a server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It does not know the connection (gRPC code 301).
    Unregistered,
    /// It is not ready, or does not know the request (gRPC codes 300 and 302 to 399).
    NotReady,
    /// Any other error answer.
    Error,
}

/// What the watcher wants done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Connect to a node and answer with [`Input::Connected`] or [`Input::AttemptFailed`].
    Connect {
        /// Which node.
        node: NodeId,
    },
    /// Drop the connection, or the attempt, with all that is in flight.
    Close,
    /// Drop all that is in flight; the attempt's connection stays open until the server's first answer, or until then.
    Abandon {
        /// When it is closed at the latest.
        until: Offset,
    },
    /// Send a request. A health check may be in flight beside one other request; a new health check replaces an
    /// unanswered one.
    Send(Request),
    /// Ask the server for an item on behalf of an application and answer with [`Input::Read`]: over gRPC on the
    /// connection that is there, beside what else is in flight; over HTTP on a connection of its own.
    Read {
        /// The read's name: when it was due.
        id: Offset,
        /// What is read.
        item: ItemId,
        /// Whom to ask where there is no connection to ask on.
        node: NodeId,
    },
    /// Give a read up; what comes of it later is of no interest.
    DropRead {
        /// Its name.
        id: Offset,
    },
    /// Acknowledge the push that was just handed in.
    Ack,
    /// Record what happened.
    Record(Event),
    /// Keep the content of the reply that was just handed in as the item's snapshot.
    SaveSnapshot(ItemId),
    /// The item is gone: remove its snapshot, or empty it, as the client's habit is.
    DropSnapshot(ItemId),
    /// Read the snapshot of every item and answer each with [`Input::Snapshot`].
    LoadSnapshots,
    /// Read the file by which an operator overrides each item and answer each with [`Input::Override`].
    LoadOverrides,
}

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// gRPC: `ServerCheckRequest`.
    ServerCheck,
    /// gRPC: open the stream and send `ConnectionSetupRequest`. It has no answer of its own.
    OpenStream,
    /// gRPC: `ConfigBatchListenRequest` with [`Watcher::listed`](crate::Watcher::listed).
    Listen,
    /// gRPC: `ConfigQueryRequest`.
    Query(ItemId),
    /// gRPC: `HealthCheckRequest`.
    HealthCheck,
    /// HTTP: get the content.
    Get(ItemId),
    /// HTTP: the long poll over [`Watcher::held`](crate::Watcher::held).
    Poll,
}
