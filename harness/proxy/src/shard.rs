//! A shard: one OS thread with a single-thread runtime that moves the bytes of its connections.
//!
//! A proxy has a [`Link`] on every shard; its listener lives on one, which deals connections out in turn. A shard is
//! told what to do by [`Command`]s and answers once the change holds on all its connections. It parses nothing and
//! decides nothing about proxies; that is `registry`.

mod accept;
mod connection;
mod link;
mod pump;
mod timer;
mod upstream;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::LocalSet;

use link::Link;
pub(crate) use link::{LinkId, LinkSpec};
use timer::Timer;

use crate::stats::Counters;
use crate::tap::{LOOK_AT_HELD, Tap};
use crate::toxics::ToxicSet;

/// Commands that may wait at a shard; a sender beyond it waits.
const COMMANDS: usize = 1024;
/// The most that one read takes.
const SCRATCH: usize = 64 * 1024;
/// How often connections that are held before their upstream knows of them are looked at: has the client left?
const SWEEP: Duration = Duration::from_millis(250);

/// What a shard is told.
pub(crate) enum Command {
    /// There is a proxy.
    Open(LinkSpec),
    /// This shard accepts for it, until [`Command::StopAccepting`]; answered once it does.
    Accept(LinkId, TcpListener, oneshot::Sender<io::Result<()>>),
    /// The listener is closed when this is answered.
    StopAccepting(LinkId, oneshot::Sender<()>),
    /// A connection, with its number, that this shard serves.
    Serve(LinkId, u64, TcpStream),
    /// Other toxics; answered when they hold on every connection.
    SetToxics(LinkId, Arc<ToxicSet>, oneshot::Sender<()>),
    /// The proxy's connections are closed when this is answered.
    Close(LinkId, oneshot::Sender<()>),
}

/// How to tell a shard.
pub(crate) type ShardSender = mpsc::Sender<Command>;

/// What the connections of a shard share.
pub(crate) struct Shard {
    timer: Timer,
    /// Every read goes here first; only what cannot be written at once is copied.
    scratch: RefCell<Box<[u8]>>,
    links: RefCell<BTreeMap<LinkId, Rc<Link>>>,
    /// All shards, this one included.
    peers: Vec<ShardSender>,
    index: usize,
    tap: Option<Arc<dyn Tap>>,
    /// A connection's task panicked.
    panicked: Notify,
}

/// The receiving half of a shard that does not run yet.
pub(crate) struct ShardInbox(mpsc::Receiver<Command>);

/// The two ends of a shard's command queue.
pub(crate) fn inbox() -> (ShardSender, ShardInbox) {
    let (sender, receiver) = mpsc::channel(COMMANDS);
    (sender, ShardInbox(receiver))
}

/// What a shard is given.
pub(crate) struct Place {
    /// Which of `peers` it is.
    pub(crate) index: usize,
    /// All shards.
    pub(crate) peers: Vec<ShardSender>,
    /// Where its timer counts.
    pub(crate) counters: Arc<Counters>,
    /// Who is told of its connections.
    pub(crate) tap: Option<Arc<dyn Tap>>,
}

/// Runs a shard on this thread until `inbox` closes or `stop` says so.
pub(crate) fn run(
    runtime: &tokio::runtime::Runtime,
    place: Place,
    inbox: ShardInbox,
    stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let Place { index, peers, counters, tap } = place;
    let local = LocalSet::new();
    local.block_on(runtime, async move {
        let shard = Rc::new(Shard {
            timer: Timer::new(counters)?,
            scratch: RefCell::new(vec![0; SCRATCH].into_boxed_slice()),
            links: RefCell::default(),
            peers,
            index,
            tap,
            panicked: Notify::new(),
        });
        tokio::select! {
            ended = shard.timer.run() => ended,
            () = shard.obey(inbox.0) => Ok(()),
            () = shard.sweep() => Ok(()),
            () = shard.look_at_held() => Ok(()),
            () = shard.panicked.notified() => Err(io::Error::other("the task of a connection panicked")),
            _ = stop => Ok(()),
        }
    })
}

impl Shard {
    async fn obey(self: &Rc<Self>, mut inbox: mpsc::Receiver<Command>) {
        while let Some(command) = inbox.recv().await {
            match command {
                Command::Open(spec) => {
                    self.links.borrow_mut().insert(spec.id, Rc::new(Link::new(spec)));
                }
                Command::Accept(id, listener, done) => answer(done, self.accept(id, listener)),
                Command::StopAccepting(id, done) => {
                    let link = self.link(id);
                    tokio::task::spawn_local(async move {
                        if let Some(link) = link {
                            link.stop_accepting().await;
                        }
                        answer(done, ());
                    });
                }
                Command::Serve(id, number, client) => self.serve_std(id, number, client),
                Command::SetToxics(id, toxics, done) => {
                    let (link, shard) = (self.link(id), Rc::clone(self));
                    tokio::task::spawn_local(async move {
                        let woken = match link {
                            Some(link) => link.set_toxics(toxics, &shard).await,
                            None => Vec::new(),
                        };
                        answer(done, ());
                        link::wake_in_turn(woken).await;
                    });
                }
                Command::Close(id, done) => {
                    let link = self.links.borrow_mut().remove(&id);
                    tokio::task::spawn_local(async move {
                        if let Some(link) = link {
                            link.close().await;
                        }
                        answer(done, ());
                    });
                }
            }
        }
    }

    fn link(&self, id: LinkId) -> Option<Rc<Link>> {
        self.links.borrow().get(&id).map(Rc::clone)
    }

    /// Lets go of held connections whose client has left and whose upstream never knew of them: nobody can tell,
    /// and a fleet that reconnects into a blackhole would use up the files.
    async fn sweep(&self) {
        self.look_every(SWEEP, Link::release_abandoned).await;
    }

    /// Tells the tap of clients that leave while nothing is read of them.
    async fn look_at_held(&self) {
        if self.tap.is_none() {
            return std::future::pending().await;
        }
        self.look_every(LOOK_AT_HELD, Link::tell_of_leavers).await;
    }

    /// Looks at every link once in a `period`, and never ends.
    async fn look_every(&self, period: Duration, look: impl Fn(&Link)) {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.links.borrow().values().for_each(|link| look(link));
        }
    }
}

/// The asker may have gone; then nobody needs the answer.
fn answer<T>(done: oneshot::Sender<T>, with: T) {
    if done.send(with).is_err() {
        tracing::debug!("nobody waits for the answer to a command any more");
    }
}
