//! What the proxy sees of real clients' connections, on its way to who holds them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shakedown_model::manifest::Closer;
use shakedown_model::{NodeId, Plan, WatcherId};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Sights that may wait for one process' task: a connect storm of a thousand clients.
const WAITING: usize = 8192;

/// Something that was seen of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Whose it is.
    pub watcher: WatcherId,
    /// The node that it leads to.
    pub node: NodeId,
    /// Its number among those of this watcher to this node.
    pub connection: u64,
    /// When.
    pub at: Instant,
    /// What.
    pub seen: Seen,
}

/// What was seen of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It was accepted.
    Opened,
    /// The first bytes of the server went to the client.
    Answered,
    /// It ended.
    Ended(Closer),
}

/// Tells the holders of real clients what the proxy saw. Cheap to clone; telling never waits.
#[derive(Debug, Clone, Default)]
pub struct SightSender {
    /// By watcher; `None` where it is simulated.
    holders: Arc<Vec<Option<mpsc::Sender<Sight>>>>,
    lost: Arc<AtomicU64>,
}

impl SightSender {
    /// Tells it to who holds the watcher. What finds no room is counted.
    pub fn tell(&self, sight: Sight) {
        let Some(Some(holder)) = self.holders.get(sight.watcher.index()) else { return };
        if matches!(holder.try_send(sight), Err(mpsc::error::TrySendError::Full(_))) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many sights found no room: attempts and losses that the history may lack.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// A channel for each process: the watchers that it holds, ascending.
pub(super) fn channels(
    plan: &Plan,
    processes: &[Vec<WatcherId>],
) -> (SightSender, Vec<mpsc::Receiver<Sight>>) {
    let mut holders = vec![None; usize::try_from(plan.watcher_count()).unwrap_or(usize::MAX)];
    let mut receivers = Vec::with_capacity(processes.len());
    for watchers in processes {
        let (sender, receiver) = mpsc::channel(WAITING);
        for watcher in watchers {
            holders[watcher.index()] = Some(sender.clone());
        }
        receivers.push(receiver);
    }
    (SightSender { holders: Arc::new(holders), lost: Arc::default() }, receivers)
}
