//! Why a run directory could not be used.

use std::io;
use std::path::PathBuf;

/// Why a run directory could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// A file could not be read.
    #[error("cannot read `{path}`; is this a run directory?")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`; is there room, and the right to write?")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not in the form that it should have.
    #[error("`{path}` is damaged or was written by another version (line {line})")]
    Form {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// The run was written in another form.
    #[error(
        "`{path}` has form {found}, and this version reads form {expected}; judge it with the version that made it"
    )]
    Version {
        /// The manifest.
        path: PathBuf,
        /// The form found.
        found: u32,
        /// The form that can be read.
        expected: u32,
    },
}
