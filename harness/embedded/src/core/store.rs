//! What is stored, and what is visible of it: rows that publishes write, and the dump that readers see.
//!
//! A write is visible after the next dump tick; several writes of one key within a tick are one dump of the newest
//! row (nacos-facts.md §5.1). The store decides nothing about watchers: it says which keys changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use shakedown_nacos::{ConfigKey, md5_hex};

use super::key::{KeyError, stored_key};

/// The longest content, in UTF-16 units: the real server counts characters, not bytes (nacos-facts.md §1.3).
pub(super) const CONTENT_MAX_LEN: usize = 10 * 1024 * 1024;

/// The config types that are kept; any other is stored as `text`.
const KNOWN_TYPES: [&str; 8] = ["properties", "xml", "json", "text", "html", "yaml", "toml", "unset"];

/// A config's content with what is served beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The content.
    pub content: Arc<str>,
    /// Its MD5 in lower-case hex.
    pub md5: Arc<str>,
    /// The config type, such as `text`.
    pub content_type: Arc<str>,
    /// When it was written, in milliseconds of the Unix epoch.
    pub last_modified_ms: u64,
    /// The key that the client encrypted it with, if it did.
    pub encrypted_data_key: Option<Arc<str>>,
}

/// A publish as a client asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConfig {
    /// The key as sent.
    pub key: ConfigKey,
    /// The content.
    pub content: String,
    /// The MD5 that the stored content must have; it does not matter when nothing is stored.
    pub cas_md5: Option<String>,
    /// The config type.
    pub content_type: Option<String>,
    /// The key that the client encrypted it with.
    pub encrypted_data_key: Option<String>,
    /// A tag or a list of addresses was given: the publish is for some clients only.
    pub is_gray: bool,
}

/// Why a publish is refused; the texts of the first four are the real server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The name is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The content is empty or white space.
    #[error("content is blank : {0}")]
    Blank(String),
    /// The content is longer than 10·1024·1024 UTF-16 units.
    #[error("invalid content, over {CONTENT_MAX_LEN}")]
    TooLong,
    /// Other content is stored than the publisher expected.
    #[error("Cas publish fail, server md5 may have changed.")]
    CasLost,
    /// Beta and tag publishes are not offered.
    #[error("the embedded server has no beta or tag publishes; publish without `betaIps` and `tag`")]
    Gray,
}

/// A write that was accepted; nothing is stored until it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The config now has this content.
    Put(ConfigKey, Entry),
    /// The config is gone.
    Remove(ConfigKey),
}

impl Change {
    /// The config that is changed.
    #[must_use]
    pub const fn key(&self) -> &ConfigKey {
        match self {
            Self::Put(key, _) | Self::Remove(key) => key,
        }
    }
}

/// What a dump changed for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dumped {
    pub(super) key: Arc<ConfigKey>,
    pub(super) before: Option<Arc<Entry>>,
}

/// Rows and their dump.
#[derive(Debug)]
pub(super) struct Store {
    tick: Duration,
    rows: BTreeMap<Arc<ConfigKey>, Arc<Entry>>,
    visible: BTreeMap<Arc<ConfigKey>, Arc<Entry>>,
    undumped: BTreeSet<Arc<ConfigKey>>,
    dump_due: Option<Duration>,
}

impl Store {
    pub(super) fn new(tick: Duration) -> Self {
        Self {
            tick,
            rows: BTreeMap::new(),
            visible: BTreeMap::new(),
            undumped: BTreeSet::new(),
            dump_due: None,
        }
    }

    /// Puts a row and its dump in place, as the full dump at a start does.
    pub(super) fn restore(&mut self, key: ConfigKey, entry: Entry) {
        let (key, entry) = (Arc::new(key), Arc::new(entry));
        self.rows.insert(Arc::clone(&key), Arc::clone(&entry));
        self.visible.insert(key, entry);
    }

    /// Judges a publish at wall time `wall_ms` by the rules of nacos-facts.md §1.3.
    pub(super) fn accept(&self, wall_ms: u64, new: NewConfig) -> Result<Change, PublishError> {
        let key = stored_key(new.key)?;
        if new.content.trim().is_empty() {
            return Err(PublishError::Blank(new.content));
        }
        if new.content.len() > CONTENT_MAX_LEN && new.content.encode_utf16().count() > CONTENT_MAX_LEN {
            return Err(PublishError::TooLong);
        }
        if new.is_gray {
            return Err(PublishError::Gray);
        }
        let row = self.rows.get(&key);
        let expected = new.cas_md5.filter(|md5| !md5.trim().is_empty());
        if let (Some(expected), Some(row)) = (expected, row)
            && *expected != *row.md5
        {
            return Err(PublishError::CasLost);
        }
        let entry = Entry {
            md5: md5_hex(&new.content).into(),
            content: new.content.into(),
            content_type: known_type(new.content_type.as_deref()).into(),
            // A clock that is set back must not make a row look older than the one it replaces.
            last_modified_ms: row.map_or(wall_ms, |row| row.last_modified_ms.max(wall_ms)),
            encrypted_data_key: new.encrypted_data_key.map(Into::into),
        };
        Ok(Change::Put(key, entry))
    }

    pub(super) fn commit(&mut self, now: Duration, change: Change) {
        let key = match change {
            Change::Put(key, entry) => {
                let key = Arc::new(key);
                self.rows.insert(Arc::clone(&key), Arc::new(entry));
                key
            }
            Change::Remove(key) => {
                self.rows.remove(&key);
                Arc::new(key)
            }
        };
        self.undumped.insert(key);
        self.dump_due.get_or_insert_with(|| next_on_grid(now, self.tick));
    }

    pub(super) const fn dump_due(&self) -> Option<Duration> {
        self.dump_due
    }

    /// Makes every pending write visible; answers the keys whose MD5 changed.
    pub(super) fn dump(&mut self) -> Vec<Dumped> {
        self.dump_due = None;
        let keys = std::mem::take(&mut self.undumped);
        keys.into_iter().filter_map(|key| self.dump_key(key)).collect()
    }

    fn dump_key(&mut self, key: Arc<ConfigKey>) -> Option<Dumped> {
        let before = match self.rows.get(&key) {
            Some(row) => self.visible.insert(Arc::clone(&key), Arc::clone(row)),
            None => Some(self.visible.remove(&key)?),
        };
        let is_same =
            before.as_ref().map(|entry| &entry.md5) == self.visible.get(&key).map(|entry| &entry.md5);
        (!is_same).then_some(Dumped { key, before })
    }

    pub(super) fn visible(&self, key: &ConfigKey) -> Option<&Arc<Entry>> {
        self.visible.get(key)
    }

    /// Whether a client that holds `md5` has what is visible; it holds the empty MD5 when it has nothing.
    pub(super) fn is_current(&self, key: &ConfigKey, md5: &str) -> bool {
        self.visible.get(key).map_or("", |entry| &*entry.md5) == md5
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (&ConfigKey, &Entry)> {
        self.rows.iter().map(|(key, entry)| (&**key, &**entry))
    }
}

/// The first tick after `now`; ticks run from the server's start, whatever is published.
fn next_on_grid(now: Duration, tick: Duration) -> Duration {
    if tick.is_zero() {
        return now;
    }
    let past = now.as_nanos() % tick.as_nanos();
    now + tick
        - Duration::from_nanos(
            u64::try_from(past).expect("less than a tick, which is given in u64 nanoseconds"),
        )
}

fn known_type(name: Option<&str>) -> &'static str {
    name.and_then(|name| KNOWN_TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(name)))
        .unwrap_or("text")
}
