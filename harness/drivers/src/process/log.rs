//! The log of a driver: what it writes to its standard error, and no more than a bound of it.
//!
//! Of each start the first 64 KiB stay, where a program tells what it is and what it lacks, and 192 to 384 KiB of the end.
//! A line between them says how much went. What is on disk is never behind what came.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes of the beginning that stay.
const BEGINNING: u64 = 64 * 1024;
/// Bytes of the end that stay at least.
const END: usize = 192 * 1024;
/// Beyond so many bytes of one start the middle goes.
const MOST: u64 = BEGINNING + 2 * END as u64;
/// Read at once.
const CHUNK: usize = 8 * 1024;

/// A log file, written from where it ended before.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    /// Where this start's part begins.
    start: u64,
    length: u64,
    left_out: u64,
    /// The length of the line that says so.
    note: u64,
}

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let start = file.metadata()?.len();
        Ok(Self { file, start, length: start, left_out: 0, note: 0 })
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.length)?;
        self.length += bytes.len() as u64;
        if self.length - self.start > MOST { self.shorten() } else { Ok(()) }
    }

    fn shorten(&mut self) -> io::Result<()> {
        let mut end = vec![0; END];
        let end_at = self.length - END as u64;
        self.file.read_exact_at(&mut end, end_at)?;
        // The note of the last time lies at the front of what goes.
        let note_at = self.start + BEGINNING;
        self.left_out += end_at - note_at - self.note;
        let note = format!("\n[{} bytes were left out here]\n", self.left_out);
        self.note = note.len() as u64;
        self.file.write_all_at(note.as_bytes(), note_at)?;
        self.file.write_all_at(&end, note_at + self.note)?;
        self.length = note_at + self.note + END as u64;
        self.file.set_len(self.length)
    }
}

/// Writes down what comes until nobody can write any more. A log that cannot be written holds no driver up.
pub(super) async fn keep(driver: String, mut from: impl AsyncRead + Unpin, mut log: Log) {
    let mut chunk = vec![0; CHUNK];
    let mut is_written = true;
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let added = if is_written { log.add(&chunk[..length]) } else { Ok(()) };
        if let Err(error) = added {
            tracing::warn!(driver, %error, "a driver's log cannot be written; what it says from here on is lost");
            is_written = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(lines: std::ops::Range<u32>) -> Vec<u8> {
        lines.flat_map(|line| format!("line {line:07}\n").into_bytes()).collect()
    }

    #[tokio::test]
    async fn a_short_log_is_whole_and_comes_after_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.log");
        for said in [&b"one\n"[..], b"two\n"] {
            keep("d".into(), said, Log::open(&path).unwrap()).await;
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
    }

    #[tokio::test]
    async fn of_a_long_log_the_beginning_and_the_end_stay_and_the_rest_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.log");
        std::fs::write(&path, "before\n").unwrap();
        let said = numbered(0..300_000);
        keep("d".into(), &said[..], Log::open(&path).unwrap()).await;
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.len() as u64 <= MOST + 100, "{}", kept.len());
        assert!(kept.starts_with("before\nline 0000000\nline 0000001\n"));
        assert!(kept.ends_with("line 0299998\nline 0299999\n"));
        let notes: Vec<&str> = kept.lines().filter(|line| line.contains("left out")).collect();
        let [note] = notes[..] else { panic!("one note, not {notes:?}") };
        let left_out: usize = note.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
        let around = "before\n".len() + "\n\n".len() + note.len();
        assert_eq!(kept.len() - around + left_out, said.len(), "{note}");
    }
}
