//! Recording events into a history, from any thread, in bounded memory.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use shakedown_model::event::Event;

use crate::history::{BLOCK_BYTES, Block, HEADER_BYTES, MAGIC};

/// Blocks that may wait for the disk (16 MiB) before records are lost, counted and the run made invalid.
const WAITING_BLOCKS: usize = 64;

/// Why a history could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The file could not be made.
    #[error("cannot create the history `{path}`")]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Writing failed, such as on a full disk; what was written before is kept.
    #[error("the history could not be written to its end: {0}")]
    Write(String),
    /// The disk did not keep up and records were dropped.
    #[error("{0} records were lost because the disk did not keep up")]
    Lost(u64),
}

/// A handle for recording; clones record into the same history.
#[derive(Debug, Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    open: Mutex<OpenBlock>,
    blocks: SyncSender<Message>,
    lost: AtomicU64,
    failure: Arc<OnceLock<String>>,
}

#[derive(Debug, Default)]
struct OpenBlock {
    bytes: Vec<u8>,
    count: u32,
}

#[derive(Debug)]
enum Message {
    Block(Block),
    /// Nothing follows; only a history without a gap gets the end marker.
    End {
        is_whole: bool,
    },
}

impl Recorder {
    /// Records an event. Never waits for the disk.
    pub fn record(&self, event: Event) {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = std::mem::take(&mut open.bytes);
        if bytes.capacity() == 0 {
            bytes.reserve(BLOCK_BYTES + 256);
        }
        open.bytes = postcard::to_extend(&event, bytes).expect("an event always encodes into a vector");
        open.count += 1;
        if open.bytes.len() >= BLOCK_BYTES {
            self.close(&mut open);
        }
    }

    /// Hands what was recorded so far to the disk, so that a killed run loses little.
    pub fn flush(&self) {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.close(&mut open);
    }

    /// Takes a block that another recorder has closed, as it is. Waits until there is room.
    ///
    /// # Errors
    /// [`RecorderError::Write`] when nothing is written any more.
    pub fn append(&self, block: Block) -> Result<(), RecorderError> {
        self.shared.blocks.send(Message::Block(block)).map_err(|_| {
            RecorderError::Write(self.failure().unwrap_or_else(|| "its writer has ended".into()))
        })
    }

    /// Why writing failed, once it did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.shared.failure.get().cloned()
    }

    /// How many records were lost because the disk did not keep up.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// A recorder into memory, for tests.
    #[must_use]
    pub fn in_memory() -> (Self, MemoryHistory) {
        let (blocks, receiver) = sync_channel(1 << 16);
        let recorder = Self::new(blocks, Arc::default());
        (recorder.clone(), MemoryHistory { recorder, receiver: Mutex::new((receiver, Vec::new())) })
    }

    fn new(blocks: SyncSender<Message>, failure: Arc<OnceLock<String>>) -> Self {
        let shared = Shared { open: Mutex::default(), blocks, lost: AtomicU64::new(0), failure };
        Self { shared: Arc::new(shared) }
    }

    fn close(&self, open: &mut OpenBlock) {
        if open.count == 0 {
            return;
        }
        let OpenBlock { bytes, count } = std::mem::take(open);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.shared.blocks.try_send(Message::Block(Block::new(bytes, count)))
        {
            self.shared.lost.fetch_add(u64::from(count), Ordering::Relaxed);
        }
    }
}

/// Where a history goes, block by block, on a thread that may wait.
pub trait BlockSink: Send {
    /// Takes the next block.
    ///
    /// # Errors
    /// When it could not be written; nothing more comes then.
    fn block(&mut self, block: &Block) -> io::Result<()>;

    /// Nothing follows. `is_whole` is false when records were lost before.
    ///
    /// # Errors
    /// When what was taken is not all written.
    fn end(&mut self, is_whole: bool) -> io::Result<()>;
}

/// A history file; only one without a gap gets the end marker.
impl BlockSink for File {
    fn block(&mut self, block: &Block) -> io::Result<()> {
        self.write_all(&block.header())?;
        self.write_all(block.payload())
    }

    fn end(&mut self, is_whole: bool) -> io::Result<()> {
        if is_whole {
            self.write_all(&[0; HEADER_BYTES])?;
        }
        self.sync_all()
    }
}

/// Owns the history and the thread that writes it.
#[derive(Debug)]
pub struct HistoryWriter {
    recorder: Recorder,
    thread: Option<JoinHandle<()>>,
}

impl HistoryWriter {
    /// Creates the history at `path`.
    ///
    /// # Errors
    /// [`RecorderError::Create`].
    pub fn create(path: &Path) -> Result<Self, RecorderError> {
        let fail = |source| RecorderError::Create { path: path.to_owned(), source };
        let mut file = File::create(path).map_err(fail)?;
        file.write_all(&MAGIC).map_err(fail)?;
        Self::into_sink(file).map_err(fail)
    }

    /// Sends a history elsewhere than into a file.
    ///
    /// # Errors
    /// When the machine gives no thread.
    pub fn into_sink(mut sink: impl BlockSink + 'static) -> io::Result<Self> {
        let (blocks, receiver) = sync_channel(WAITING_BLOCKS);
        let failure = Arc::new(OnceLock::new());
        let thread = std::thread::Builder::new().name("history".into()).spawn({
            let failure = Arc::clone(&failure);
            move || {
                if let Err(error) = write_blocks(&mut sink, &receiver) {
                    failure.get_or_init(|| error.to_string());
                }
            }
        })?;
        Ok(Self { recorder: Recorder::new(blocks, failure), thread: Some(thread) })
    }

    /// A handle to record with.
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Writes what is left and, unless records were lost, the end marker, and waits for the disk.
    ///
    /// # Errors
    /// [`RecorderError::Write`] or [`RecorderError::Lost`]: the history is then not whole, and says so to its reader.
    pub fn finish(mut self) -> Result<(), RecorderError> {
        self.recorder.flush();
        let lost = self.recorder.lost();
        // A thread that has ended early takes no end; it has left its reason.
        self.recorder.shared.blocks.send(Message::End { is_whole: lost == 0 }).ok();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            return Err(RecorderError::Write("its thread panicked".into()));
        }
        match self.recorder.failure() {
            Some(why) => Err(RecorderError::Write(why)),
            None if lost > 0 => Err(RecorderError::Lost(lost)),
            None => Ok(()),
        }
    }
}

fn write_blocks(sink: &mut impl BlockSink, receiver: &Receiver<Message>) -> io::Result<()> {
    while let Ok(message) = receiver.recv() {
        match message {
            Message::Block(block) => sink.block(&block)?,
            Message::End { is_whole } => return sink.end(is_whole),
        }
    }
    Ok(())
}

/// The history of [`Recorder::in_memory`].
#[derive(Debug)]
pub struct MemoryHistory {
    recorder: Recorder,
    receiver: Mutex<(Receiver<Message>, Vec<Event>)>,
}

impl MemoryHistory {
    /// Everything recorded so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.recorder.flush();
        let mut guard = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        let (receiver, events) = &mut *guard;
        while let Ok(Message::Block(block)) = receiver.try_recv() {
            let mut rest = block.payload();
            for _ in 0..block.count() {
                let (event, after) = postcard::take_from_bytes(rest).expect("what was encoded decodes");
                events.push(event);
                rest = after;
            }
        }
        events.clone()
    }
}

#[cfg(test)]
mod tests;
