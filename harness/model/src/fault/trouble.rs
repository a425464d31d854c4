//! What running nodes are told to do wrong: answers, streams, tokens and connections. The nodes themselves stay up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a node is told to do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeTrouble {
    /// Calls are answered badly.
    Answers(AnswerTrouble),
    /// Live gRPC connections are treated badly.
    Stream {
        /// How.
        what: StreamTrouble,
        /// The share of the connections, in parts per million.
        share_ppm: u32,
    },
    /// Every token that was handed out until the onset is expired; calls that hang go on. New logins work.
    ExpireTokens,
    /// Registered connections are asked to connect elsewhere (ConnectReset), as when a server is relieved.
    Evict {
        /// The share of the connections, in parts per million.
        share_ppm: u32,
    },
    /// What a client says that it holds is compared with an MD5 that is not that of the content it is served, so that what did
    /// not change is told as changed, over and over (nacos-facts.md §4: nacos#2618, #10447).
    DriftedMd5 {
        /// The share of the comparisons, in parts per million.
        share_ppm: u32,
    },
}

impl NodeTrouble {
    /// The name in a scenario.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Answers(_) => "answers",
            Self::Stream { .. } => "stream",
            Self::ExpireTokens => "expire_tokens",
            Self::Evict { .. } => "evict",
            Self::DriftedMd5 { .. } => "drifted_md5",
        }
    }
}

/// What proxies do to what passes them, in front of any server: the troubles of a node that need no node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathTrouble {
    /// Calls are answered badly.
    Answers(AnswerTrouble),
    /// Live gRPC connections are treated badly.
    Stream {
        /// How.
        what: StreamTrouble,
        /// The share of the connections, or of the acknowledgements, in parts per million.
        share_ppm: u32,
    },
}

impl PathTrouble {
    /// The name in a scenario.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Answers(_) => "answers",
            Self::Stream { what, .. } => what.name(),
        }
    }

    /// The same, done by a node.
    #[must_use]
    pub const fn at_node(self) -> NodeTrouble {
        match self {
            Self::Answers(answers) => NodeTrouble::Answers(answers),
            Self::Stream { what, share_ppm } => NodeTrouble::Stream { what, share_ppm },
        }
    }
}

/// Which calls are answered badly, how many of them, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerTrouble {
    /// Which.
    pub to: Calls,
    /// The share of them, in parts per million.
    pub share_ppm: u32,
    /// How.
    pub bad: BadAnswer,
}

/// Kinds of calls, over HTTP and gRPC alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Calls {
    /// A config is read.
    pub reads: bool,
    /// Changes are asked for: long polls, and lists of what a client holds.
    pub listens: bool,
    /// A config is published or removed.
    pub writes: bool,
    /// Somebody logs in.
    pub logins: bool,
}

/// One kind of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallKind {
    /// A config is read.
    Read,
    /// Changes are asked for.
    Listen,
    /// A config is published or removed.
    Write,
    /// Somebody logs in.
    Login,
}

impl Calls {
    /// Whether calls of this kind are among them.
    #[must_use]
    pub const fn has(self, kind: CallKind) -> bool {
        match kind {
            CallKind::Read => self.reads,
            CallKind::Listen => self.listens,
            CallKind::Write => self.writes,
            CallKind::Login => self.logins,
        }
    }

    /// With calls of this kind among them.
    #[must_use]
    pub const fn with(mut self, kind: CallKind) -> Self {
        match kind {
            CallKind::Read => self.reads = true,
            CallKind::Listen => self.listens = true,
            CallKind::Write => self.writes = true,
            CallKind::Login => self.logins = true,
        }
        self
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [(self.reads, "reads"), (self.listens, "listens"), (self.writes, "writes"), (self.logins, "logins")]
            .into_iter()
            .filter_map(|(has, name)| has.then_some(name))
    }
}

/// A bad answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BadAnswer {
    /// This HTTP status, or an error of this code over gRPC; the call is not carried out.
    Status(u16),
    /// The right answer, so much later.
    Slow(Duration),
    /// The right answer, whose body comes at so many bytes per second; over gRPC as a whole, when its last byte would.
    SlowBody(u64),
    /// The first half of the body, then the connection breaks; over gRPC the stream ends.
    Truncated,
    /// The first half of the body, with a length that says it is the whole; over gRPC a message cut short.
    WrongLength,
    /// Bytes without a meaning.
    Garbage,
}

/// What befalls a live gRPC connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamTrouble {
    /// The server says GOAWAY at the onset: no new calls are taken, the stream of pushes goes on.
    GoAway,
    /// The server resets the stream of pushes (RST_STREAM) at the onset; the connection stays.
    RstStream,
    /// From the onset to the end no DATA frame leaves, as when the client's flow-control window is used up; what belongs
    /// to the connection itself (PING, SETTINGS) is answered.
    StalledWindow,
    /// From the onset to the end the server does not see that clients acknowledge pushes.
    SwallowedAck,
}

impl StreamTrouble {
    /// The name in a scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GoAway => "go_away",
            Self::RstStream => "rst_stream",
            Self::StalledWindow => "stalled_window",
            Self::SwallowedAck => "swallowed_ack",
        }
    }
}

/// How often a trouble acted, as the node itself counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TroubleCount {
    /// Calls or connections on which it acted.
    pub acted: u64,
    /// Calls or connections on which it could have acted.
    pub of: u64,
}
