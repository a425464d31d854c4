//! Exit codes, and errors that carry one.

use std::fmt;
use std::process::ExitCode;

/// Why the command ended, as the shell sees it (also in the README).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The scenario or the arguments are wrong.
    Usage = 64,
    /// Something that is needed is missing: a home, a port, open files, a disk.
    Missing = 69,
    /// A defect of shakedown itself.
    Defect = 70,
    /// A person stopped it before there was anything to judge.
    Interrupted = 130,
}

/// An error that ends the command, with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    /// A failure with a text that is ready to print.
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// A failure from an error and all its causes.
    pub(crate) fn from_error(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str("\n  because: ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self { exit, text }
    }

    /// The exit code.
    #[must_use]
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim_end())
    }
}
