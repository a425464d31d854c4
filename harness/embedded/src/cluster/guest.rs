//! A node in a process of its own, from its side: the database is in the process at the other end of a stream.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::wire::{self, Ear, FromNode, ToNode};
use super::{Cluster, Home, MemberLoad, Message, wall_ms};
use crate::core::{Change, Core};
use crate::service::{BEAT, StartError, start_node};

/// A node's process could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// Nobody told it what to do.
    #[error(
        "a node's process is started by `shakedown run`, which tells it on standard input what to do: {0}"
    )]
    NoTask(String),
    /// The process with the database is gone.
    #[error("the process with the database cannot be reached")]
    Stream(#[source] io::Error),
    /// The node cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The node's thread has ended.
    #[error("{0}")]
    Ended(String),
}

/// The life of a node's process; standard input is the stream to the process with the database. It ends when that
/// stream does, at once and whatever the node is about.
///
/// # Errors
/// [`GuestError`], which the other side was told if it could be.
pub fn node_main() -> Result<(), GuestError> {
    let stream = io::stdin().as_fd().try_clone_to_owned().map_err(GuestError::Stream)?;
    serve(UnixStream::from(stream), || end("the process with the database is gone"))
}

#[expect(clippy::exit, reason = "what runs here runs for nobody, and may not even listen")]
fn end(why: &str) {
    tracing::error!(why, "the node's process ends");
    std::process::exit(1)
}

/// The same over any stream; `gone` is called once that has ended.
pub(crate) fn serve(stream: UnixStream, gone: impl FnOnce() + Send + 'static) -> Result<(), GuestError> {
    let heard = stream.try_clone().map_err(GuestError::Stream)?;
    let mut ear = Ear::new(heard);
    let mouth = Arc::new(Mouth(Mutex::new(stream)));
    let (stands, told) = channel();
    let done = open(&mut ear, &mouth, stands).and_then(|(cluster, node, sorter)| {
        let listening = thread::Builder::new().name("database".to_owned());
        let listen = move || {
            sorter.sort(&mut ear);
            gone();
        };
        listening.spawn(listen).map_err(StartError::Thread)?;
        work(&cluster, node, &mouth, &told)
    });
    if let Err(error) = &done {
        // The other side may be gone, and then nobody needs to know.
        drop(mouth.say(&FromNode::Failed(error.to_string())));
    }
    done
}

/// Hears which node it is, and all that is stored.
fn open(
    ear: &mut Ear,
    mouth: &Arc<Mouth>,
    stands: Sender<bool>,
) -> Result<(Arc<Cluster>, usize, Sorter), GuestError> {
    let mut next = || match ear.hear::<ToNode>() {
        Ok(Some(order)) => Ok(order),
        Ok(None) => Err(GuestError::NoTask("it ended before".to_owned())),
        Err(error) => Err(GuestError::NoTask(error.to_string())),
    };
    let ToNode::Open(opening) = next()? else {
        return Err(GuestError::NoTask("something else came first".to_owned()));
    };
    let (node, nodes) = (opening.node, opening.nodes.clone());
    let (generation, seed) = (opening.generation, opening.seed);
    let (login, settings) = opening.secrets();
    let mut core = Core::new(settings.clone(), generation, login.as_ref(), wall_ms());
    loop {
        match next()? {
            ToNode::Row(change) => core.restore_stored(*change),
            ToNode::Start => break,
            _ => return Err(GuestError::NoTask("it broke off before the start".to_owned())),
        }
    }
    core.restored();
    let (messages, mailbox) = unbounded_channel();
    let (answers, answered) = sync_channel(1);
    let away = Away {
        mouth: Arc::clone(mouth),
        state: Mutex::new(Some((core, mailbox))),
        answered: Mutex::new(answered),
    };
    let cluster = Cluster { nodes, generation, login, settings, seed, home: Home::Away(away) };
    Ok((Arc::new(cluster), node, Sorter { messages, answers, stands }))
}

/// Serves, and shows that it does, until it cannot any more. A node that stands still on purpose is no node that hangs.
fn work(cluster: &Arc<Cluster>, node: usize, mouth: &Mouth, told: &Receiver<bool>) -> Result<(), GuestError> {
    let server = start_node(cluster, node)?;
    let say = |word: &FromNode| mouth.say(word).map_err(GuestError::Stream);
    say(&FromNode::Ready { http: server.http_addr(), grpc: server.grpc_addr() })?;
    let mut pulse = server.pulse();
    loop {
        match told.recv_timeout(BEAT) {
            Ok(true) => say(&FromNode::Stands(server.pause()))?,
            Ok(false) => {
                server.resume();
                say(&FromNode::Stands(false))?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody tells anything any more: the stream has ended.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(BEAT),
        }
        if let Some(why) = server.failed() {
            return Err(GuestError::Ended(why));
        }
        if std::mem::replace(&mut pulse, server.pulse()) != pulse || server.stands() {
            say(&FromNode::Beat(server.load()))?;
        }
    }
}

/// The speaking end of the stream.
#[derive(Debug)]
struct Mouth(Mutex<UnixStream>);

impl Mouth {
    fn say(&self, word: &FromNode) -> io::Result<()> {
        wire::write(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), word)
    }
}

/// Sorts what is heard: messages into the node's mailbox, answers to who waits for one. Both come in one order, so
/// what was stored before a grant is in the mailbox before it.
struct Sorter {
    messages: UnboundedSender<Message>,
    answers: SyncSender<ToNode>,
    stands: Sender<bool>,
}

impl Sorter {
    /// Until the stream ends.
    fn sort(self, ear: &mut Ear) {
        while let Ok(Some(order)) = ear.hear() {
            let is_there = match order {
                ToNode::Message(message) => self.messages.send(message).is_ok(),
                ToNode::Stand(stands) => self.stands.send(stands).is_ok(),
                answer => self.answers.send(answer).is_ok(),
            };
            if !is_there {
                return;
            }
        }
    }
}

/// A database that is in another process.
#[derive(Debug)]
pub(crate) struct Away {
    mouth: Arc<Mouth>,
    /// What the node starts with.
    state: Mutex<Option<(Core, UnboundedReceiver<Message>)>>,
    answered: Mutex<Receiver<ToNode>>,
}

impl Away {
    /// What the node starts with.
    pub(super) fn take_state(&self) -> (Core, UnboundedReceiver<Message>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).take();
        state.expect("a process starts its node once")
    }

    /// Waits for the database.
    pub(super) fn ask(&self) -> Grant<'_> {
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        self.say(&FromNode::Lock);
        let granted = answered.recv();
        debug_assert!(matches!(granted, Ok(ToNode::Granted) | Err(_)), "{granted:?} is no grant");
        Grant { away: self, answered, is_open: granted.is_ok() }
    }

    pub(super) fn send(&self, to: usize, message: Message) {
        self.say(&FromNode::Send(to, message));
    }

    pub(super) fn loads(&self) -> Vec<MemberLoad> {
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        self.say(&FromNode::AskLoads);
        match answered.recv() {
            Ok(ToNode::Loads(loads)) => loads,
            _ => Vec::new(),
        }
    }

    /// What cannot be said needs not be: the process ends with the stream.
    fn say(&self, word: &FromNode) {
        if let Err(error) = self.mouth.say(word) {
            tracing::warn!(%error, "the process with the database takes nothing");
        }
    }
}

/// The database, lent for one write.
#[derive(Debug)]
pub(crate) struct Grant<'a> {
    away: &'a Away,
    answered: MutexGuard<'a, Receiver<ToNode>>,
    /// Whether it is still to be given back.
    is_open: bool,
}

impl Grant<'_> {
    /// Stores what this node writes, and gives the database back.
    pub(super) fn store(&mut self, change: &Change) -> io::Result<()> {
        let gone = || io::Error::new(io::ErrorKind::NotConnected, "the process with the database is gone");
        if !std::mem::take(&mut self.is_open) {
            return Err(gone());
        }
        self.away.mouth.say(&FromNode::Store(Box::new(change.clone())))?;
        match self.answered.recv() {
            Ok(ToNode::Kept(kept)) => kept.map_err(io::Error::other),
            _ => Err(gone()),
        }
    }
}

impl Drop for Grant<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.away.say(&FromNode::Unlock);
        }
    }
}
