//! Nodes in processes of their own, from the side of the process that has the database.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::wire::{self, Ear, FromNode, Opening, ToNode};
use super::{Cluster, EmbeddedCluster, Home, Mailbox, Member, lock};
use crate::service::{Counts, StartError};

/// How long a node's process may take until it serves.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// A process that says nothing for this long is held to be gone; its node beats five times a second.
const SILENT_AFTER: Duration = Duration::from_secs(10);

/// The tie to a node's process. Dropping it lets the process end.
#[derive(Debug)]
pub struct NodeProcess {
    node: usize,
    orders: UnboundedSender<ToNode>,
    stream: UnixStream,
    standing: Arc<Standing>,
}

/// How things stand with a node's process.
#[derive(Debug, Default)]
struct Standing {
    known: Mutex<Known>,
    changed: Condvar,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Known {
    ready: Option<(SocketAddr, SocketAddr)>,
    trouble: Option<String>,
    stands: bool,
}

impl EmbeddedCluster {
    /// Lets a process be a node: `stream` leads to one that runs [`node_main`](super::node_main). It is told all that is
    /// stored, and serves once [`NodeProcess::wait_ready`] returns.
    ///
    /// # Errors
    /// [`StartError::Thread`] when the stream cannot be served.
    ///
    /// # Panics
    /// When there is no node of this number, or it runs already.
    pub fn attend(&self, node: usize, stream: UnixStream) -> Result<NodeProcess, StartError> {
        let cluster = Arc::clone(&self.0);
        let standing = Arc::<Standing>::default();
        let (orders, queue) = unbounded_channel();
        stream.set_read_timeout(Some(SILENT_AFTER)).map_err(StartError::Thread)?;
        stream.set_write_timeout(Some(SILENT_AFTER)).map_err(StartError::Thread)?;
        let own = || stream.try_clone().map_err(StartError::Thread);
        let (heard, said) = (own()?, own()?);
        cluster.admit(node, &orders, &standing.counts);
        let spawn = |name: String| thread::Builder::new().name(name);
        spawn(format!("to-nacos-{node}")).spawn(move || say(queue, said)).map_err(StartError::Thread)?;
        let guest = Guest { node, cluster, orders: orders.clone(), standing: Arc::clone(&standing) };
        let listen = move || guest.listen(&mut Ear::new(heard));
        spawn(format!("of-nacos-{node}")).spawn(listen).map_err(StartError::Thread)?;
        Ok(NodeProcess { node, orders, stream, standing })
    }
}

impl Cluster {
    /// Queues all that a node needs to start, and everything that is stored from then on behind it.
    fn admit(&self, node: usize, orders: &UnboundedSender<ToNode>, counts: &Arc<Counts>) {
        let Home::Here(shared) = &self.home else { panic!("only who has the database has guests") };
        let mut shared = lock(shared);
        let (what, login) = ((self.generation, self.seed), self.login.as_ref());
        let opening = Opening::new(node, &self.nodes, what, login, &self.settings);
        let stored = shared.archive.stored().map(|change| ToNode::Row(Box::new(change)));
        for order in std::iter::once(ToNode::Open(Box::new(opening))).chain(stored) {
            // The queue's other end is there: its thread is started after this.
            drop(orders.send(order));
        }
        drop(orders.send(ToNode::Start));
        let mailbox = Mailbox::Away(orders.clone());
        let address = self.nodes[node].http;
        shared.enter(node, Member { address, mailbox, counts: Arc::clone(counts) });
    }
}

/// Says what is queued, until nobody queues any more or the process is gone.
fn say(mut queue: UnboundedReceiver<ToNode>, mut stream: UnixStream) {
    while let Some(order) = queue.blocking_recv() {
        if let Err(error) = wire::write(&mut stream, &order) {
            tracing::warn!(%error, "a node's process takes no orders");
            // The listening thread finds it gone, too.
            drop(stream.shutdown(std::net::Shutdown::Both));
            return;
        }
    }
}

/// A node's process, as the thread that listens to it knows it.
struct Guest {
    node: usize,
    cluster: Arc<Cluster>,
    orders: UnboundedSender<ToNode>,
    standing: Arc<Standing>,
}

impl Guest {
    /// Hears it to its end; then the node is down.
    fn listen(self, ear: &mut Ear) {
        let why = loop {
            match ear.hear() {
                Ok(Some(word)) => {
                    if let Err(why) = self.take(word, ear) {
                        break why;
                    }
                }
                Ok(None) => break "has ended".to_owned(),
                Err(error) => break unheard(&error),
            }
        };
        if let Home::Here(shared) = &self.cluster.home {
            lock(shared).members[self.node] = None;
        }
        self.standing.tell(|known| {
            known.trouble.get_or_insert(why);
        });
    }

    fn take(&self, word: FromNode, ear: &mut Ear) -> Result<(), String> {
        match word {
            FromNode::Ready { http, grpc } => self.standing.tell(|known| known.ready = Some((http, grpc))),
            FromNode::Failed(why) => return Err(why),
            FromNode::Beat(load) => self.standing.counts.set(load),
            FromNode::Stands(stands) => self.standing.tell(|known| known.stands = stands),
            FromNode::Lock => self.lend(ear)?,
            FromNode::Send(to, message) => self.cluster.send(to, message),
            FromNode::AskLoads => drop(self.orders.send(ToNode::Loads(self.cluster.loads()))),
            FromNode::Store(_) | FromNode::Unlock => return Err("wrote without the database".to_owned()),
        }
        Ok(())
    }

    /// Gives it the database for one write; the write of a process that dies meanwhile is not stored.
    fn lend(&self, ear: &mut Ear) -> Result<(), String> {
        let Home::Here(shared) = &self.cluster.home else { return Ok(()) };
        let mut shared = lock(shared);
        drop(self.orders.send(ToNode::Granted));
        loop {
            match ear.hear() {
                Ok(Some(FromNode::Store(change))) => {
                    let kept = shared.store(self.node, &change).map_err(|error| error.to_string());
                    drop(self.orders.send(ToNode::Kept(kept)));
                    return Ok(());
                }
                Ok(Some(FromNode::Unlock)) => return Ok(()),
                Ok(Some(FromNode::Beat(load))) => self.standing.counts.set(load),
                Ok(Some(FromNode::Stands(stands))) => self.standing.tell(|known| known.stands = stands),
                Ok(Some(FromNode::Failed(why))) => return Err(why),
                Ok(Some(_)) => return Err("said something else while it had the database".to_owned()),
                Ok(None) => return Err("has ended".to_owned()),
                Err(error) => return Err(unheard(&error)),
            }
        }
    }
}

fn unheard(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("has said nothing for {} s", SILENT_AFTER.as_secs())
        }
        _ => format!("cannot be heard: {error}"),
    }
}

impl Standing {
    fn tell(&self, tell: impl FnOnce(&mut Known)) {
        tell(&mut self.known());
        self.changed.notify_all();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeProcess {
    /// Waits until the node serves; blocks, 20 s at most.
    ///
    /// # Errors
    /// Why it does not, in words that follow its name.
    pub fn wait_ready(&self) -> Result<(), String> {
        let deadline = Instant::now() + READY_WITHIN;
        let mut known = self.standing.known();
        loop {
            if let Some(why) = &known.trouble {
                return Err(why.clone());
            }
            if known.ready.is_some() {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("does not serve within {} s", READY_WITHIN.as_secs()));
            }
            let waited = self.standing.changed.wait_timeout(known, left);
            known = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Where it serves HTTP and gRPC, once it does.
    #[must_use]
    pub fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.standing.known().ready
    }

    /// Lets the node stand still until [`Self::resume`], as `RunningServer::pause` does; blocks until it stands. False when
    /// it does not within 10 s.
    #[must_use]
    pub fn pause(&self) -> bool {
        self.stand(true)
    }

    /// Lets it go on; blocks until it does. False when it does not within 10 s.
    #[must_use]
    pub fn resume(&self) -> bool {
        self.stand(false)
    }

    fn stand(&self, stands: bool) -> bool {
        // A process that is gone is seen as trouble.
        drop(self.orders.send(ToNode::Stand(stands)));
        let is_open = |known: &mut Known| known.stands != stands && known.trouble.is_none();
        let waited = self.standing.changed.wait_timeout_while(self.standing.known(), SILENT_AFTER, is_open);
        waited.unwrap_or_else(PoisonError::into_inner).0.stands == stands
    }

    /// Why the node is gone that should be there, if it is, in words that follow its name.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        self.standing.known().trouble.clone()
    }

    /// How many TCP connections are open, of either protocol; of less than a second ago.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.standing.counts.load().open
    }

    /// Which node it is.
    #[must_use]
    pub const fn node(&self) -> usize {
        self.node
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // A stream that is gone already is what is wanted.
        drop(self.stream.shutdown(std::net::Shutdown::Both));
        // The node's place is free again once nobody listens any more.
        let mut known = self.standing.known();
        while known.trouble.is_none() {
            known = self.standing.changed.wait(known).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
