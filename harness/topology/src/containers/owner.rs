//! Whose a thing on the engine is: the labels that it bears, and whether its harness still lives.

use std::collections::HashMap;

use shakedown_model::Seed;

const RUN: &str = "org.shakedown.run";
const PROCESS: &str = "org.shakedown.process";
const HOST: &str = "org.shakedown.host";
/// What a container is within its run, such as `nacos-0`.
pub(super) const PART: &str = "org.shakedown.part";

/// The run and the harness process that made a thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    run: String,
    /// `PID START`: a number is given to another process once it is free, but not with the same start.
    process: String,
    /// `NAME BOOT NAMESPACE`: where that number means something.
    host: String,
}

/// Whether the harness that made a thing is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// It runs.
    Lives,
    /// It is gone.
    Dead,
    /// It ran on another machine, or where its processes cannot be seen.
    Elsewhere,
}

impl Owner {
    /// This process, for a run.
    pub(crate) fn this_process(run: &str) -> Self {
        let pid = std::process::id();
        let start = start_of(pid).unwrap_or_default();
        Self { run: run.to_owned(), process: format!("{pid} {start}"), host: this_host() }
    }

    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// A name on the engine for a part of the run, such as `shakedown-nacos-0-5f3a9c21`. It is short, as a container is
    /// found by it within the network: a name there has at most 63 letters.
    pub(crate) fn name(&self, part: &str) -> String {
        let number = Seed(0).child(&self.line()).0;
        format!("shakedown-{part}-{:08x}", number >> 32)
    }

    pub(crate) fn labels(&self) -> HashMap<String, String> {
        [(RUN, &self.run), (PROCESS, &self.process), (HOST, &self.host)]
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .into()
    }

    /// Whose a thing with these labels is; `None` is nobody's here.
    pub(super) fn of(labels: &HashMap<String, String>) -> Option<Self> {
        let label = |name| labels.get(name).cloned();
        Some(Self { run: label(RUN)?, process: label(PROCESS)?, host: label(HOST)? })
    }

    /// The engine's filter for exactly what is this owner's.
    pub(super) fn filter(&self) -> HashMap<String, Vec<String>> {
        let labels = self.labels().into_iter().map(|(name, value)| format!("{name}={value}"));
        HashMap::from([("label".to_owned(), labels.collect())])
    }

    /// The engine's filter for what is any run's.
    pub(super) fn filter_of_all() -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![RUN.to_owned()])])
    }

    /// Whether its harness is there.
    pub(crate) fn life(&self) -> Life {
        self.life_on(&this_host(), start_of)
    }

    fn life_on(&self, here: &str, start_of: impl Fn(u32) -> Option<u64>) -> Life {
        let parts = |host: &str| {
            let mut parts = host.split(' ').map(str::to_owned);
            (parts.next(), parts.next(), parts.next())
        };
        let (name, boot, namespace) = parts(&self.host);
        let (this_name, this_boot, this_namespace) = parts(here);
        match (boot == this_boot, namespace == this_namespace) {
            (true, true) => {}
            // The same machine after a restart.
            (false, _) if name == this_name => return Life::Dead,
            _ => return Life::Elsewhere,
        }
        let mut process = self.process.split(' ');
        let pid = process.next().and_then(|pid| pid.parse().ok());
        let start = process.next().and_then(|start| start.parse().ok());
        match (pid, start) {
            (Some(pid), Some(start)) if start_of(pid) == Some(start) => Life::Lives,
            (Some(_), Some(_)) => Life::Dead,
            _ => Life::Elsewhere,
        }
    }

    /// As one line for the guard's pipe.
    pub(crate) fn line(&self) -> String {
        [self.run.as_str(), &self.process, &self.host].join("\t")
    }

    /// Back from [`Self::line`].
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut parts = line.split('\t').map(str::to_owned);
        let owner = Self { run: parts.next()?, process: parts.next()?, host: parts.next()? };
        parts.next().is_none().then_some(owner)
    }
}

/// When a process began, in clock ticks since the machine's start (proc(5), field 22 of `stat`).
fn start_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold blanks and brackets.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn this_host() -> String {
    let read =
        |path| std::fs::read_to_string(path).map_or_else(|_| "-".to_owned(), |text| text.trim().to_owned());
    let namespace = std::fs::read_link("/proc/self/ns/pid")
        .map_or_else(|_| "-".to_owned(), |path| path.to_string_lossy().into_owned());
    format!("{} {} {namespace}", read("/proc/sys/kernel/hostname"), read("/proc/sys/kernel/random/boot_id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(process: &str, host: &str) -> Owner {
        Owner { run: "r".into(), process: process.into(), host: host.into() }
    }

    #[test]
    fn a_harness_lives_while_its_number_has_its_start() {
        let here = "box boot-1 pid:[1]";
        let running = |pid| (pid == 7).then_some(100);
        let life = |process, host| owner(process, host).life_on(here, running);
        assert_eq!(life("7 100", here), Life::Lives);
        assert_eq!(life("7 99", here), Life::Dead, "the number is another's by now");
        assert_eq!(life("8 100", here), Life::Dead);
        assert_eq!(life("8 100", "box boot-0 pid:[1]"), Life::Dead, "the machine was started anew");
        assert_eq!(life("8 100", "other boot-0 pid:[1]"), Life::Elsewhere);
        assert_eq!(life("8 100", "box boot-1 pid:[2]"), Life::Elsewhere, "its processes cannot be seen");
        assert_eq!(life("nonsense", here), Life::Elsewhere);
    }

    #[test]
    fn this_process_lives_and_its_labels_and_line_lead_back_to_it() {
        let owner = Owner::this_process("quickstart-1");
        assert_eq!(owner.life(), Life::Lives);
        assert_eq!(Owner::of(&owner.labels()), Some(owner.clone()));
        assert_eq!(Owner::from_line(&owner.line()), Some(owner.clone()));
        assert_eq!(Owner::from_line("a\tb"), None);
        assert_eq!(Owner::of(&HashMap::from([(RUN.to_owned(), "x".to_owned())])), None);
        let name = owner.name("nacos-0");
        assert!(name.starts_with("shakedown-nacos-0-") && name.len() == 26, "{name}");
        assert_ne!(name, Owner::this_process("quickstart-2").name("nacos-0"));
    }
}
