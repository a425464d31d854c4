//! Snapshots on disk, written and read by one thread, so that the runtime never waits for the disk.
//!
//! One file per watcher and item, replaced atomically or written over, as the client's habit is. What waits to be
//! written is bounded; newer content of an item takes the place of older content that still waits.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use shakedown_model::fault::SpoiledCache;
use shakedown_model::plan::SnapshotWrite;
use shakedown_model::{ItemId, WatcherId};
use tokio::sync::oneshot;

/// Contents that may wait for the disk; at 1 KiB each 16 MiB.
const WAITING: usize = 16_384;

type Key = (WatcherId, ItemId);

/// What a cold start found: each item with its content, if there was a snapshot.
pub(super) type Loaded = Vec<(ItemId, Option<String>)>;

/// What becomes of an item's snapshot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It holds this, written so.
    Content(String, SnapshotWrite),
    /// It is removed.
    Nothing,
}

/// Whose files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    /// A watcher's own snapshots.
    Snapshots(WatcherId),
    /// The files by which an operator overrides the server, the same for every watcher.
    Overrides,
}

#[derive(Debug)]
enum Job {
    Save(Key),
    Load {
        shelf: Shelf,
        items: Vec<ItemId>,
        reply: oneshot::Sender<Loaded>,
    },
    /// A snapshot comes to harm.
    Spoil(Key, Harm),
}

/// How a snapshot comes to harm.
#[derive(Debug)]
pub(super) struct Harm {
    pub(super) how: SpoiledCache,
    /// Content of another namespace.
    pub(super) foreign: String,
    /// Where it is counted once it is done.
    pub(super) count: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    contents: HashMap<Key, Kept>,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle for saving and loading; any number may exist.
#[derive(Debug, Clone)]
pub(super) struct Snapshots {
    shared: Arc<Shared>,
}

impl Snapshots {
    /// Starts the thread that owns the files under `root`.
    pub(super) fn start(root: PathBuf) -> io::Result<(Self, SnapshotThread)> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || serve(&of_thread, &root))?;
        Ok((Self { shared: Arc::clone(&shared) }, SnapshotThread { shared, thread: Some(thread) }))
    }

    /// Saves content as the newest of its item. Never waits; what finds the queue full is dropped and counted.
    pub(super) fn save(&self, watcher: WatcherId, item: ItemId, content: Kept) {
        let key = (watcher, item);
        let mut queue = self.shared.lock();
        if queue.contents.contains_key(&key) {
            queue.contents.insert(key, content);
        } else if queue.contents.len() >= WAITING || queue.is_closed {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            queue.contents.insert(key, content);
            queue.jobs.push_back(Job::Save(key));
            drop(queue);
            self.shared.work.notify_one();
        }
    }

    /// Reads files of a shelf, after everything that was saved before.
    pub(super) fn load(&self, shelf: Shelf, items: Vec<ItemId>) -> oneshot::Receiver<Loaded> {
        let (reply, receiver) = oneshot::channel();
        let mut queue = self.shared.lock();
        if !queue.is_closed {
            queue.jobs.push_back(Job::Load { shelf, items, reply });
        }
        drop(queue);
        self.shared.work.notify_one();
        receiver
    }

    /// Lets the snapshot of an item come to harm, after everything that was saved before.
    pub(super) fn spoil(&self, watcher: WatcherId, item: ItemId, harm: Harm) {
        let mut queue = self.shared.lock();
        if !queue.is_closed {
            queue.jobs.push_back(Job::Spoil((watcher, item), harm));
        }
        drop(queue);
        self.shared.work.notify_one();
    }

    /// Contents dropped because the disk did not keep up.
    pub(super) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Files that could not be written or read.
    pub(super) fn failed(&self) -> u64 {
        self.shared.failed.load(Ordering::Relaxed)
    }
}

/// The thread; dropping it writes what waits and ends it.
#[derive(Debug)]
pub(super) struct SnapshotThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for SnapshotThread {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.work.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the snapshot thread panicked");
        }
    }
}

fn serve(shared: &Shared, root: &Path) {
    let mut queue = shared.lock();
    loop {
        let Some(job) = queue.jobs.pop_front() else {
            if queue.is_closed {
                return;
            }
            queue = shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let content = if let Job::Save(key) = &job { queue.contents.remove(key) } else { None };
        drop(queue);
        work(shared, root, job, content);
        queue = shared.lock();
    }
}

fn work(shared: &Shared, root: &Path, job: Job, content: Option<Kept>) {
    let failed = |what: &str, error: &io::Error| {
        if shared.failed.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(%error, "cannot {what} a snapshot below `{}`", root.display());
        }
    };
    match job {
        Job::Save((watcher, item)) => {
            let kept = match content {
                Some(Kept::Content(content, SnapshotWrite::Atomic)) => replace(root, watcher, item, &content),
                Some(Kept::Content(content, SnapshotWrite::InPlace)) => {
                    write_over(&path(root, Shelf::Snapshots(watcher), item), &content)
                }
                Some(Kept::Nothing) => remove(&path(root, Shelf::Snapshots(watcher), item)).map(drop),
                None => Ok(()),
            };
            if let Err(error) = kept {
                failed("write", &error);
            }
        }
        Job::Spoil((watcher, item), harm) => {
            match spoil(&path(root, Shelf::Snapshots(watcher), item), &harm) {
                Ok(is_done) => drop(harm.count.fetch_add(u64::from(is_done), Ordering::Relaxed)),
                Err(error) => failed("spoil", &error),
            }
        }
        Job::Load { shelf, items, reply } => {
            let read = |item: ItemId| match fs::read(path(root, shelf, item)) {
                Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => {
                    failed("read", &error);
                    None
                }
            };
            let loaded = items.into_iter().map(|item| (item, read(item))).collect();
            // A watcher that crashed again meanwhile does not wait for it any more.
            drop(reply.send(loaded));
        }
    }
}

fn path(root: &Path, shelf: Shelf, item: ItemId) -> PathBuf {
    let folder = match shelf {
        Shelf::Snapshots(watcher) => root.join(watcher.to_string()),
        Shelf::Overrides => root.join("failover"),
    };
    folder.join(item.to_string())
}

/// Writes the file by which an operator overrides the server for an item.
pub(super) fn write_override(root: &Path, item: ItemId, content: &str) -> io::Result<()> {
    write_over(&path(root, Shelf::Overrides, item), content)
}

/// Empties the file and writes it anew, as most SDKs do: a crash in between leaves a part of it, or nothing.
fn write_over(target: &Path, content: &str) -> io::Result<()> {
    fs::write(target, content).or_else(|error| match target.parent() {
        Some(folder) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            fs::write(target, content)
        }
        _ => Err(error),
    })
}

/// Does harm to a file, if it is there; a foreign one is put there in any case. Says whether any was done.
fn spoil(target: &Path, harm: &Harm) -> io::Result<bool> {
    let cut = |share: fn(u64) -> u64| match OpenOptions::new().write(true).open(target) {
        Ok(file) => file.set_len(share(file.metadata()?.len())).map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    };
    match harm.how {
        SpoiledCache::Missing => remove(target),
        SpoiledCache::Empty => cut(|_| 0),
        SpoiledCache::Torn => cut(|length| length / 2),
        SpoiledCache::Foreign => write_over(target, &harm.foreign).map(|()| true),
    }
}

/// Removes a file; false when there was none.
fn remove(target: &Path) -> io::Result<bool> {
    match fs::remove_file(target) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Replaces a snapshot atomically: the new content is written beside it, then the two change names.
///
/// The old file stays as the place for the next content, and is overwritten rather than truncated: a new or emptied
/// file makes ext4 flush at each replacement, which takes 200 µs and more instead of 25 (measured), on the cores
/// that carry the run.
fn replace(root: &Path, watcher: WatcherId, item: ItemId, content: &str) -> io::Result<()> {
    let target = path(root, Shelf::Snapshots(watcher), item);
    let spare = target.with_extension("spare");
    overwrite(&spare, content).or_else(|error| {
        if error.kind() != ErrorKind::NotFound {
            return Err(error);
        }
        fs::create_dir_all(root.join(watcher.to_string()))?;
        overwrite(&spare, content)
    })?;
    match renameat_with(CWD, &spare, CWD, &target, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        // The first snapshot of the item, or a file system that cannot exchange.
        Err(_) => fs::rename(spare, target),
    }
}

fn overwrite(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.write_all(content.as_bytes())?;
    let len = content.len() as u64;
    if file.metadata()?.len() > len { file.set_len(len) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: WatcherId = WatcherId(3);

    fn atomic(content: &str) -> Kept {
        Kept::Content(content.to_owned(), SnapshotWrite::Atomic)
    }

    #[tokio::test]
    async fn a_snapshot_is_written_over_emptied_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (snapshots, _thread) = Snapshots::start(dir.path().to_owned()).unwrap();
        let in_place = |content: &str| Kept::Content(content.to_owned(), SnapshotWrite::InPlace);
        let mut seen = Vec::new();
        for kept in [in_place("long content"), in_place("short"), in_place(""), atomic("x"), Kept::Nothing] {
            snapshots.save(WHO, ItemId(1), kept);
            let loaded = snapshots.load(Shelf::Snapshots(WHO), vec![ItemId(1)]).await.unwrap();
            seen.push(loaded[0].1.clone());
        }
        let owned = |content: &str| Some(content.to_owned());
        assert_eq!(seen, [owned("long content"), owned("short"), owned(""), owned("x"), None]);
        assert_eq!(snapshots.failed(), 0);
    }

    #[tokio::test]
    async fn an_override_is_the_same_for_all() {
        let dir = tempfile::tempdir().unwrap();
        write_override(dir.path(), ItemId(2), "frozen").unwrap();
        let (snapshots, _thread) = Snapshots::start(dir.path().to_owned()).unwrap();
        let loaded = snapshots.load(Shelf::Overrides, vec![ItemId(1), ItemId(2)]).await.unwrap();
        assert_eq!(loaded, [(ItemId(1), None), (ItemId(2), Some("frozen".to_owned()))]);
    }

    #[tokio::test]
    async fn a_load_finds_what_was_saved_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let (snapshots, thread) = Snapshots::start(dir.path().to_owned()).unwrap();
        for n in 0..50 {
            snapshots.save(WHO, ItemId(1), atomic(&format!("content {n}")));
        }
        let loaded = snapshots.load(Shelf::Snapshots(WHO), vec![ItemId(1), ItemId(2)]).await.unwrap();
        assert_eq!(loaded, [(ItemId(1), Some("content 49".to_owned())), (ItemId(2), None)]);
        assert_eq!((snapshots.dropped(), snapshots.failed()), (0, 0));
        drop(thread);
    }

    #[test]
    fn shorter_content_leaves_nothing_of_longer_content() {
        let dir = tempfile::tempdir().unwrap();
        for content in ["the first and longest", "the second, long", "short", "shorter"] {
            replace(dir.path(), WHO, ItemId(1), content).unwrap();
            assert_eq!(fs::read_to_string(dir.path().join("3/1")).unwrap(), content);
        }
    }

    #[test]
    fn what_waits_is_written_before_the_thread_ends() {
        let dir = tempfile::tempdir().unwrap();
        let (snapshots, thread) = Snapshots::start(dir.path().to_owned()).unwrap();
        snapshots.save(WHO, ItemId(7), atomic("last"));
        drop(thread);
        assert_eq!(fs::read_to_string(dir.path().join("3/7")).unwrap(), "last");
        snapshots.save(WHO, ItemId(7), atomic("too late"));
        assert_eq!(snapshots.dropped(), 1);
    }

    #[test]
    fn a_full_queue_drops_and_counts_but_newer_content_replaces_what_waits() {
        let snapshots = Snapshots { shared: Arc::default() };
        for item in 0..WAITING + 5 {
            snapshots.save(WHO, ItemId(u32::try_from(item).unwrap()), atomic(""));
        }
        snapshots.save(WHO, ItemId(0), atomic("newer"));
        assert_eq!(snapshots.dropped(), 5);
        assert_eq!(snapshots.shared.lock().contents[&(WHO, ItemId(0))], atomic("newer"));
    }

    #[test]
    fn a_disk_that_refuses_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "in the way").unwrap();
        let (snapshots, thread) = Snapshots::start(file).unwrap();
        snapshots.save(WHO, ItemId(0), atomic("content"));
        drop(thread);
        assert_eq!(snapshots.failed(), 1);
    }
}
