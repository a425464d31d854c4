//! The driver protocol, version 1: one line of JSON for each command and each event.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The version that this harness speaks.
pub const PROTOCOL: u32 = 1;

/// The longest line that a driver may write: far beyond the largest content (10 MiB) with every character escaped.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// What gRPC's port is above HTTP's: the SDKs compute it (nacos-facts.md §2.1).
pub const GRPC_OFFSET: u16 = 1000;

/// An item as a client names it, within its namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The data id.
    pub data_id: String,
    /// The group.
    pub group: String,
}

/// What a driver is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Make a client.
    Start {
        /// Its number within the process.
        client: u32,
        /// `host:port` of HTTP, one for each node; gRPC is at the port plus 1,000.
        servers: Vec<String>,
        /// Empty for the default one.
        namespace: String,
        /// A folder that belongs to the client alone.
        cache: PathBuf,
        /// Who logs in, where the server wants that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<String>,
        /// The password; it is never written to a log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<String>,
    },
    /// Register a listener.
    Listen {
        /// The client.
        client: u32,
        /// The item.
        key: Key,
    },
    /// Read as an application does.
    Get {
        /// The client.
        client: u32,
        /// The item.
        key: Key,
        /// Comes back with the answer.
        id: u64,
        /// How long it may take.
        timeout_ms: u64,
    },
    /// Publish.
    Publish {
        /// The client.
        client: u32,
        /// The item.
        key: Key,
        /// Comes back with the answer.
        id: u64,
        /// What is published.
        content: String,
    },
    /// Tell the time.
    Clock,
    /// End every client and exit.
    Stop,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A server.
    Server,
    /// What the SDK had kept on disk.
    Snapshot,
    /// An operator's file.
    Failover,
    /// What the SDK holds, without asking: a `get` of a listened item in some SDKs.
    Memory,
    /// The SDK does not tell, and the driver cannot know.
    Unknown,
}

/// What a driver says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the protocol that it speaks.
    pub protocol: u32,
    /// Its name.
    pub driver: String,
    /// The SDK.
    pub sdk: String,
    /// Its version.
    pub sdk_version: String,
    /// What it runs on, such as `go1.24`.
    pub runtime: String,
}

/// What a driver tells; `at` is nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The first line.
    Hello(Hello),
    /// Answers `clock`.
    Clock,
    /// A client was made.
    Started {
        /// The client.
        client: u32,
    },
    /// The SDK's listen call returned.
    Listening {
        /// The client.
        client: u32,
        /// The item.
        key: Key,
    },
    /// The listener was called with content.
    Value {
        /// The client.
        client: u32,
        /// The item.
        key: Key,
        /// The content, whole.
        content: String,
        /// Its MD5 as the driver computed it.
        md5: String,
        /// Where it came from.
        source: Source,
    },
    /// The listener was told that the item does not exist.
    Gone {
        /// The client.
        client: u32,
        /// The item.
        key: Key,
    },
    /// A `get` returned.
    Got {
        /// The client.
        client: u32,
        /// Of the command.
        id: u64,
        /// `None`: the item does not exist.
        content: Option<String>,
        /// The content's MD5.
        #[serde(default)]
        md5: Option<String>,
        /// Where it came from.
        source: Source,
    },
    /// A `publish` was successful.
    Published {
        /// The client.
        client: u32,
        /// Of the command.
        id: u64,
    },
    /// A command failed.
    Failed {
        /// The client.
        client: u32,
        /// Of the command, if it has one.
        #[serde(default)]
        id: Option<u64>,
        /// The item, if it has one.
        #[serde(default)]
        key: Option<Key>,
        /// Which command.
        command: String,
        /// Why.
        message: String,
    },
    /// Anything worth a line in the log.
    Log {
        /// The line.
        message: String,
    },
}

impl Command {
    /// The command as its line, with the line's end.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("commands are strings and numbers");
        line.push('\n');
        line
    }
}

impl Event {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key { data_id: "a".into(), group: "G".into() }
    }

    #[test]
    fn the_examples_of_the_document_are_read_and_written() {
        let document = include_str!("../../docs/driver-protocol.md");
        let example = document.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
        let (mut events, mut commands) = (0, 0);
        for line in example.lines() {
            if let Some(event) = line.strip_prefix("← ") {
                Event::parse(event.as_bytes()).unwrap_or_else(|error| panic!("{event}: {error}"));
                events += 1;
            } else if let Some(command) = line.strip_prefix("→ ") {
                let parsed: Command = serde_json::from_str(command).unwrap();
                assert_eq!(parsed.line().trim_end(), command);
                commands += 1;
            }
        }
        assert_eq!((events, commands), (6, 5));
    }

    #[test]
    fn unknown_keys_are_ignored_and_unknown_events_are_not() {
        let event = Event::parse(br#"{"event":"published","at":5,"client":1,"id":2,"mood":"good"}"#).unwrap();
        assert_eq!(event, Event { at: 5, what: What::Published { client: 1, id: 2 } });
        assert!(Event::parse(br#"{"event":"celebrated","at":5}"#).is_err());
        assert!(Event::parse(br#"{"event":"clock"}"#).is_err(), "without a time");
    }

    #[test]
    fn an_absent_item_and_a_failure_without_an_id_are_read() {
        let got = br#"{"event":"got","at":1,"client":0,"id":7,"content":null,"md5":null,"source":"unknown"}"#;
        let what = What::Got { client: 0, id: 7, content: None, md5: None, source: Source::Unknown };
        assert_eq!(Event::parse(got).unwrap().what, what);
        let failed = br#"{"event":"failed","at":1,"client":0,"key":{"data_id":"a","group":"G"},"command":"listen","message":"no"}"#;
        let what = What::Failed {
            client: 0,
            id: None,
            key: Some(key()),
            command: "listen".into(),
            message: "no".into(),
        };
        assert_eq!(Event::parse(failed).unwrap().what, what);
    }

    #[test]
    fn a_line_break_in_content_stays_inside_the_line() {
        let publish = Command::Publish { client: 0, key: key(), id: 1, content: "a\nb\u{2028}".into() };
        assert_eq!(publish.line().matches('\n').count(), 1);
        assert_eq!(serde_json::from_str::<Command>(&publish.line()).unwrap(), publish);
    }
}
