//! What can go wrong with a fault.

use std::time::Duration;

use crate::toxiproxy::ProxyApiError;

/// A fault that could not be prepared, applied or healed.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// A call to the proxy's API failed.
    #[error(transparent)]
    Api(#[from] ProxyApiError),
    /// Some proxies of a fault failed; the first one's reason is given.
    #[error("{failed} of {all} proxies failed, `{proxy}` first")]
    Partly {
        /// How many proxies failed.
        failed: usize,
        /// How many the fault acts on.
        all: usize,
        /// The first that failed.
        proxy: String,
        /// Why.
        source: ProxyApiError,
    },
    /// Healing took too long.
    #[error("healing was given up after {limit:?}; the fault may still be in force")]
    HealTimeout {
        /// How long it was tried.
        limit: Duration,
    },
    /// A toxic's duration is not one of whole milliseconds, the unit of the proxy's API.
    #[error("`{attribute}` of {value:?} is not a whole number of milliseconds; give it as such")]
    NotWholeMillis {
        /// Which attribute.
        attribute: &'static str,
        /// Its value.
        value: Duration,
    },
    /// A toxic's duration is not one of whole microseconds, the unit of a slicer.
    #[error("`{attribute}` of {value:?} is not a whole number of microseconds; give it as such")]
    NotWholeMicros {
        /// Which attribute.
        attribute: &'static str,
        /// Its value.
        value: Duration,
    },
    /// The real Toxiproxy has no word for it.
    #[error("Toxiproxy has no `{fault}`; choose the embedded proxy, or another fault")]
    EmbeddedOnly {
        /// What it has no word for.
        fault: &'static str,
    },
    /// A node could not be moved.
    #[error("node {node} could not be {done}: {why}")]
    Node {
        /// The node.
        node: u16,
        /// What was to be done, as in "could not be killed".
        done: &'static str,
        /// Why.
        why: String,
    },
    /// The node that leads was not found.
    #[error("the leader could not be found: {why}")]
    Leader {
        /// Why.
        why: String,
    },
    /// No proxy carries what the fault acts on.
    #[error("fault `{fault}` has no proxy to act on; name a link or group with watchers")]
    NoProxies {
        /// The fault's name.
        fault: String,
    },
}

/// An error with its causes in one line, as windows and reports carry it.
pub(crate) fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}
