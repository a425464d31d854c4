//! What is printed: results on standard output, trouble on standard error. A closed pipe is the reader's choice.

use std::io::Write as _;

use crate::redaction::shown;

/// Prints a result.
pub(crate) fn say(text: &str) {
    drop(writeln!(std::io::stdout().lock(), "{}", text.trim_end()));
}

/// Prints what went wrong, without secrets.
pub(crate) fn complain(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "shakedown: {}", shown(text)));
}
