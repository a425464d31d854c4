//! A driver of nacos-sdk for Rust: obeys commands on standard input, tells events on standard output
//! (`docs/driver-protocol.md`).

mod client;
mod protocol;

use std::collections::HashMap;
use std::io::stderr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tracing_subscriber::filter::LevelFilter;

use crate::client::Client;
use crate::protocol::{Command, Event, Events, VERSION, Writer, now};

/// As `Cargo.toml` pins it.
const SDK_VERSION: &str = "0.8.3";

/// A client, once it was made; `None` as long as it is being made or when that failed.
type Made = watch::Receiver<Option<Arc<Client>>>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    tracing_subscriber::fmt().with_writer(stderr).with_max_level(LevelFilter::WARN).init();
    let writer = Writer::start();
    obey_all(&writer.events()).await;
    writer.close();
}

async fn obey_all(events: &Events) {
    events.send(
        now(),
        Event::Hello {
            protocol: VERSION,
            driver: "rust",
            sdk: "nacos-sdk",
            sdk_version: SDK_VERSION,
            runtime: "tokio",
        },
    );
    let mut clients: HashMap<u32, Made> = HashMap::new();
    let mut lines = protocol::lines();
    while let Some(line) = lines.recv().await {
        let read: Value = serde_json::from_str(&line).unwrap_or_default();
        match serde_json::from_value::<Command>(read.clone()) {
            Ok(Command::Stop) => return,
            Ok(Command::Clock) => events.send(now(), Event::Clock),
            // Each command has a task of its own, so that none waits for another.
            Ok(Command::Start(settings)) => {
                let (sender, made) = watch::channel(None);
                clients.insert(settings.client, made);
                let events = events.clone();
                tokio::spawn(async move {
                    match Client::start(settings, events.clone()).await {
                        Ok(client) => _ = sender.send_replace(Some(Arc::new(client))),
                        Err(message) => events.fail(&read, message),
                    }
                });
            }
            Ok(command) => {
                let made = client_of(&command).and_then(|client| clients.get(&client)).cloned();
                let events = events.clone();
                tokio::spawn(async move {
                    if let Err(message) = obey(command, made).await {
                        events.fail(&read, message);
                    }
                });
            }
            Err(error) => events.fail(&read, error.to_string()),
        }
    }
}

fn client_of(command: &Command) -> Option<u32> {
    match command {
        Command::Listen { client, .. } | Command::Get { client, .. } | Command::Publish { client, .. } => {
            Some(*client)
        }
        Command::Start(settings) => Some(settings.client),
        Command::Clock | Command::Stop => None,
    }
}

async fn obey(command: Command, made: Option<Made>) -> Result<(), String> {
    let mut made = made.ok_or("there is no such client")?;
    let client = made.wait_for(Option::is_some).await.map_err(|_| "the client was not made")?.clone();
    let client = client.ok_or("the client was not made")?;
    match command {
        Command::Listen { key, .. } => client.listen(key).await,
        Command::Get { key, id, timeout_ms, .. } => {
            client.get(key, id, Duration::from_millis(timeout_ms)).await
        }
        Command::Publish { key, id, content, .. } => client.publish(key, id, content).await,
        Command::Start(_) | Command::Clock | Command::Stop => Ok(()),
    }
}
