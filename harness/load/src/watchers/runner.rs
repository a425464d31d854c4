//! One watcher's loop: inputs into the machine, its actions out.

use std::future::pending;
use std::sync::Arc;

use shakedown_model::event::{Event, OwnTime};
use shakedown_model::fault::befalls_watcher;
use shakedown_model::plan::{GroupSpec, SnapshotHabit, SnapshotOnDelete};
use shakedown_model::time::nanos;
use shakedown_model::{NodeId, Offset, WatcherId};
use shakedown_record::{Clock, Recorder};
use shakedown_watcher::{Action, Input, Watcher};
use tokio::sync::oneshot;
use tokio::time::sleep_until;

use super::board::{Board, Ill};
use super::life::{Ailments, WatcherLife};
use super::snapshots::{Kept, Loaded, Shelf, Snapshots};
use super::wire::{Heard, Route, Wire};
use shakedown_nacos::Peer;

/// What the watchers of a group share.
#[derive(Debug)]
pub(super) struct GroupContext {
    pub(super) clock: Clock,
    pub(super) recorder: Recorder,
    pub(super) board: Arc<Board>,
    pub(super) snapshots: Snapshots,
    /// What the client's snapshots are like.
    pub(super) snapshot: SnapshotHabit,
    /// Where each node is, by its id.
    pub(super) nodes: Vec<Peer>,
    /// From where each watcher connects.
    pub(super) sources: Sources,
}

/// From where the watchers of a group connect.
#[derive(Debug)]
pub(super) enum Sources {
    /// Many from one address.
    Shared(Box<GroupSpec>),
    /// Each from its own, so that a proxy can tell them apart.
    Own(Box<GroupSpec>),
}

/// A watcher with everything that it runs on.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) watcher: Watcher,
    pub(super) wire: Wire,
    pub(super) life: WatcherLife,
    pub(super) group: Arc<GroupContext>,
}

impl Runner {
    /// Runs the watcher from `start` on, until the fleet stops.
    ///
    /// The future holds each part once: an `async fn` would keep a second place for what it moves out of `self`.
    pub(super) fn run(self, start: Offset) -> impl Future<Output = ()> + Send {
        let Self { watcher, mut wire, mut life, group } = self;
        let mut hands = Hands {
            watcher,
            group,
            actions: Vec::new(),
            loading: None,
            start: Some(start),
            busy_until: None,
            has_panicked: false,
            ailments: Ailments::default(),
        };
        async move {
            let timer = sleep_until(hands.group.clock.instant(start));
            tokio::pin!(timer);
            let mut armed = start;
            loop {
                tokio::select! {
                    biased;
                    due = life.next() => {
                        if due.stop {
                            return;
                        }
                        if due.crash {
                            hands.crash(&mut wire);
                        }
                        if due.cold_start {
                            hands.step(hands.group.clock.now(), Input::ColdStart, String::new(), &mut wire);
                        }
                        hands.suffer(due.ailments, &mut wire);
                    }
                    (at, heard) = wire.heard(), if hands.busy_until.is_none() => hands.hear(at, heard, &mut wire),
                    (shelf, loaded) = loaded(&mut hands.loading) => hands.take_loaded(shelf, loaded, &mut wire),
                    () = &mut timer => hands.on_timer(armed, &mut wire),
                }
                let deadline = hands.deadline();
                if deadline != armed || timer.is_elapsed() {
                    armed = deadline;
                    timer.as_mut().reset(hands.group.clock.instant(armed));
                }
            }
        }
    }
}

/// What is being read.
type Loading = Option<(Shelf, oneshot::Receiver<Loaded>)>;

/// Waits for the files that are being read; for ever when none are. Cancel-safe.
async fn loaded(loading: &mut Loading) -> (Shelf, Loaded) {
    match loading {
        Some((shelf, receiver)) => (*shelf, receiver.await.unwrap_or_default()),
        None => pending().await,
    }
}

/// The watcher and all that its actions need beside the wire.
struct Hands {
    watcher: Watcher,
    group: Arc<GroupContext>,
    /// Scratch, empty between steps.
    actions: Vec<Action>,
    loading: Loading,
    /// When its life begins; taken by its beginning.
    start: Option<Offset>,
    /// A callback has not returned: nothing is read until then.
    busy_until: Option<Offset>,
    /// A callback has panicked, and the fault that made it is still in force.
    has_panicked: bool,
    ailments: Ailments,
}

impl Hands {
    fn deadline(&self) -> Offset {
        self.busy_until.or(self.start).unwrap_or_else(|| self.watcher.deadline())
    }

    fn on_timer(&mut self, due: Offset, wire: &mut Wire) {
        if self.busy_until.take().is_some() {
            return;
        }
        // The runtime's timer counts whole milliseconds and may not be early.
        let now = self.group.clock.now().max(due);
        let input = if self.start.take().is_some() { Input::Start } else { Input::Timer };
        self.step(now, input, String::new(), wire);
    }

    /// A watcher that crashes before its start does not start by itself any more.
    fn crash(&mut self, wire: &mut Wire) {
        self.start = None;
        self.loading = None;
        self.busy_until = None;
        self.step(self.group.clock.now(), Input::Crash, String::new(), wire);
    }

    fn hear(&mut self, at: Offset, mut heard: Heard, wire: &mut Wire) {
        let is_timed = matches!(heard, Heard::Content { .. }) && OwnTime::is_timed(at);
        let decoded = is_timed.then(|| self.group.clock.now());
        self.watcher.step(at, heard.as_input(), &mut self.actions);
        let is_called = |action: &Action| matches!(action, Action::Record(Event::Delivery(_)));
        let ails = self.ailments.hits_callbacks() && self.actions.iter().any(is_called);
        if let Some(decoded) = decoded {
            self.time_records(at, decoded);
        }
        let content =
            if let Heard::Content { text, .. } = &mut heard { std::mem::take(text) } else { String::new() };
        self.act(content, wire);
        if ails {
            self.ail(wire);
        }
    }

    /// What is in force now; what is so no longer ends.
    fn suffer(&mut self, ailments: Ailments, wire: &mut Wire) {
        let before = std::mem::replace(&mut self.ailments, ailments);
        if (before.blocked > 0 && ailments.blocked == 0) || (before.slow > 0 && ailments.slow == 0) {
            self.busy_until = None;
        }
        if ailments.panics == 0 && std::mem::take(&mut self.has_panicked) {
            self.step(self.group.clock.now(), Input::ColdStart, String::new(), wire);
        }
    }

    /// A callback was called, and does not just return.
    fn ail(&mut self, wire: &mut Wire) {
        let (id, ailments) = (self.watcher.id(), self.ailments);
        let ill = if befalls_watcher(ailments.panics, id) && !self.has_panicked {
            self.has_panicked = true;
            self.crash(wire);
            Ill::Panicked
        } else if befalls_watcher(ailments.blocked, id) {
            self.busy_until = Some(Offset::NEVER);
            Ill::Blocked
        } else if befalls_watcher(ailments.slow, id) {
            self.busy_until = Some(self.group.clock.now() + ailments.takes);
            Ill::Slow
        } else {
            return;
        };
        self.group.board.note_ill(id, ill);
    }

    /// Records what the machine wants recorded, and what that and all before it took, if there is a delivery among it.
    fn time_records(&mut self, received: Offset, decoded: Offset) {
        let clock = self.group.clock;
        let verified = clock.now();
        let mut has_delivery = false;
        self.actions.retain(|action| {
            let Action::Record(event) = action else { return true };
            has_delivery |= matches!(event, Event::Delivery(_));
            self.group.record(*event);
            false
        });
        if has_delivery {
            self.group.record(Event::OwnTime(OwnTime {
                received,
                decode_ns: nanos(decoded.since(received)),
                verify_ns: nanos(verified.since(decoded)),
                record_ns: nanos(clock.now().since(verified)),
            }));
        }
    }

    fn take_loaded(&mut self, shelf: Shelf, loaded: Loaded, wire: &mut Wire) {
        self.loading = None;
        for (item, content) in loaded {
            let content = content.as_deref();
            let input = match shelf {
                Shelf::Snapshots(_) => Input::Snapshot { item, content },
                Shelf::Overrides => Input::Override { item, content },
            };
            self.step(self.group.clock.now(), input, String::new(), wire);
        }
    }

    fn step(&mut self, now: Offset, input: Input<'_>, content: String, wire: &mut Wire) {
        self.watcher.step(now, input, &mut self.actions);
        self.act(content, wire);
    }

    /// Carries out what the machine wants. `content` is that of the reply just handed in.
    fn act(&mut self, mut content: String, wire: &mut Wire) {
        for action in self.actions.drain(..) {
            match action {
                Action::Connect { node } => wire.connect(self.group.route(node, self.watcher.id())),
                Action::Close => wire.close(),
                Action::Abandon { until } => wire.abandon(until),
                Action::Send(request) => wire.send(request, &self.watcher),
                Action::Read { id, item, node } => {
                    wire.read(id, item, self.group.route(node, self.watcher.id()));
                }
                Action::DropRead { id } => wire.drop_read(id),
                Action::Ack => wire.ack(),
                Action::Record(event) => self.group.record(event),
                Action::SaveSnapshot(_) if befalls_watcher(self.ailments.full_disk, self.watcher.id()) => {
                    self.group.board.note_ill(self.watcher.id(), Ill::Unwritten);
                }
                Action::SaveSnapshot(item) => {
                    let content = std::mem::take(&mut content);
                    let write = self.group.snapshot.write;
                    self.group.snapshots.save(self.watcher.id(), item, Kept::Content(content, write));
                }
                Action::DropSnapshot(item) => {
                    let kept = match self.group.snapshot.on_delete {
                        SnapshotOnDelete::Removed => Kept::Nothing,
                        SnapshotOnDelete::Emptied => Kept::Content(String::new(), self.group.snapshot.write),
                    };
                    self.group.snapshots.save(self.watcher.id(), item, kept);
                }
                Action::LoadSnapshots | Action::LoadOverrides => {
                    let items = self.watcher.held().map(|held| held.item).collect();
                    let shelf = match action {
                        Action::LoadOverrides => Shelf::Overrides,
                        _ => Shelf::Snapshots(self.watcher.id()),
                    };
                    self.loading = Some((shelf, self.group.snapshots.load(shelf, items)));
                }
            }
        }
    }
}

impl GroupContext {
    fn route(&self, node: NodeId, watcher: WatcherId) -> Route {
        let peer = self.nodes[node.index() % self.nodes.len()].clone();
        let source = match &self.sources {
            Sources::Shared(group) => group.source_of(watcher),
            Sources::Own(group) => group.own_source(watcher),
        };
        Route { peer, source }
    }

    fn record(&self, event: Event) {
        self.recorder.record(event);
        self.board.note(&event);
    }
}
