//! A conversation with a driver: what it told, and what is said of it.

use std::collections::BTreeMap;
use std::time::Duration;

use shakedown_drivers::protocol::{Command, Event, What};
use shakedown_drivers::{DriverError, DriverProcess};
use shakedown_model::payload;
use tokio::time::{Instant, timeout_at};

use crate::output::say;

/// What was found right and wrong, told as it is found.
#[derive(Debug, Default)]
pub(super) struct Report {
    passed: u32,
    failed: u32,
}

impl Report {
    pub(super) fn pass(&mut self, what: &str, how: impl AsRef<str>) {
        self.passed += 1;
        line("ok", what, how.as_ref());
    }

    pub(super) fn fail(&mut self, what: &str, why: impl AsRef<str>) {
        self.failed += 1;
        line("WRONG", what, why.as_ref());
    }

    /// What is worth knowing and not wrong.
    pub(super) fn note(what: &str, why: impl AsRef<str>) {
        line("note", what, why.as_ref());
    }

    pub(super) const fn counts(&self) -> (u32, u32) {
        (self.passed, self.failed)
    }

    /// Tells what a step found.
    pub(super) fn take(&mut self, what: &str, found: Result<String, String>) {
        match found {
            Ok(how) => self.pass(what, how),
            Err(why) => self.fail(what, why),
        }
    }
}

fn line(word: &str, what: &str, more: &str) {
    let more = if more.is_empty() { String::new() } else { format!(": {more}") };
    say(&format!("{word:<5} {what}{more}"));
}

/// A driver that is being checked.
pub(super) struct Talk {
    process: DriverProcess,
    /// Per client, when its last event was.
    last: BTreeMap<u32, u64>,
    /// What is wrong with events beside what was asked for.
    faults: Vec<String>,
}

impl Talk {
    pub(super) const fn new(process: DriverProcess) -> Self {
        Self { process, last: BTreeMap::new(), faults: Vec::new() }
    }

    pub(super) fn into_process(self) -> DriverProcess {
        self.process
    }

    /// What was wrong beside what was asked for: the order of events, an MD5.
    pub(super) fn take_faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.faults)
    }

    pub(super) fn tell(&self, command: &Command) -> Result<(), DriverError> {
        self.process.send(command)
    }

    pub(super) fn tell_line(&self, line: String) -> Result<(), DriverError> {
        self.process.send_line(line)
    }

    /// Waits for an event that `wanted` takes, `within` a time; others are looked at and passed over.
    ///
    /// `Ok(None)`: it did not come. An error ends the conversation.
    pub(super) async fn wait<T>(
        &mut self,
        within: Duration,
        mut wanted: impl FnMut(&Event) -> Option<T>,
    ) -> Result<Option<T>, DriverError> {
        let deadline = Instant::now() + within;
        loop {
            let Ok(incoming) = timeout_at(deadline, self.process.next()).await else { return Ok(None) };
            let event = incoming.what?;
            self.look_at(&event, incoming.received_ns);
            if let Some(found) = wanted(&event) {
                return Ok(Some(found));
            }
        }
    }

    fn look_at(&mut self, event: &Event, received_ns: u64) {
        if event.at > received_ns {
            self.faults.push(format!("{} is of a time after it was read", word(&event.what)));
        }
        if let Some(client) = client_of(&event.what) {
            let last = self.last.entry(client).or_default();
            if event.at < *last {
                self.faults.push(format!(
                    "{} of client {client} is older than what was told before it",
                    word(&event.what)
                ));
            }
            *last = event.at.max(*last);
        }
        let (content, md5) = match &event.what {
            What::Value { content, md5, .. } => (Some(content), Some(md5)),
            What::Got { content, md5, .. } => (content.as_ref(), md5.as_ref()),
            _ => (None, None),
        };
        if let Some(content) = content {
            let right = payload::md5_hex(content);
            if md5 != Some(&right) {
                let said = md5.map_or("nothing", String::as_str);
                self.faults
                    .push(format!("{} has md5 {said}; that of its content is {right}", word(&event.what)));
            }
        }
    }
}

fn client_of(what: &What) -> Option<u32> {
    match what {
        What::Started { client }
        | What::Listening { client, .. }
        | What::Value { client, .. }
        | What::Gone { client, .. }
        | What::Got { client, .. }
        | What::Published { client, .. }
        | What::Failed { client, .. } => Some(*client),
        What::Hello(_) | What::Clock | What::Log { .. } => None,
    }
}

/// What an event is called.
pub(super) const fn word(what: &What) -> &'static str {
    match what {
        What::Hello(_) => "`hello`",
        What::Clock => "`clock`",
        What::Started { .. } => "`started`",
        What::Listening { .. } => "`listening`",
        What::Value { .. } => "`value`",
        What::Gone { .. } => "`gone`",
        What::Got { .. } => "`got`",
        What::Published { .. } => "`published`",
        What::Failed { .. } => "`failed`",
        What::Log { .. } => "`log`",
    }
}
