//! What the core has to send unasked.

use std::sync::Arc;

use shakedown_nacos::ConfigKey;

use super::connections::ConnectionId;
use super::loader::Redirect;
use super::polls::PollId;

/// Something to send or to do that no caller is waiting for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Answer a hanging long poll with these keys; none is "no change".
    PollAnswer {
        /// Which poll.
        poll: PollId,
        /// The changed keys.
        changed: Vec<Arc<ConfigKey>>,
    },
    /// Send a `ConfigChangeNotifyRequest`.
    Notify {
        /// To whom.
        connection: ConnectionId,
        /// The request id that the ack will carry.
        request_id: u64,
        /// The key that changed.
        key: Arc<ConfigKey>,
    },
    /// Send a `ClientDetectionRequest`.
    Detect {
        /// To whom.
        connection: ConnectionId,
        /// The request id that the answer will carry.
        request_id: u64,
    },
    /// Send a `SetupAckRequest`.
    SetupAck {
        /// To whom.
        connection: ConnectionId,
    },
    /// Send a `ConnectResetRequest`.
    Reset {
        /// To whom.
        connection: ConnectionId,
        /// The request id that the answer will carry.
        request_id: u64,
        /// Where it shall go; anywhere without.
        to: Option<Redirect>,
    },
    /// Close the TCP connection. The core has forgotten it already.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why, for the log.
        reason: CloseReason,
    },
}

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// No answer to a detection.
    #[error("idle, and did not answer whether it lives")]
    Idle,
    /// A notification was not acked in all its tries.
    #[error("did not ack a notification in all its tries")]
    NoAck,
    /// Its out queue was full for too long in a row.
    #[error("has not read its stream for too long")]
    Blocked,
    /// Its stream ended while the TCP connection lived.
    #[error("its stream has ended")]
    StreamGone,
    /// The node takes no more connections.
    #[error("the node has as many connections as it takes")]
    Full,
    /// More notifications are under way than the server keeps.
    #[error("too many notifications are under way")]
    TooManyPushes,
}
