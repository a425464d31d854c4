//! Toolchains: whether a command is there, and its version.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

/// A command that does not tell its version by then counts as absent: a first `mvn` or `java` may take seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// What must be there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Toolchain {
    /// What it is called in messages.
    pub name: String,
    /// An argv that prints the version.
    pub command: Vec<String>,
    /// The least version; any when left out.
    pub at_least: Option<String>,
}

/// A toolchain that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is called.
    pub name: String,
    /// Its version, if it told one.
    pub version: Option<String>,
}

/// A toolchain that is not there, or too old.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}{wanted} is needed: {found}; install it, or put it into PATH")]
pub struct Missing {
    /// What it is called.
    pub name: String,
    wanted: String,
    found: String,
}

impl Toolchain {
    /// Looks for it by running its command.
    ///
    /// # Errors
    /// [`Missing`] names it, the version that is wanted and what was found.
    pub async fn find(&self) -> Result<Found, Missing> {
        let wanted = self.at_least.as_ref().map_or_else(String::new, |least| format!(" {least} or newer"));
        let missing = |found: String| Missing { name: self.name.clone(), wanted, found };
        let command = self.command.join(" ");
        let (program, arguments) = self.command.split_first().map_or(("", [].as_slice()), |(p, a)| (p, a));
        let run = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .output();
        let output = match timeout(PATIENCE, run).await {
            Err(_) => {
                return Err(missing(format!("`{command}` did not answer in {} s", PATIENCE.as_secs())));
            }
            Ok(Err(error)) => return Err(missing(format!("`{command}` cannot be run ({error})"))),
            Ok(Ok(output)) if !output.status.success() => {
                return Err(missing(format!("`{command}` ended with {}", output.status)));
            }
            Ok(Ok(output)) => output,
        };
        let text = |bytes: &[u8]| version_in(&String::from_utf8_lossy(bytes));
        let version = text(&output.stdout).or_else(|| text(&output.stderr));
        match (&self.at_least, &version) {
            (Some(_), None) => Err(missing(format!("`{command}` tells no version"))),
            (Some(least), Some(version)) if is_older(version, least) => {
                Err(missing(format!("`{command}` says {version}")))
            }
            _ => Ok(Found { name: self.name.clone(), version }),
        }
    }
}

/// The first number with a dot in a text, as `1.24.4` in `go version go1.24.4 linux/amd64`; else its first number.
fn version_in(text: &str) -> Option<String> {
    let numbers = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|part| part.trim_matches('.'));
    let mut numbers = numbers.filter(|part| part.starts_with(|c: char| c.is_ascii_digit())).peekable();
    let first = numbers.peek().copied();
    numbers.find(|number| number.contains('.')).or(first).map(str::to_owned)
}

/// Whether one version is older than another, number by number; a number that is missing is zero.
fn is_older(version: &str, than: &str) -> bool {
    let parts = |text: &str| -> Vec<u64> {
        let mut parts: Vec<u64> = text.split('.').map(|part| part.parse().unwrap_or(0)).collect();
        while parts.last() == Some(&0) {
            parts.pop();
        }
        parts
    };
    parts(version) < parts(than)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_toolchains_print() {
        for (text, version) in [
            ("go version go1.26.8 linux/amd64", "1.26.8"),
            ("openjdk version \"17.0.15\" 2025-04-15", "17.0.15"),
            ("java version \"1.8.0_392\"", "1.8.0"),
            ("\u{1b}[1mApache Maven 3.8.7\u{1b}[m", "3.8.7"),
            ("v20.20.2", "20.20.2"),
            ("Python 3.11.7", "3.11.7"),
            ("cargo 1.95.0 (f2d3ce0bd 2026-03-21)", "1.95.0"),
            ("openjdk 21 2023-09-19", "21"),
        ] {
            assert_eq!(version_in(text).as_deref(), Some(version), "{text}");
        }
        assert_eq!(version_in("no number."), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_older("1.9", "1.10") && is_older("8", "17") && is_older("1.8.0", "17"));
        assert!(!is_older("1.10", "1.9") && !is_older("17.0", "17") && !is_older("17", "17.0.0"));
    }

    #[tokio::test]
    async fn what_is_missing_is_named_with_the_version_that_is_wanted() {
        let toolchain = |command: &[&str], least: Option<&str>| Toolchain {
            name: "Cobol".into(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            at_least: least.map(str::to_owned),
        };
        let found = toolchain(&["sh", "-c", "echo cobol 2.1 >&2"], Some("2.0")).find().await.unwrap();
        assert_eq!(found.version.as_deref(), Some("2.1"));
        for (command, says) in [
            (vec!["no-such-cobol", "-v"], "`no-such-cobol -v` cannot be run"),
            (vec!["sh", "-c", "echo cobol 1.9"], "says 1.9"),
            (vec!["sh", "-c", "exit 3"], "ended with exit status: 3"),
            (vec!["true"], "tells no version"),
        ] {
            let missing = toolchain(&command, Some("2.0")).find().await.unwrap_err().to_string();
            assert!(
                missing.starts_with("Cobol 2.0 or newer is needed: ") && missing.contains(says),
                "{missing}"
            );
        }
    }
}
