//! What a node in a process of its own and the process with the database say to each other (ADR 32).
//!
//! A frame is its length (u32, little endian) and as many bytes of JSON. The stream is a socket within one machine, between
//! two processes of one program, so there is no checksum and no version.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shakedown_model::Seed;
use shakedown_model::plan::{EmbeddedSettings, Generation, Login};
use shakedown_model::secrets::Secret;

use super::{MemberLoad, Message, NodePorts};
use crate::core::Change;
use crate::service::Load;

/// A frame is no longer: the largest content that is taken has 10 MiB.
const FRAME_LIMIT: usize = 64 << 20;

/// To a node's process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum ToNode {
    /// Which node it is.
    Open(Box<Opening>),
    /// Something that is stored, before the start.
    Row(Box<Change>),
    /// Everything that is stored was told: it starts.
    Start,
    /// What another node sends, or what it stored.
    Message(Message),
    /// It has the database for one write; what was stored before was told before.
    Granted,
    /// Its write is stored, or why not.
    Kept(Result<(), String>),
    /// It stands still, or goes on.
    Stand(bool),
    /// The answer to [`FromNode::AskLoads`].
    Loads(Vec<MemberLoad>),
}

/// From a node's process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum FromNode {
    /// It serves, at these addresses.
    Ready { http: SocketAddr, grpc: SocketAddr },
    /// It cannot go on.
    Failed(String),
    /// Its thread works, with so much to do.
    Beat(Load),
    /// Whether it stands still, after [`ToNode::Stand`].
    Stands(bool),
    /// It wants the database for one write.
    Lock,
    /// What it writes, while it has the database, which it then gives back.
    Store(Box<Change>),
    /// It writes nothing after all.
    Unlock,
    /// Something for another node.
    Send(usize, Message),
    /// How many connections each node has.
    AskLoads,
}

/// What a node is started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Opening {
    pub(super) node: usize,
    pub(super) nodes: Vec<NodePorts>,
    pub(super) generation: Generation,
    pub(super) seed: Seed,
    login: Option<Login>,
    settings: EmbeddedSettings,
    /// Secrets write themselves redacted: the login's password, and the access key's secret.
    revealed: [Option<String>; 2],
}

impl Opening {
    pub(super) fn new(
        node: usize,
        nodes: &[NodePorts],
        (generation, seed): (Generation, Seed),
        login: Option<&Login>,
        settings: &EmbeddedSettings,
    ) -> Self {
        let secret = |secret: &Secret| secret.reveal().to_owned();
        let revealed = [
            login.map(|login| secret(&login.password)),
            settings.access_key.as_ref().map(|key| secret(&key.secret)),
        ];
        let (login, settings) = (login.cloned(), settings.clone());
        Self { node, nodes: nodes.to_vec(), generation, seed, login, settings, revealed }
    }

    /// The login and the settings with their secrets.
    pub(super) fn secrets(self) -> (Option<Login>, EmbeddedSettings) {
        let Self { mut login, mut settings, revealed: [password, secret], .. } = self;
        if let (Some(login), Some(password)) = (&mut login, password) {
            login.password = Secret::new(password);
        }
        if let (Some(key), Some(secret)) = (&mut settings.access_key, secret) {
            key.secret = Secret::new(secret);
        }
        (login, settings)
    }
}

/// Writes one frame.
pub(super) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length as usize <= FRAME_LIMIT);
    let length =
        length.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "a frame of more than 64 MiB"))?;
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend(length.to_le_bytes());
    frame.extend(body);
    to.write_all(&frame)
}

/// The listening end of a stream.
pub(super) struct Ear(BufReader<UnixStream>);

impl Ear {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self(BufReader::with_capacity(1 << 16, stream))
    }

    /// Waits for the next frame; `None` when the other side is gone. After an error the stream is of no use any more.
    pub(super) fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut length = [0; 4];
        match self.0.read_exact(&mut length) {
            Ok(()) => {}
            // One that was killed leaves what it did not read, and the stream is reset over that.
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let length = u32::from_le_bytes(length) as usize;
        if length > FRAME_LIMIT {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("a frame of {length} bytes")));
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Some(serde_json::from_slice(&body)?))
    }
}
