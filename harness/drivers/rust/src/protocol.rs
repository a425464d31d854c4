//! Lines in, lines out: the driver protocol (`docs/driver-protocol.md`) on the standard streams.

use std::io::{BufRead, BufWriter, Write, stdin, stdout};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;

use md5::{Digest, Md5};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version that this driver speaks.
pub const VERSION: u32 = 1;

/// An item within its client's namespace.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Key {
    pub data_id: String,
    pub group: String,
}

/// What is to be done for one client.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    Start(Start),
    Listen { client: u32, key: Key },
    Get { client: u32, key: Key, id: u64, timeout_ms: u64 },
    Publish { client: u32, key: Key, id: u64, content: String },
    Clock,
    Stop,
}

/// The settings of a client.
#[derive(Debug, Clone, Deserialize)]
pub struct Start {
    pub client: u32,
    pub servers: Vec<String>,
    pub namespace: String,
    pub cache: PathBuf,
    pub username: Option<String>,
    pub password: Option<String>,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Server,
    Memory,
}

/// What happened.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Hello {
        protocol: u32,
        driver: &'static str,
        sdk: &'static str,
        sdk_version: &'static str,
        runtime: &'static str,
    },
    Clock,
    Started {
        client: u32,
    },
    Listening {
        client: u32,
        key: Key,
    },
    Value {
        client: u32,
        key: Key,
        content: String,
        md5: String,
        source: Source,
    },
    Got {
        client: u32,
        id: u64,
        content: Option<String>,
        md5: Option<String>,
        source: Source,
    },
    Published {
        client: u32,
        id: u64,
    },
    Failed(Failed),
}

/// A command that failed, with what identifies it.
#[derive(Debug, Default, Serialize)]
pub struct Failed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    pub command: String,
    pub message: String,
}

/// `CLOCK_MONOTONIC` in nanoseconds.
#[must_use]
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// The MD5 in lower-case hexadecimal.
#[must_use]
pub fn md5(content: &str) -> String {
    Md5::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Serialize)]
struct Line {
    at: u64,
    #[serde(flatten)]
    event: Event,
}

/// Takes events from any thread.
#[derive(Clone)]
pub struct Events(mpsc::Sender<Option<Line>>);

/// Writes events in the order in which they were sent: a thread, so that a slow reader holds up no callback of the SDK.
pub struct Writer {
    events: Events,
    thread: JoinHandle<()>,
}

impl Events {
    /// Sends what happened at `at`.
    pub fn send(&self, at: u64, event: Event) {
        // The writer is gone only when nobody reads any more.
        self.0.send(Some(Line { at, event })).ok();
    }

    /// Answers a command, as it was read, that failed.
    pub fn fail(&self, command: &Value, message: String) {
        let told = |key: &str| command.get(key).cloned();
        let name = command.get("command").and_then(Value::as_str).unwrap_or_default();
        let failed = Failed {
            client: told("client"),
            id: told("id"),
            key: told("key"),
            command: name.to_owned(),
            message,
        };
        self.send(now(), Event::Failed(failed));
    }
}

impl Writer {
    /// Starts the thread.
    #[must_use]
    pub fn start() -> Self {
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || write_lines(&receiver));
        Self { events: Events(sender), thread }
    }

    /// What sends to it.
    #[must_use]
    pub fn events(&self) -> Events {
        self.events.clone()
    }

    /// Returns when everything is written.
    pub fn close(self) {
        self.events.0.send(None).ok();
        self.thread.join().ok();
    }
}

fn write_lines(receiver: &mpsc::Receiver<Option<Line>>) {
    let mut out = BufWriter::new(stdout().lock());
    let mut next = receiver.recv().ok().flatten();
    while let Some(line) = next {
        let text = serde_json::to_string(&line).expect("an event is numbers and strings");
        let written = writeln!(out, "{text}");
        next = match receiver.try_recv() {
            Ok(more) => more,
            Err(_) => {
                if written.and_then(|()| out.flush()).is_err() {
                    // The harness is gone: standard input ends as well, and with it the driver.
                    return;
                }
                receiver.recv().ok().flatten()
            }
        };
    }
    out.flush().ok();
}

/// The lines of standard input, until it ends.
#[must_use]
pub fn lines() -> tokio::sync::mpsc::Receiver<String> {
    let (sender, receiver) = tokio::sync::mpsc::channel(64);
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
