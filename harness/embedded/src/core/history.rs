//! What every config was before each of its changes (nacos-facts.md §1.2).
//!
//! An item holds the content that was replaced or removed, or, for an insertion, the content that came. Items are
//! kept for the retention time and up to a number, the oldest leave first; the real server has no such number.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shakedown_nacos::ConfigKey;

use super::row::{Author, Entry, Gray, GrayRule, Labels, Row};

/// What happened to a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// It was inserted.
    #[serde(rename = "I")]
    Insert,
    /// It was updated.
    #[serde(rename = "U")]
    Update,
    /// It was deleted.
    #[serde(rename = "D")]
    Delete,
}

impl Operation {
    /// The letter, in the ten characters of the real server's column.
    #[must_use]
    pub const fn padded(self) -> &'static str {
        match self {
            Self::Insert => "I         ",
            Self::Update => "U         ",
            Self::Delete => "D         ",
        }
    }
}

/// One change of a config or of one of its gray releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryItem {
    /// Its number; higher is later.
    pub nid: u64,
    /// The number of the row that was changed; 0 for an insertion, as in the real server.
    pub row_id: u64,
    /// Which config.
    pub key: ConfigKey,
    /// What happened.
    pub operation: Operation,
    /// The gray release that it happened to; the formal config without.
    pub gray: Option<GrayRule>,
    /// The content, see the module's head.
    pub entry: Arc<Entry>,
    /// What was said about it.
    pub labels: Labels,
    /// Who declared to have written that content.
    pub content_user: Option<Arc<str>>,
    /// Who changed it, and when.
    pub author: Author,
}

/// The items, the oldest first.
#[derive(Debug, Clone)]
pub(super) struct History {
    retention: Duration,
    max_items: usize,
    last_nid: u64,
    is_paused: bool,
    items: VecDeque<Arc<HistoryItem>>,
}

impl History {
    pub(super) const fn new(retention: Duration, max_items: usize) -> Self {
        Self { retention, max_items, last_nid: 0, is_paused: false, items: VecDeque::new() }
    }

    pub(super) fn of_row(
        &mut self,
        key: &ConfigKey,
        before: Option<&Row>,
        after: Option<&Row>,
        author: &Author,
    ) {
        let (operation, row) = match (before, after) {
            (None, Some(row)) => (Operation::Insert, row),
            (Some(row), Some(_)) => (Operation::Update, row),
            (Some(row), None) => (Operation::Delete, row),
            (None, None) => return,
        };
        self.push(HistoryItem {
            nid: 0,
            row_id: if operation == Operation::Insert { 0 } else { row.id },
            key: key.clone(),
            operation,
            gray: None,
            entry: Arc::clone(&row.entry),
            labels: row.labels.clone(),
            content_user: row.modified.user.clone(),
            author: author.clone(),
        });
    }

    pub(super) fn of_gray(
        &mut self,
        key: &ConfigKey,
        before: Option<&Gray>,
        after: Option<&Gray>,
        author: &Author,
    ) {
        let (operation, gray) = match (before, after) {
            (None, Some(gray)) => (Operation::Insert, gray),
            (Some(gray), Some(_)) => (Operation::Update, gray),
            (Some(gray), None) => (Operation::Delete, gray),
            (None, None) => return,
        };
        self.push(HistoryItem {
            nid: 0,
            row_id: if operation == Operation::Insert { 0 } else { gray.id },
            key: key.clone(),
            operation,
            gray: Some(gray.rule.clone()),
            entry: Arc::clone(&gray.entry),
            labels: Labels { app_name: gray.app_name.clone(), ..Labels::default() },
            content_user: gray.modified.user.clone(),
            author: author.clone(),
        });
    }

    /// While paused, changes leave no item.
    pub(super) const fn set_paused(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    fn push(&mut self, item: HistoryItem) {
        if self.is_paused {
            return;
        }
        self.last_nid += 1;
        self.restore(HistoryItem { nid: self.last_nid, ..item });
    }

    /// Takes back an item that was stored before this start.
    pub(super) fn restore(&mut self, item: HistoryItem) {
        self.last_nid = self.last_nid.max(item.nid);
        if self.items.len() >= self.max_items {
            self.items.pop_front();
        }
        if self.max_items > 0 {
            self.items.push_back(Arc::new(item));
        }
    }

    /// Forgets what is older than the retention time at wall time `wall_ms`.
    pub(super) fn expire(&mut self, wall_ms: u64) {
        let retention_ms = u64::try_from(self.retention.as_millis()).unwrap_or(u64::MAX);
        let oldest = wall_ms.saturating_sub(retention_ms);
        while self.items.front().is_some_and(|item| item.author.at_ms < oldest) {
            self.items.pop_front();
        }
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &Arc<HistoryItem>> {
        self.items.iter()
    }

    /// The items of one config, the newest first.
    pub(super) fn of(&self, key: &ConfigKey) -> Vec<Arc<HistoryItem>> {
        self.items.iter().rev().filter(|item| item.key == *key).cloned().collect()
    }

    pub(super) fn item(&self, nid: u64) -> Option<Arc<HistoryItem>> {
        let at = self.items.binary_search_by_key(&nid, |item| item.nid).ok()?;
        self.items.get(at).cloned()
    }

    /// What the row was before its last change.
    pub(super) fn previous(&self, row_id: u64) -> Option<Arc<HistoryItem>> {
        self.items.iter().rev().find(|item| item.row_id == row_id).cloned()
    }
}
