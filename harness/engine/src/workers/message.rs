//! What the harness and a worker say to each other. `docs/worker-protocol.md` has it in words.

use std::io::{self, BufReader};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shakedown_load::mutator::Newest;
use shakedown_load::watchers::{FleetEnd, GroupAddresses, Progress};
use shakedown_model::fault::{Befallen, WatcherFault};
use shakedown_model::{GroupId, ItemId, Offset, Plan};
use shakedown_nacos::Peer;
use shakedown_nacos::tls::{ClientTls, TlsError, TlsMaterial, TlsPeer};
use shakedown_record::{Block, DamagedBlock};

use super::frame::{self, FrameError, Kind};

/// The version of the protocol; only equal ones talk.
pub(super) const PROTOCOL: u32 = 1;
/// A worker says how things stand this often.
pub(super) const BEAT: Duration = Duration::from_millis(200);
/// Who takes nothing for this long is held to be gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// From the harness to a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Order {
    /// What it is to do; the first of all.
    Task(Box<Task>),
    /// Offset zero is known: the watchers begin.
    Begin {
        /// Offset zero in nanoseconds of the host's `CLOCK_MONOTONIC`.
        zero_ns: u64,
        /// When the ramps begin.
        from: Offset,
    },
    /// A fault of watchers, answered by [`Word::Done`].
    Move {
        /// Counts from 1.
        number: u64,
        /// What befalls them.
        what: Move,
        /// Whom.
        groups: Vec<GroupId>,
    },
    /// The mutator has ended: this is what is to be held.
    Drain {
        /// The newest state of every item.
        newest: Vec<(ItemId, Newest)>,
    },
    /// The watchers end, and the worker after its last word.
    Stop,
}

/// What befalls watchers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Move {
    /// They crash.
    Crash,
    /// They start again.
    ColdStart,
    /// Something befalls a share of them, in parts per million.
    Suffer(WatcherFault, u32),
    /// No longer.
    Recover(WatcherFault),
}

/// A worker's part of a run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Task {
    /// [`PROTOCOL`].
    pub(super) protocol: u32,
    /// Which worker it is, from 0.
    pub(super) index: u32,
    /// Of how many.
    pub(super) of: u32,
    /// Threads of its runtime.
    pub(super) threads: u32,
    /// The run's number, which payloads carry.
    pub(super) run_id: u64,
    /// The plan; secrets are redacted in it.
    pub(super) plan: Plan,
    /// The password of the plan's login.
    pub(super) password: Option<String>,
    /// What TLS needs in front of servers that the run brought up.
    pub(super) tls: Option<TlsMaterial>,
    /// Where each group connects to.
    pub(super) addresses: Vec<WireAddresses>,
    /// Where it logs in for its watchers, when the plan has a login.
    pub(super) login_at: Option<WirePeer>,
    /// The folder of the snapshots.
    pub(super) snapshots: PathBuf,
}

/// Where the watchers of a group find the servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WireAddresses {
    pub(super) http: Vec<WirePeer>,
    pub(super) grpc: Vec<WirePeer>,
}

/// Where a port is, and whom TLS expects at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WirePeer {
    pub(super) addr: SocketAddr,
    /// The name that its certificate must hold; `None` where no TLS is spoken.
    pub(super) tls_name: Option<String>,
    /// Whether that certificate is looked at.
    pub(super) is_checked: bool,
}

/// From a worker to the harness, beside blocks of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// Its first: who it is.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// The program's version.
        version: String,
    },
    /// It has its task, and waits for the beginning.
    Ready,
    /// How things stand, every [`BEAT`].
    Beat(Beat),
    /// It has carried out the fault of this number.
    Done {
        /// That of the order.
        number: u64,
    },
    /// It has ended its watchers, and every block was sent.
    Ended {
        /// How they ended.
        end: FleetEnd,
        /// Records that were lost because nobody took them.
        lost: u64,
    },
    /// It can do nothing.
    Failed {
        /// Why, and what to do.
        why: String,
    },
}

/// How things stand with a worker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Beat {
    /// What happened so far.
    pub(super) progress: Progress,
    /// Whether its watchers hold all that a drain waits for; false before one.
    pub(super) has_converged: bool,
    /// Records that were lost because nobody took them.
    pub(super) lost: u64,
    /// What befell the watchers of each group.
    pub(super) befallen: Vec<Befallen>,
}

impl WirePeer {
    pub(super) fn of(peer: &Peer) -> Self {
        Self {
            addr: peer.addr,
            tls_name: peer.tls.as_ref().map(|tls| tls.host().to_owned()),
            is_checked: peer.tls.as_ref().is_none_or(TlsPeer::is_checked),
        }
    }
}

impl WireAddresses {
    pub(super) fn of(group: &GroupAddresses) -> Self {
        let all = |peers: &[Peer]| peers.iter().map(WirePeer::of).collect();
        Self { http: all(&group.http), grpc: all(&group.grpc) }
    }
}

/// What turns addresses of the wire into peers.
pub(super) struct Peers(Option<ClientTls>);

impl Peers {
    /// Takes what the run made, or reads the files of TLS, where the plan has any.
    pub(super) fn of(plan: &Plan, made: Option<&TlsMaterial>) -> Result<Self, TlsError> {
        let given = plan.server.external.as_ref().and_then(|external| external.tls.as_ref());
        let made = made.map(ClientTls::of).transpose()?;
        Ok(Self(made.map_or_else(|| given.map(ClientTls::load).transpose(), |tls| Ok(Some(tls)))?))
    }

    pub(super) fn http(&self, peer: &WirePeer) -> Result<Peer, TlsError> {
        self.peer(peer, ClientTls::http)
    }

    fn grpc(&self, peer: &WirePeer) -> Result<Peer, TlsError> {
        self.peer(peer, ClientTls::grpc)
    }

    fn peer(
        &self,
        peer: &WirePeer,
        at: impl Fn(&ClientTls, &str) -> Result<TlsPeer, TlsError>,
    ) -> Result<Peer, TlsError> {
        let tls = match (&self.0, &peer.tls_name) {
            (Some(tls), Some(name)) => Some(at(tls, name)?),
            _ => None,
        };
        let found = Peer { addr: peer.addr, tls };
        Ok(if peer.is_checked { found } else { found.unchecked() })
    }

    pub(super) fn group(&self, group: &WireAddresses) -> Result<GroupAddresses, TlsError> {
        Ok(GroupAddresses {
            http: group.http.iter().map(|peer| self.http(peer)).collect::<Result<_, _>>()?,
            grpc: group.grpc.iter().map(|peer| self.grpc(peer)).collect::<Result<_, _>>()?,
        })
    }
}

/// What came over the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<T> {
    Message(T),
    Block(Block),
}

/// Something came that nobody can make sense of.
#[derive(Debug, thiserror::Error)]
pub(super) enum TalkError {
    /// The stream itself.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A message that this version does not know.
    #[error("it said something that this version does not understand: {0}")]
    Message(#[from] serde_json::Error),
    /// A block that is none.
    #[error(transparent)]
    Block(#[from] DamagedBlock),
}

/// The listening end.
pub(super) struct Ear(BufReader<UnixStream>);

/// The speaking end; clones speak one after the other.
#[derive(Debug, Clone)]
pub(super) struct Mouth(Arc<Mutex<UnixStream>>);

/// Both ends of a stream.
pub(super) fn ends(stream: UnixStream) -> io::Result<(Ear, Mouth)> {
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let ear = Ear(BufReader::with_capacity(1 << 16, stream.try_clone()?));
    Ok((ear, Mouth(Arc::new(Mutex::new(stream)))))
}

impl Ear {
    /// Waits for what comes next; `None` when the other side is gone.
    pub(super) fn hear<T: DeserializeOwned>(&mut self) -> Result<Option<Heard<T>>, TalkError> {
        Ok(match frame::read(&mut self.0)? {
            None => None,
            Some((Kind::Message, body)) => Some(Heard::Message(serde_json::from_slice(&body)?)),
            Some((Kind::Block, body)) => Some(Heard::Block(Block::from_bytes(&body)?)),
        })
    }
}

impl Mouth {
    /// Says something; waits while the other side has no room, 10 s at most.
    pub(super) fn say(&self, message: &impl Serialize) -> io::Result<()> {
        let body = serde_json::to_vec(message)?;
        frame::write(&mut *self.lock(), Kind::Message, &[&body])
    }

    /// Sends a block as it stands in the file.
    pub(super) fn send(&self, block: &Block) -> io::Result<()> {
        frame::write(&mut *self.lock(), Kind::Block, &[&block.header(), block.payload()])
    }

    /// Hangs up, so that the other side hears it at once.
    pub(super) fn hang_up(&self) {
        // A stream that is gone already is what is wanted.
        drop(self.lock().shutdown(std::net::Shutdown::Both));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, UnixStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
