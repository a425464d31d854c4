//! One node's dump: what of the database readers see, and when (nacos-facts.md §5.1).
//!
//! A write is visible after the next dump tick; several writes of one config within a tick are one dump of the newest
//! row. Dumps run one after another, each for the time that it is told to take, and a config that is being dumped
//! cannot be read. The dump decides nothing about watchers: it says which configs changed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use shakedown_nacos::ConfigKey;

use super::database::{Database, DumpTask};
use super::row::{Caller, Entry, Gray, Visible};

/// A failed dump is tried again after this (real: 1 s).
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a dump changed for one config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dumped {
    pub(super) key: Arc<ConfigKey>,
    /// Whether the formal config changed, and not a gray release.
    pub(super) is_formal: bool,
    pub(super) before: Option<Arc<Entry>>,
}

/// What a reader is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The content and what belongs to it.
    pub entry: Arc<Entry>,
    /// The gray release that it is of.
    pub gray: Option<Arc<Gray>>,
    /// The config type: the formal config's, also of a gray release.
    pub content_type: Arc<str>,
}

/// The answer to a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// This is served.
    Found(Found),
    /// There is no such config.
    Absent,
    /// It is being dumped until then.
    Busy(Duration),
}

/// How dumps run.
#[derive(Debug, Clone, Copy)]
pub(super) struct DumpRule {
    pub(super) tick: Duration,
    pub(super) time: Duration,
    pub(super) fails_every: u32,
    pub(super) ignores_outdated: bool,
}

#[derive(Debug)]
struct Writing {
    task: DumpTask,
    dumps: Option<Stamped>,
    until: Duration,
}

/// What a dump read of the database.
#[derive(Debug)]
enum Stamped {
    Formal(Arc<Entry>),
    Gray(Arc<Gray>),
}

#[derive(Debug)]
pub(super) struct Dump {
    rule: DumpRule,
    visible: BTreeMap<Arc<ConfigKey>, Visible>,
    pending: BTreeSet<DumpTask>,
    due: Option<Duration>,
    queue: VecDeque<DumpTask>,
    writing: Option<Writing>,
    /// Failed dumps, by when they are tried again, which is also the order of their failing.
    retries: VecDeque<(Duration, DumpTask)>,
    started: u64,
}

impl Dump {
    pub(super) const fn new(rule: DumpRule) -> Self {
        Self {
            rule,
            visible: BTreeMap::new(),
            pending: BTreeSet::new(),
            due: None,
            queue: VecDeque::new(),
            writing: None,
            retries: VecDeque::new(),
            started: 0,
        }
    }

    /// Makes everything visible at once, as the full dump at a start does.
    pub(super) fn fill(&mut self, database: &Database) {
        for task in database.everything() {
            let dumps = read(database, &task);
            self.put(&task, dumps);
        }
    }

    /// What is visible otherwise than it is stored.
    pub(super) fn stale(&self, database: &Database) -> Vec<DumpTask> {
        let visible = self.visible.iter().flat_map(|(key, visible)| {
            let names = std::iter::once(None).chain(visible.gray_names().map(Some));
            names.map(|gray| DumpTask { key: Arc::clone(key), gray })
        });
        let mut tasks = database.everything();
        tasks.extend(visible);
        tasks.retain(|task| self.md5(task) != read(database, task).as_ref().map(Stamped::md5));
        tasks.into_iter().collect()
    }

    fn md5(&self, task: &DumpTask) -> Option<&Arc<str>> {
        let visible = self.visible.get(&task.key)?;
        Some(match &task.gray {
            None => &visible.formal.as_ref()?.md5,
            Some(name) => &visible.gray(name)?.entry.md5,
        })
    }

    /// Something was written: it is dumped at the next tick.
    pub(super) fn mark(&mut self, now: Duration, task: DumpTask) {
        self.pending.insert(task);
        let tick = self.rule.tick;
        self.due.get_or_insert_with(|| next_on_grid(now, tick));
    }

    /// Whether a write is not visible yet.
    pub(super) fn awaits(&self, key: &ConfigKey) -> bool {
        self.pending
            .iter()
            .chain(&self.queue)
            .chain(self.retries.iter().map(|(_, task)| task))
            .any(|task| *task.key == *key)
            || self.writing.as_ref().is_some_and(|writing| *writing.task.key == *key)
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        let retry = self.retries.front().map(|(due, _)| *due);
        let tick = match &self.writing {
            Some(writing) => Some(writing.until),
            None => self.due,
        };
        [retry, tick].into_iter().flatten().min()
    }

    /// Runs what is due; answers the configs whose MD5 changed.
    pub(super) fn turn(&mut self, now: Duration, database: &Database) -> Vec<Dumped> {
        while let Some((due, _)) = self.retries.front()
            && *due <= now
            && let Some((due, task)) = self.retries.pop_front()
        {
            self.mark(due, task);
        }
        let mut dumped = Vec::new();
        loop {
            if let Some(writing) = self.writing.take_if(|writing| writing.until <= now) {
                dumped.extend(self.put(&writing.task, writing.dumps));
                self.start_next(writing.until, database, &mut dumped);
            } else if self.writing.is_none()
                && let Some(due) = self.due.take_if(|due| *due <= now)
            {
                self.queue.extend(std::mem::take(&mut self.pending));
                self.start_next(due, database, &mut dumped);
            } else {
                return dumped;
            }
        }
    }

    /// Starts dumps from `at` on, until one takes time.
    fn start_next(&mut self, at: Duration, database: &Database, dumped: &mut Vec<Dumped>) {
        while let Some(task) = self.queue.pop_front() {
            self.started += 1;
            if self.rule.fails_every > 0 && self.started.is_multiple_of(u64::from(self.rule.fails_every)) {
                self.retries.push_back((at + RETRY_AFTER, task));
                continue;
            }
            let dumps = read(database, &task);
            if !self.rule.time.is_zero() {
                self.writing = Some(Writing { task, dumps, until: at + self.rule.time });
                return;
            }
            dumped.extend(self.put(&task, dumps));
        }
    }

    fn put(&mut self, task: &DumpTask, dumps: Option<Stamped>) -> Option<Dumped> {
        if dumps.is_none() && !self.visible.contains_key(&task.key) {
            return None;
        }
        let visible = self.visible.entry(Arc::clone(&task.key)).or_default();
        let (before, after) = match (&task.gray, dumps) {
            (None, formal) => {
                let formal = formal.and_then(Stamped::formal);
                if self.rule.ignores_outdated && is_outdated(formal.as_ref(), visible.formal.as_ref()) {
                    return None;
                }
                let before = std::mem::replace(&mut visible.formal, formal.clone());
                (before, formal)
            }
            (Some(name), gray) => {
                let gray = gray.and_then(Stamped::gray);
                let after = gray.as_ref().map(|gray| Arc::clone(&gray.entry));
                let before = visible.gray(name).map(|gray| Arc::clone(&gray.entry));
                if self.rule.ignores_outdated && is_outdated(after.as_ref(), before.as_ref()) {
                    return None;
                }
                visible.set_gray(name, gray);
                (before, after)
            }
        };
        if visible.is_empty() {
            self.visible.remove(&task.key);
        }
        let md5 = |entry: &Option<Arc<Entry>>| entry.as_ref().map(|entry| Arc::clone(&entry.md5));
        (md5(&before) != md5(&after)).then(|| Dumped {
            key: Arc::clone(&task.key),
            is_formal: task.gray.is_none(),
            before,
        })
    }

    /// What `caller` reads; with `wants_tag` only a gray release will do.
    pub(super) fn read(&self, now: Duration, key: &ConfigKey, caller: &Caller, wants_tag: bool) -> Read {
        if let Some(writing) = &self.writing
            && *writing.task.key == *key
            && writing.until > now
            && self.visible.contains_key(key)
        {
            return Read::Busy(writing.until);
        }
        let Some(visible) = self.visible.get(key) else { return Read::Absent };
        let gray = visible.gray_for(caller).cloned();
        let entry = match (&gray, &visible.formal) {
            (Some(gray), _) => Arc::clone(&gray.entry),
            (None, Some(formal)) if !wants_tag => Arc::clone(formal),
            (None, _) => return Read::Absent,
        };
        let content_type = Arc::clone(&visible.formal.as_ref().unwrap_or(&entry).content_type);
        Read::Found(Found { entry, gray, content_type })
    }

    /// A client whom the highest gray release of a config is for.
    pub(super) fn insider(&self, key: &ConfigKey) -> Option<Caller> {
        self.visible.get(key)?.highest_gray().map(|gray| gray.rule.insider())
    }

    /// Whether a client that holds `md5` has what it is served; it holds the empty MD5 when it has nothing.
    pub(super) fn is_current(&self, key: &ConfigKey, md5: &str, caller: &Caller) -> bool {
        let entry = self.visible.get(key).and_then(|visible| visible.entry_for(caller));
        entry.map_or("", |entry| &*entry.md5) == md5
    }
}

impl Stamped {
    fn md5(&self) -> &Arc<str> {
        match self {
            Self::Formal(entry) => &entry.md5,
            Self::Gray(gray) => &gray.entry.md5,
        }
    }

    fn formal(self) -> Option<Arc<Entry>> {
        if let Self::Formal(entry) = self { Some(entry) } else { None }
    }

    fn gray(self) -> Option<Arc<Gray>> {
        if let Self::Gray(gray) = self { Some(gray) } else { None }
    }
}

fn read(database: &Database, task: &DumpTask) -> Option<Stamped> {
    match &task.gray {
        None => database.row(&task.key).map(|row| Stamped::Formal(Arc::clone(&row.entry))),
        Some(name) => database.gray(&task.key, name).cloned().map(Stamped::Gray),
    }
}

fn is_outdated(new: Option<&Arc<Entry>>, old: Option<&Arc<Entry>>) -> bool {
    matches!((new, old), (Some(new), Some(old)) if new.last_modified_ms < old.last_modified_ms)
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
