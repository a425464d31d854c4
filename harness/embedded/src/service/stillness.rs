//! A node that stands still, as in a long collection of garbage: its thread waits where it is, and everything of the node
//! runs on that thread. Its sockets stay open, and the kernel goes on to accept connections and bytes for it.

use std::convert::Infallible;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// A thread that works stands still within some milliseconds.
const STANDS_WITHIN: Duration = Duration::from_secs(5);

/// Whether a node is to stand still, and whether it does.
#[derive(Debug, Default)]
pub(crate) struct Stillness {
    state: Mutex<State>,
    changed: Condvar,
    told: Notify,
}

#[derive(Debug, Default)]
struct State {
    is_wanted: bool,
    stands: bool,
}

impl Stillness {
    /// Lets the node stand still; blocks until it does. False when it did not within 5 s.
    pub(crate) fn begin(&self) -> bool {
        let mut state = self.state();
        state.is_wanted = true;
        self.told.notify_one();
        let waited = self.changed.wait_timeout_while(state, STANDS_WITHIN, |state| !state.stands);
        waited.unwrap_or_else(PoisonError::into_inner).0.stands
    }

    /// Lets it go on; harmless for one that does not stand still.
    pub(crate) fn end(&self) {
        self.state().is_wanted = false;
        self.changed.notify_all();
    }

    /// Whether it stands still now.
    pub(crate) fn stands(&self) -> bool {
        self.state().stands
    }

    /// The node's side: stands still whenever it is told to, and blocks the thread for that.
    pub(super) async fn stand(&self) -> Infallible {
        loop {
            self.told.notified().await;
            let mut state = self.state();
            state.stands = state.is_wanted;
            self.changed.notify_all();
            let waited = self.changed.wait_while(state, |state| state.is_wanted);
            waited.unwrap_or_else(PoisonError::into_inner).stands = false;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
