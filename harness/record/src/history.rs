//! The form of `history.bin`: a magic number, then blocks of records, each with its length, count and checksum.
//!
//! A block is `length u32 · count u32 · CRC-32 u32` (little endian), then `count` records in postcard's encoding.
//! A block of length and count zero ends the file: without it, the recording was cut short.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use shakedown_model::event::Event;

/// The first bytes of a history.
pub(crate) const MAGIC: [u8; 8] = *b"shkdhis1";
/// A block is closed once it holds this many bytes.
pub(crate) const BLOCK_BYTES: usize = 256 * 1024;
/// No block is longer than this: one record beyond [`BLOCK_BYTES`] at most.
const BLOCK_LIMIT: usize = BLOCK_BYTES + 4096;
pub(crate) const HEADER_BYTES: usize = 12;

/// The header of a block.
pub(crate) fn block_header(payload: &[u8], count: u32) -> [u8; HEADER_BYTES] {
    let length = u32::try_from(payload.len()).expect("a block is bounded far below 4 GiB");
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4..8].copy_from_slice(&count.to_le_bytes());
    header[8..].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    header
}

/// Records as they stand in a history, together: written and sent as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    payload: Vec<u8>,
    count: u32,
}

/// Bytes that are no whole block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a block of the history is not what was sent: its length or its checksum is wrong")]
pub struct DamagedBlock;

impl Block {
    pub(crate) const fn new(payload: Vec<u8>, count: u32) -> Self {
        Self { payload, count }
    }

    /// What stands before the records: their length, their count, their checksum.
    #[must_use]
    pub fn header(&self) -> [u8; 12] {
        block_header(&self.payload, self.count)
    }

    /// The records.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// How many records there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Takes a block as it was written: its header, and its records behind it.
    ///
    /// # Errors
    /// [`DamagedBlock`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DamagedBlock> {
        let (header, payload) = bytes.split_at_checked(HEADER_BYTES).ok_or(DamagedBlock)?;
        let count = u32::from_le_bytes(header[4..8].try_into().expect("four bytes"));
        let is_whole =
            count > 0 && (1..=BLOCK_LIMIT).contains(&payload.len()) && header == block_header(payload, count);
        if is_whole { Ok(Self::new(payload.to_vec(), count)) } else { Err(DamagedBlock) }
    }
}

/// Why a history could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file could not be opened or read.
    #[error("cannot read the history `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a history of this form.
    #[error(
        "`{path}` is not a history that this version can read; it was written by another version or is no history"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The recording ends before its end marker: the harness was killed or the disk was full.
    #[error("the history is cut short in block {block} at byte {byte}; what lies before it is whole")]
    CutShort {
        /// The block that is missing or not whole, from 0.
        block: u64,
        /// Where it begins in the file.
        byte: u64,
    },
    /// A block does not match its checksum, or its records cannot be read.
    #[error("the history is corrupt in block {block} at byte {byte}; what lies before it is whole")]
    Corrupt {
        /// The block, from 0.
        block: u64,
        /// Where it begins in the file.
        byte: u64,
    },
}

/// Reads the records of a history in the order in which they were written.
///
/// After an error it yields nothing more.
#[derive(Debug)]
pub struct HistoryReader {
    path: PathBuf,
    file: BufReader<File>,
    block: Vec<u8>,
    at: usize,
    left: u32,
    blocks_read: u64,
    bytes_read: u64,
    is_done: bool,
}

impl HistoryReader {
    /// Opens the history at `path`.
    ///
    /// # Errors
    /// [`HistoryError::Io`] or [`HistoryError::Foreign`].
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        let fail = |source| HistoryError::Io { path: path.to_owned(), source };
        let mut file = BufReader::with_capacity(BLOCK_BYTES, File::open(path).map_err(fail)?);
        let mut magic = [0; MAGIC.len()];
        match file.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC => {}
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(fail(error)),
            _ => return Err(HistoryError::Foreign { path: path.to_owned() }),
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            block: Vec::new(),
            at: 0,
            left: 0,
            blocks_read: 0,
            bytes_read: MAGIC.len() as u64,
            is_done: false,
        })
    }

    fn next_event(&mut self) -> Result<Option<Event>, HistoryError> {
        while self.left == 0 {
            if !self.next_block()? {
                return Ok(None);
            }
        }
        let corrupt = HistoryError::Corrupt { block: self.blocks_read - 1, byte: self.block_start() };
        let Ok((event, rest)) = postcard::take_from_bytes(&self.block[self.at..]) else {
            return Err(corrupt);
        };
        self.at = self.block.len() - rest.len();
        self.left -= 1;
        Ok(Some(event))
    }

    /// Reads the next block; false at the end marker.
    fn next_block(&mut self) -> Result<bool, HistoryError> {
        let (block, byte) = (self.blocks_read, self.bytes_read);
        let mut header = [0; HEADER_BYTES];
        self.fill(&mut header, block, byte)?;
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        let (length, count, checksum) = (word(0) as usize, word(4), word(8));
        if length == 0 && count == 0 {
            return Ok(false);
        }
        if length > BLOCK_LIMIT {
            return Err(HistoryError::Corrupt { block, byte });
        }
        let mut payload = std::mem::take(&mut self.block);
        payload.resize(length, 0);
        self.fill(&mut payload, block, byte)?;
        if crc32fast::hash(&payload) != checksum {
            return Err(HistoryError::Corrupt { block, byte });
        }
        self.block = payload;
        self.at = 0;
        self.left = count;
        self.blocks_read += 1;
        self.bytes_read += (HEADER_BYTES + length) as u64;
        Ok(true)
    }

    fn fill(&mut self, buffer: &mut [u8], block: u64, byte: u64) -> Result<(), HistoryError> {
        self.file.read_exact(buffer).map_err(|source| match source.kind() {
            ErrorKind::UnexpectedEof => HistoryError::CutShort { block, byte },
            _ => HistoryError::Io { path: self.path.clone(), source },
        })
    }

    fn block_start(&self) -> u64 {
        self.bytes_read - (HEADER_BYTES + self.block.len()) as u64
    }
}

impl Iterator for HistoryReader {
    type Item = Result<Event, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = self.next_event().transpose();
        self.is_done = !matches!(next, Some(Ok(_)));
        next
    }
}
