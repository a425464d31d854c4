//! `polling-driver`: a driver that reads each listened item ten times a second, for shakedown's own tests: so that they
//! need no SDK and no other language.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shakedown_drivers::monotonic_ns;
use shakedown_drivers::protocol::{Command, Event, Hello, Key, PROTOCOL, Source, What};
use shakedown_model::payload;
use shakedown_nacos::ConfigKey;
use shakedown_nacos::admin::{AdminClient, Publication, PublishAnswer};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::exit::{Exit, Failure};
use crate::output::say;

const PERIOD: Duration = Duration::from_millis(100);

/// One client: who asks, where, and what it keeps for a start without a server.
#[derive(Debug, Clone)]
struct Client {
    number: u32,
    admin: AdminClient,
    namespace: String,
    cache: PathBuf,
}

/// Speaks the driver protocol on the standard streams until it is told to stop.
pub(super) async fn speak() -> Result<(), Failure> {
    tell(What::Hello(Hello {
        protocol: PROTOCOL,
        driver: "polling".to_owned(),
        sdk: "shakedown".to_owned(),
        sdk_version: env!("CARGO_PKG_VERSION").to_owned(),
        runtime: "rust".to_owned(),
    }));
    let mut clients: HashMap<u32, Client> = HashMap::new();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let command = serde_json::from_str(&line)
            .map_err(|error| Failure::new(Exit::Usage, format!("`{line}` is no command: {error}")))?;
        match command {
            Command::Stop => break,
            Command::Clock => tell(What::Clock),
            Command::Start { client, servers, namespace, cache, .. } => match admin_of(servers.first()) {
                Ok(admin) => {
                    clients.insert(client, Client { number: client, admin, namespace, cache });
                    tell(What::Started { client });
                }
                Err(message) => failed(client, None, "start", message),
            },
            Command::Listen { client, key } => {
                if let Some(own) = clients.get(&client).cloned() {
                    tell(What::Listening { client, key: key.clone() });
                    tokio::spawn(follow(own, key));
                }
            }
            Command::Get { client, key, id, timeout_ms } => {
                if let Some(own) = clients.get(&client).cloned() {
                    tokio::spawn(get(own, key, id, Duration::from_millis(timeout_ms)));
                }
            }
            Command::Publish { client, key, id, content } => {
                if let Some(own) = clients.get(&client).cloned() {
                    tokio::spawn(publish(own, key, id, content));
                }
            }
        }
    }
    Ok(())
}

fn admin_of(server: Option<&String>) -> Result<AdminClient, String> {
    let server = server.ok_or_else(|| "no server is named".to_owned())?;
    let server: std::net::SocketAddr = server.parse().map_err(|_| format!("`{server}` is no address"))?;
    Ok(AdminClient::new(server, Duration::from_secs(3)))
}

/// Tells of each change, and keeps what is there on disk.
async fn follow(own: Client, key: Key) {
    let mut held: Option<Option<String>> = None;
    loop {
        if let Ok(content) = own.admin.get(&own.whole(&key)).await
            && held.as_ref() != Some(&content)
        {
            let client = own.number;
            match &content {
                Some(content) => {
                    own.keep(&key, content);
                    let md5 = payload::md5_hex(content);
                    let (key, content) = (key.clone(), content.clone());
                    tell(What::Value { client, key, content, md5, source: Source::Server });
                }
                None => tell(What::Gone { client, key: key.clone() }),
            }
            held = Some(content);
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn get(own: Client, key: Key, id: u64, timeout: Duration) {
    let client = own.number;
    let got = tokio::time::timeout(timeout, own.admin.get(&own.whole(&key))).await;
    let (content, source) = match got {
        Ok(Ok(content)) => (content, Source::Server),
        Ok(Err(_)) | Err(_) => match own.kept(&key) {
            Some(content) => (Some(content), Source::Snapshot),
            None => return failed(client, Some(id), "get", "no server, and nothing is kept".to_owned()),
        },
    };
    let md5 = content.as_deref().map(payload::md5_hex);
    tell(What::Got { client, id, content, md5, source });
}

async fn publish(own: Client, key: Key, id: u64, content: String) {
    match own.admin.publish(Publication::new(&own.whole(&key), &content)).await {
        PublishAnswer::Acked => tell(What::Published { client: own.number, id }),
        other => failed(own.number, Some(id), "publish", format!("{other:?}")),
    }
}

impl Client {
    fn whole(&self, key: &Key) -> ConfigKey {
        ConfigKey::new(key.data_id.clone(), key.group.clone(), self.namespace.clone())
    }

    fn file(&self, key: &Key) -> PathBuf {
        self.cache.join(format!("{}@{}", key.data_id, key.group))
    }

    /// Replaces the snapshot in one step.
    fn keep(&self, key: &Key, content: &str) {
        let (file, new) = (self.file(key), self.file(key).with_extension("new"));
        if let Err(error) = std::fs::write(&new, content).and_then(|()| std::fs::rename(&new, &file)) {
            tell(What::Log { message: format!("cannot keep `{}`: {error}", file.display()) });
        }
    }

    fn kept(&self, key: &Key) -> Option<String> {
        std::fs::read_to_string(self.file(key)).ok()
    }
}

fn failed(client: u32, id: Option<u64>, command: &str, message: String) {
    tell(What::Failed { client, id, key: None, command: command.to_owned(), message });
}

/// The clock is read and the line written under one lock, so that events are told in order.
fn tell(what: What) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let event = Event { at: monotonic_ns(), what };
    say(&serde_json::to_string(&event).expect("an event is strings and numbers"));
}
