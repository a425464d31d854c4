//! The probes at work: tasks of their own per node, from before the onset until everything serves again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use shakedown_model::fault::NodeService;
use shakedown_model::{NodeId, Offset};
use shakedown_record::Clock;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::ServiceProbe;
use super::board::{Board, Service};

/// A probe without an answer for this long failed. A busy server with a cold virtual machine has been seen to need more
/// than 1 s for a write.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Each node is read from this often.
const READ_PERIOD: Duration = Duration::from_millis(100);
/// And written to this often: in a cluster every write is a round of raft, and every node pushes it.
const WRITE_PERIOD: Duration = Duration::from_millis(200);
/// As many probes of a kind wait for a node's answer at once: one that hangs is not buried in them.
const MOST_UNANSWERED: usize = 5;
/// A node that cannot be listened to is tried again after this.
const LISTEN_AGAIN: Duration = Duration::from_millis(100);
/// Pushes that are overdue, and whether all serve, are looked for this often.
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// The probes of one fault. Dropping it ends them.
pub(crate) struct ServiceWatch {
    clock: Clock,
    board: Arc<Mutex<Board>>,
    _tasks: JoinSet<()>,
}

impl ServiceWatch {
    /// Begins to ask every node. A write is due to be pushed within [`PATIENCE`] and `dump_tick`.
    pub(crate) fn start(
        probe: &Arc<dyn ServiceProbe>,
        nodes: &[NodeId],
        (clock, dump_tick): (Clock, Duration),
    ) -> Self {
        let board = Arc::new(Mutex::new(Board::new(nodes.to_vec(), PATIENCE + dump_tick)));
        let mut tasks = JoinSet::new();
        for node in nodes {
            let asker = Asker { probe: Arc::clone(probe), clock, board: Arc::clone(&board), node: *node };
            tasks.spawn(asker.clone().ask(Service::Write, WRITE_PERIOD));
            tasks.spawn(asker.clone().ask(Service::Read, READ_PERIOD));
            tasks.spawn(asker.listen());
        }
        tasks.spawn(look(clock, Arc::clone(&board)));
        Self { clock, board, _tasks: tasks }
    }

    /// Waits until every node serves what was asked after `since`, for `limit` at most.
    pub(crate) async fn until_serving(&self, since: Offset, limit: Duration) {
        let deadline = since + limit;
        while self.clock.now() < deadline && !locked(&self.board).is_serving(since) {
            sleep(LOOK_PERIOD).await;
        }
    }

    /// The stretches without service so far.
    pub(crate) fn service(&self) -> Vec<NodeService> {
        locked(&self.board).service()
    }
}

fn locked(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look(clock: Clock, board: Arc<Mutex<Board>>) {
    loop {
        sleep(LOOK_PERIOD).await;
        locked(&board).look(clock.now());
    }
}

/// Asks one node.
#[derive(Clone)]
struct Asker {
    probe: Arc<dyn ServiceProbe>,
    clock: Clock,
    board: Arc<Mutex<Board>>,
    node: NodeId,
}

impl Asker {
    /// Asks in a fixed period, whether the last was answered or not, but for the bound: a node that hangs is asked all the
    /// while.
    async fn ask(self, service: Service, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut asking: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        let mut nth = 0;
        loop {
            tokio::select! {
                _ = ticks.tick(), if asking.len() < MOST_UNANSWERED => {
                    nth += 1;
                    asking.push(Box::pin(self.ask_once(service, nth)));
                }
                Some(()) = asking.next() => {}
            }
        }
    }

    async fn ask_once(&self, service: Service, nth: u64) {
        let sent = self.clock.now();
        let asked = match service {
            Service::Write => self.probe.write(self.node, nth),
            Service::Read | Service::Push => self.probe.read(self.node),
        };
        let is_served = timeout(PATIENCE, asked).await.is_ok_and(|answer| answer.is_ok());
        let answered = is_served.then(|| self.clock.now());
        locked(&self.board).asked(self.node, service, sent, answered);
    }

    async fn listen(self) {
        loop {
            let began = self.clock.now();
            if let Ok(Ok(mut listener)) = timeout(PATIENCE, self.probe.listen(self.node)).await {
                locked(&self.board).listens(self.node);
                while let Ok(of) = listener.heard().await {
                    locked(&self.board).heard(self.node, of, self.clock.now());
                }
                locked(&self.board).deaf(self.node, self.clock.now());
            } else {
                locked(&self.board).deaf(self.node, began);
            }
            sleep(LISTEN_AGAIN).await;
        }
    }
}
