//! How a change reaches a server: the border behind which protocols lie.

use futures_util::future::BoxFuture;
use shakedown_model::event::PublishOutcome;
use shakedown_model::plan::ItemKey;

/// One thing that is asked of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Writes content as the item's newest.
    Write {
        /// The content.
        content: String,
        /// The MD5 of the content that it replaces, in hex: the server refuses it when it holds other content.
        replaces: Option<String>,
    },
    /// Writes content for the gray watchers alone.
    WriteGray {
        /// The content.
        content: String,
        /// The addresses that gray watchers claim, separated by commas.
        ips: String,
    },
    /// Takes the gray content away.
    EndGray,
    /// Deletes the item.
    Delete,
}

/// A way to change items, directly at a server and never through a proxy.
///
/// Give the mutator a publisher of its own: connections that another runtime made would be driven there, and acks
/// would be stamped late.
pub trait Publisher: Send + Sync + 'static {
    /// Waits until one more step may be taken, where there is a ceiling on how often; at once otherwise. It is called
    /// before each step, and its wait is in no step's time-out.
    fn turn(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Takes one step of one item. The mutator sets the time-out.
    fn take<'a>(&'a self, key: &'a ItemKey, step: Step) -> BoxFuture<'a, Result<(), PublishError>>;

    /// Reads what everybody who is not gray is served; `None` when there is nothing, an error in words when that is
    /// not known.
    fn read<'a>(&'a self, key: &'a ItemKey) -> BoxFuture<'a, Result<Option<String>, String>>;
}

/// Why a step was not acked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The server said that it did not do it.
    #[error("the server refused it: {0}")]
    Refused(String),
    /// The server holds other content than the write replaces, and did not store it.
    #[error("the server holds other content than this replaces: {0}")]
    Conflict(String),
    /// There was no answer, or one that does not tell: it may be done.
    #[error("whether the server did it is not known: {0}")]
    Ambiguous(String),
}

impl PublishError {
    /// The outcome as the history has it.
    #[must_use]
    pub const fn outcome(&self) -> PublishOutcome {
        match self {
            Self::Refused(_) | Self::Conflict(_) => PublishOutcome::Refused,
            Self::Ambiguous(_) => PublishOutcome::Ambiguous,
        }
    }
}
