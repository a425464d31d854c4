//! The database on disk: a log of changes, read at a start and rewritten small.
//!
//! One line per change: the CRC-32 of the rest in hex, a space, JSON. A change is in the operating system's hands
//! before it is acked, so it survives the end of this process, killed or not; it is not flushed to the medium. A
//! line cut short at the very end was never acked and is dropped; any other damage is an error, because what was
//! acked would be lost in silence.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::Change;

/// A log below this many bytes is left alone while the server runs.
const COMPACT_ABOVE: u64 = 64 * 1024 * 1024;

/// A log is rewritten when it has grown by this factor since it was last small.
const COMPACT_FACTOR: u64 = 4;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file operation failed.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another server has it.
    #[error("data directory `{}` is used by another running server: stop that one or choose another directory", .0.display())]
    InUse(PathBuf),
    /// A line is damaged.
    #[error("`{}` is damaged at line {line}: {problem}; restore the file, or move it away to start empty", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Record {
    /// A write, in the order of writes; its trace in the history follows from it.
    Committed(Change),
    /// What was stored when the log was last rewritten, which has its history beside it.
    Stored(Change),
}

/// The open log of a data directory.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    len: u64,
    compact_len: u64,
    /// Held for its lock.
    _lock: File,
}

impl Journal {
    /// Opens the log in `dir`, which is created if need be; hands every record to `restore`, in order.
    pub(crate) fn open(dir: &Path, mut restore: impl FnMut(Record)) -> Result<Self, JournalError> {
        fs::create_dir_all(dir).map_err(io_error("create", dir))?;
        let lock = lock(dir)?;
        let path = dir.join("configs.log");
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(io_error("open", &path))?;
        let len = read_all(&path, &mut file, &mut restore)?;
        file.set_len(len).map_err(io_error("cut the unfinished end of", &path))?;
        Ok(Self { path, file, len, compact_len: 0, _lock: lock })
    }

    /// Writes a change down. After an error the log is as before, and the change must not be acked.
    pub(crate) fn append(&mut self, change: &Change) -> io::Result<()> {
        let line = encode(&Record::Committed(change.clone()));
        if let Err(error) = self.file.write_all(&line) {
            // What was written of the line would damage the next one; if the cut fails, the next start reports it.
            self.file.set_len(self.len).ok();
            return Err(error);
        }
        self.len += line.len() as u64;
        Ok(())
    }

    /// Whether the log is mostly history.
    pub(crate) const fn wants_compaction(&self) -> bool {
        self.len > COMPACT_ABOVE && self.len > self.compact_len.saturating_mul(COMPACT_FACTOR)
    }

    /// Replaces the log by what is stored, atomically.
    pub(crate) fn compact(&mut self, stored: impl Iterator<Item = Change>) -> Result<(), JournalError> {
        let next_path = self.path.with_extension("log.next");
        let (file, len) = write_stored(&next_path, stored).map_err(io_error("write", &next_path))?;
        fs::rename(&next_path, &self.path).map_err(io_error("replace", &self.path))?;
        self.file = file;
        self.len = len;
        self.compact_len = len;
        Ok(())
    }
}

#[cfg(test)]
impl Journal {
    /// From here on every write fails as on a full disk.
    pub(crate) fn fill_disk(&mut self) {
        self.file = OpenOptions::new().append(true).open("/dev/full").unwrap();
    }
}

fn lock(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(JournalError::Io { action: "lock", path, source }),
    }
}

/// Reads every whole line; answers the length in bytes up to the last one's end.
fn read_all(path: &Path, file: &mut File, restore: &mut impl FnMut(Record)) -> Result<u64, JournalError> {
    file.rewind().map_err(io_error("read", path))?;
    let mut reader = BufReader::new(file);
    let mut len = 0;
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes).map_err(io_error("read", path))?;
        if bytes.pop() != Some(b'\n') {
            break;
        }
        let record = decode(&bytes).map_err(|problem| JournalError::Corrupt {
            path: path.to_owned(),
            line,
            problem,
        })?;
        restore(record);
        len += read as u64;
    }
    Ok(len)
}

fn write_stored(path: &Path, stored: impl Iterator<Item = Change>) -> io::Result<(File, u64)> {
    fs::remove_file(path)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let mut out = BufWriter::new(OpenOptions::new().append(true).create_new(true).open(path)?);
    let mut len = 0;
    for change in stored {
        let line = encode(&Record::Stored(change));
        len += line.len() as u64;
        out.write_all(&line)?;
    }
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok((file, len))
}

fn encode(record: &Record) -> Vec<u8> {
    let json = serde_json::to_string(record).expect("texts, numbers and lists of them are JSON");
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes()
}

fn decode(line: &[u8]) -> Result<Record, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let (sum, json) = text.split_once(' ').ok_or("it has no checksum")?;
    if u32::from_str_radix(sum, 16) != Ok(crc32fast::hash(json.as_bytes())) {
        return Err("its checksum does not match".to_owned());
    }
    serde_json::from_str(json).map_err(|error| format!("it does not parse ({error})"))
}

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> JournalError + 'a {
    move |source| JournalError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
