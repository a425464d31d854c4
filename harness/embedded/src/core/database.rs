//! The database: rows, gray releases, namespaces and history, as all nodes of a server share them.
//!
//! A write is judged first and applied later, so that it can be written down between. Readers never come here: they
//! see a node's dump. Only the control plane (search, details, history) reads the database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shakedown_nacos::{ConfigKey, md5_hex};

use super::accounts::{Accounts, AccountsChange};
use super::history::{History, HistoryItem};
use super::key::stored_key;
use super::namespace::{Namespace, Namespaces};
use super::row::{Author, Entry, Gray, GrayRule, Labels, Row};
use super::rules::{PublishError, check_content, check_labels, check_tag, known_type};
use super::write_clock::Stamp;

/// The most gray releases of one config (real: 10).
const MAX_GRAYS: usize = 10;

/// The first number of a row: long ones, as the real server's are, so that nobody takes them for those of the history.
const FIRST_ID: u64 = 1_000_000_000_000_000_000;

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
    /// What is said about it.
    pub labels: Labels,
    /// For whom it is, when it is not for everybody.
    pub gray: Option<GrayRule>,
    /// The address of the publisher.
    pub ip: Arc<str>,
    /// The user: logged in, or as declared.
    pub user: Option<Arc<str>>,
}

#[cfg(test)]
impl NewConfig {
    /// A content for everybody, and nothing else said.
    pub(crate) fn plain(key: ConfigKey, content: &str) -> Self {
        Self {
            key,
            content: content.to_owned(),
            cas_md5: None,
            content_type: None,
            encrypted_data_key: None,
            labels: Labels::default(),
            gray: None,
            ip: "10.0.0.9".into(),
            user: None,
        }
    }
}

/// A write that was accepted; nothing is stored until it is committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// The config is now this.
    Put(ConfigKey, Row),
    /// The config is gone.
    Remove(ConfigKey, Author),
    /// The gray release is now this.
    PutGray(ConfigKey, Gray),
    /// The gray release of this name is gone.
    RemoveGray(ConfigKey, String, Author),
    /// The namespace is now this.
    PutNamespace(Namespace),
    /// The namespace of this id is gone.
    RemoveNamespace(String),
    /// Users, roles or permissions changed.
    Accounts(AccountsChange),
    /// A history item, as a rewritten log repeats it.
    History(HistoryItem),
}

impl Change {
    /// The config that is changed, if it is one.
    #[must_use]
    pub const fn key(&self) -> Option<&ConfigKey> {
        match self {
            Self::Put(key, _) | Self::Remove(key, _) | Self::PutGray(key, _) | Self::RemoveGray(key, ..) => {
                Some(key)
            }
            Self::PutNamespace(_) | Self::RemoveNamespace(_) | Self::Accounts(_) | Self::History(_) => None,
        }
    }
}

/// What a node has to dump: a config, or one of its gray releases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DumpTask {
    /// Which config.
    pub key: Arc<ConfigKey>,
    /// The name of the gray release; the formal config without.
    pub gray: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct Stored {
    row: Option<Row>,
    grays: BTreeMap<String, Arc<Gray>>,
}

/// The tables.
#[derive(Debug, Clone)]
pub(super) struct Database {
    last_id: u64,
    configs: BTreeMap<Arc<ConfigKey>, Stored>,
    by_id: BTreeMap<u64, Arc<ConfigKey>>,
    pub(super) namespaces: Namespaces,
    pub(super) history: History,
    pub(super) accounts: Accounts,
}

impl Database {
    pub(super) fn new(history: History, accounts: Accounts) -> Self {
        Self {
            last_id: FIRST_ID - 1,
            configs: BTreeMap::new(),
            by_id: BTreeMap::new(),
            namespaces: Namespaces::default(),
            history,
            accounts,
        }
    }

    /// Judges a publish that is stamped so.
    pub(super) fn accept(&self, stamp: Stamp, new: NewConfig) -> Result<Change, PublishError> {
        let key = stored_key(new.key.clone())?;
        check_content(&new.content)?;
        if let Some(GrayRule::Tag(tag)) = &new.gray {
            check_tag(tag)?;
        }
        check_labels(&new.labels)?;
        let stored = self.configs.get(&key);
        match new.gray.clone() {
            Some(rule) => Self::accept_gray(stamp, key, stored, rule, new),
            None => Self::accept_formal(stamp, key, stored.and_then(|stored| stored.row.as_ref()), new),
        }
    }

    fn accept_formal(
        stamp: Stamp,
        key: ConfigKey,
        row: Option<&Row>,
        new: NewConfig,
    ) -> Result<Change, PublishError> {
        if is_lost(new.cas_md5.as_deref(), row.map(|row| &*row.entry)) {
            return Err(PublishError::CasLost);
        }
        let modified = Author { ip: new.ip.clone(), user: new.user.clone(), at_ms: stamp.at_ms };
        let mut labels = new.labels.clone();
        if let Some(row) = row {
            // The real server keeps these two when a publish does not name them, and only these.
            if labels.app_name.is_empty() {
                labels.app_name.clone_from(&row.labels.app_name);
            }
            labels.config_tags = labels.config_tags.or_else(|| row.labels.config_tags.clone());
        }
        let entry = Arc::new(entry(new, stamp, row.map(|row| &*row.entry)));
        let created = row.map_or_else(|| modified.clone(), |row| row.created.clone());
        let id = row.map_or(0, |row| row.id);
        Ok(Change::Put(key, Row { id, entry, labels, created, modified }))
    }

    fn accept_gray(
        stamp: Stamp,
        key: ConfigKey,
        stored: Option<&Stored>,
        rule: GrayRule,
        new: NewConfig,
    ) -> Result<Change, PublishError> {
        let gray = stored.and_then(|stored| stored.grays.get(&rule.name()));
        if gray.is_none() && stored.is_some_and(|stored| stored.grays.len() >= MAX_GRAYS) {
            return Err(PublishError::TooManyGrays(MAX_GRAYS));
        }
        if is_lost(new.cas_md5.as_deref(), gray.map(|gray| &*gray.entry)) {
            return Err(PublishError::GrayCasLost);
        }
        let modified = Author { ip: new.ip.clone(), user: new.user.clone(), at_ms: stamp.at_ms };
        let app_name = new.labels.app_name.clone();
        let entry = Arc::new(entry(new, stamp, gray.map(|gray| &*gray.entry)));
        Ok(Change::PutGray(key, Gray { id: gray.map_or(0, |gray| gray.id), rule, entry, app_name, modified }))
    }

    /// Stores an accepted change; answers what is to be dumped of it.
    pub(super) fn apply(&mut self, change: Change) -> Option<DumpTask> {
        match change {
            Change::Put(key, row) => Some(self.put(key, row)),
            Change::Remove(key, author) => Some(self.remove(key, &author)),
            Change::PutGray(key, gray) => Some(self.put_gray(key, gray)),
            Change::RemoveGray(key, name, author) => Some(self.remove_gray(key, name, &author)),
            Change::PutNamespace(namespace) => {
                self.namespaces.put(namespace);
                None
            }
            Change::RemoveNamespace(id) => {
                self.namespaces.remove(&id);
                None
            }
            Change::Accounts(change) => {
                self.accounts.apply(change);
                None
            }
            Change::History(item) => {
                self.last_id = self.last_id.max(item.row_id);
                self.history.restore(item);
                None
            }
        }
    }

    /// The same without a trace in the history: a rewritten log repeats that by itself.
    pub(super) fn restore(&mut self, change: Change) -> Option<DumpTask> {
        self.history.set_paused(true);
        let task = self.apply(change);
        self.history.set_paused(false);
        task
    }

    fn put(&mut self, key: ConfigKey, mut row: Row) -> DumpTask {
        row.id = self.numbered(row.id);
        let key = self.shared(key);
        self.by_id.insert(row.id, Arc::clone(&key));
        let stored = self.configs.entry(Arc::clone(&key)).or_default();
        let author = row.modified.clone();
        let before = stored.row.replace(row);
        self.history.of_row(&key, before.as_ref(), stored.row.as_ref(), &author);
        DumpTask { key, gray: None }
    }

    fn remove(&mut self, key: ConfigKey, author: &Author) -> DumpTask {
        let key = self.shared(key);
        if let Some(stored) = self.configs.get_mut(&key)
            && let Some(row) = stored.row.take()
        {
            self.by_id.remove(&row.id);
            self.history.of_row(&key, Some(&row), None, author);
        }
        self.forget_if_empty(&key);
        DumpTask { key, gray: None }
    }

    fn put_gray(&mut self, key: ConfigKey, mut gray: Gray) -> DumpTask {
        gray.id = self.numbered(gray.id);
        let key = self.shared(key);
        let name = gray.rule.name();
        let gray = Arc::new(gray);
        let stored = self.configs.entry(Arc::clone(&key)).or_default();
        let before = stored.grays.insert(name.clone(), Arc::clone(&gray));
        self.history.of_gray(&key, before.as_deref(), Some(&gray), &gray.modified);
        DumpTask { key, gray: Some(name) }
    }

    fn remove_gray(&mut self, key: ConfigKey, name: String, author: &Author) -> DumpTask {
        let key = self.shared(key);
        if let Some(stored) = self.configs.get_mut(&key)
            && let Some(gray) = stored.grays.remove(&name)
        {
            self.history.of_gray(&key, Some(&gray), None, author);
        }
        self.forget_if_empty(&key);
        DumpTask { key, gray: Some(name) }
    }

    fn forget_if_empty(&mut self, key: &ConfigKey) {
        if self.configs.get(key).is_some_and(|stored| stored.row.is_none() && stored.grays.is_empty()) {
            self.configs.remove(key);
        }
    }

    /// The key as it is stored already, so that it is held once.
    fn shared(&self, key: ConfigKey) -> Arc<ConfigKey> {
        self.configs.get_key_value(&key).map_or_else(|| Arc::new(key), |(key, _)| Arc::clone(key))
    }

    /// `id`, or the next number when it is none yet.
    fn numbered(&mut self, id: u64) -> u64 {
        let id = if id == 0 { self.last_id + 1 } else { id };
        self.last_id = self.last_id.max(id);
        id
    }

    pub(super) fn row(&self, key: &ConfigKey) -> Option<&Row> {
        self.configs.get(key)?.row.as_ref()
    }

    pub(super) fn gray(&self, key: &ConfigKey, name: &str) -> Option<&Arc<Gray>> {
        self.configs.get(key)?.grays.get(name)
    }

    pub(super) fn key_of(&self, id: u64) -> Option<&ConfigKey> {
        self.by_id.get(&id).map(|key| &**key)
    }

    /// Every row, by its number.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&Arc<ConfigKey>, &Row)> {
        self.by_id.values().filter_map(|key| Some((key, self.row(key)?)))
    }

    /// Every config and every gray release, as what is to be dumped.
    pub(super) fn everything(&self) -> BTreeSet<DumpTask> {
        let tasks = self.configs.iter().flat_map(|(key, stored)| {
            let formal = stored.row.as_ref().map(|_| None);
            formal
                .into_iter()
                .chain(stored.grays.keys().cloned().map(Some))
                .map(|gray| DumpTask { key: Arc::clone(key), gray })
        });
        tasks.collect()
    }

    /// What restores this database, the history first.
    pub(super) fn changes(&self) -> impl Iterator<Item = Change> {
        let history = self.history.items().map(|item| Change::History(HistoryItem::clone(item)));
        let configs = self.configs.iter().flat_map(|(key, stored)| {
            let row = stored.row.clone().map(|row| Change::Put(ConfigKey::clone(key), row));
            let grays =
                stored.grays.values().map(|gray| Change::PutGray(ConfigKey::clone(key), Gray::clone(gray)));
            row.into_iter().chain(grays)
        });
        let namespaces = self.namespaces.own().cloned().map(Change::PutNamespace);
        let accounts = self.accounts.changes().map(Change::Accounts);
        history.chain(configs).chain(namespaces).chain(accounts)
    }
}

/// Whether a compare-and-set fails: it names an MD5, and something else is stored.
fn is_lost(expected: Option<&str>, stored: Option<&Entry>) -> bool {
    let expected = expected.filter(|md5| !md5.trim().is_empty());
    matches!((expected, stored), (Some(expected), Some(stored)) if *expected != *stored.md5)
}

fn entry(new: NewConfig, stamp: Stamp, before: Option<&Entry>) -> Entry {
    Entry {
        md5: md5_hex(&new.content).into(),
        content: new.content.into(),
        content_type: known_type(new.content_type.as_deref()).into(),
        // A clock that was set back between two starts must not make a row look older than the one it replaces.
        last_modified_ms: match before {
            Some(before) if !stamp.may_go_back => before.last_modified_ms.max(stamp.at_ms),
            _ => stamp.at_ms,
        },
        encrypted_data_key: new.encrypted_data_key.map(Into::into),
    }
}
