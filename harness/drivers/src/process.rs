//! A driver that runs: a child process in its own process group, a task for each of its standard streams.

mod error;
mod lines;
mod log;

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

pub use error::DriverError;

use crate::clock::monotonic_ns;
use crate::launch::{Launch, ProcessGuard};
use crate::protocol::{Command, Event, Hello, PROTOCOL, What};
use lines::Lines;
use log::Log;

/// Commands that may wait for a driver to read them.
const COMMANDS: usize = 4096;
/// Events that may wait for the harness; beyond them the driver's pipe fills, and its writes wait.
const EVENTS: usize = 4096;
/// How long a driver may take to say `hello`: a cold Java machine on a busy processor.
const HELLO_WITHIN: Duration = Duration::from_secs(60);
/// How long an answer to `clock` may take.
const CLOCK_WITHIN: Duration = Duration::from_secs(10);
/// How long a driver may take to end in order (docs/driver-protocol.md).
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(5);

/// How long the end of a driver's log may come after its own: somebody else may hold the other end of that pipe.
const LOG_WITHIN: Duration = Duration::from_secs(1);

/// Where a driver runs.
#[derive(Debug, Clone)]
pub struct Place {
    /// What it is called in messages, such as `go-0`.
    pub label: String,
    /// Its working directory, which exists; one that runs in the harness' own folder does not use it.
    pub scratch: PathBuf,
    /// Where its standard error goes, at the end of what is there; of a long one the beginning and the end.
    pub log: PathBuf,
    /// Who ends it when the harness is gone, if somebody does.
    pub guard: Option<Arc<dyn ProcessGuard>>,
}

/// What came from a driver, and when it was read (nanoseconds of `CLOCK_MONOTONIC`).
#[derive(Debug)]
pub struct Incoming {
    /// When the harness had read it.
    pub received_ns: u64,
    /// What: an event, or why nothing more will come.
    pub what: Result<Event, DriverError>,
}

/// How a driver ended that was told to.
#[derive(Debug)]
pub enum Stopped {
    /// In order, within its time and with code 0.
    InOrder,
    /// Otherwise.
    Otherwise(DriverError),
}

/// A driver that runs. Dropping it kills its process group.
#[derive(Debug)]
pub struct DriverProcess {
    hello: Hello,
    commands: Option<mpsc::Sender<String>>,
    incoming: mpsc::Receiver<Incoming>,
    own: OwnGroup,
    place: Place,
}

impl DriverProcess {
    /// Starts a driver, waits for its `hello` and compares its clock. Must be called within a runtime.
    ///
    /// # Errors
    /// [`DriverError`]; the process is gone then.
    pub async fn start(launch: &Launch, place: Place) -> Result<Self, DriverError> {
        let (own, stdin, stdout) = spawn(launch, &place)?;
        let (commands, to_write) = mpsc::channel(COMMANDS);
        let (sender, incoming) = mpsc::channel(EVENTS);
        tokio::spawn(write_commands(stdin, to_write));
        tokio::spawn(read_events(place.label.clone(), stdout, sender));
        let nobody = Hello {
            protocol: 0,
            driver: String::new(),
            sdk: String::new(),
            sdk_version: String::new(),
            runtime: String::new(),
        };
        let mut process = Self { hello: nobody, commands: Some(commands), incoming, own, place };
        process.hello = process.read_hello().await?;
        process.check_clock().await?;
        Ok(process)
    }

    /// What it said of itself.
    #[must_use]
    pub const fn hello(&self) -> &Hello {
        &self.hello
    }

    /// What it is called in messages.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.place.label
    }

    /// Its process group, which has its process id.
    #[must_use]
    pub const fn group(&self) -> u32 {
        self.own.group
    }

    /// Tells the driver something.
    ///
    /// # Errors
    /// [`DriverError::NotReading`] when 4,096 commands wait already. One that has ended is no error here: it is told by
    /// [`DriverProcess::next`].
    pub fn send(&self, command: &Command) -> Result<(), DriverError> {
        self.send_line(command.line())
    }

    /// As [`DriverProcess::send`], a line of any text, which ends in a line break.
    ///
    /// # Errors
    /// As [`DriverProcess::send`].
    pub fn send_line(&self, line: String) -> Result<(), DriverError> {
        match self.commands.as_ref().map(|commands| commands.try_send(line)) {
            Some(Err(mpsc::error::TrySendError::Full(_))) => {
                Err(DriverError::NotReading { driver: self.place.label.clone(), waiting: COMMANDS })
            }
            _ => Ok(()),
        }
    }

    /// The next thing that comes from it. After an error nothing more comes. Cancel-safe.
    pub async fn next(&mut self) -> Incoming {
        if let Some(incoming) = self.incoming.recv().await {
            return incoming;
        }
        let status = self.own.wait().await;
        let what = Err(DriverError::ended(&self.place, status));
        Incoming { received_ns: monotonic_ns(), what }
    }

    /// Asks for the time and compares it with the clock here: the answer must lie between the question and its coming.
    /// What else comes meanwhile is lost, so this is for the start and the end.
    ///
    /// # Errors
    /// [`DriverError::Clock`], and whatever may come instead of an answer.
    pub async fn check_clock(&mut self) -> Result<(), DriverError> {
        let asked = monotonic_ns();
        self.send(&Command::Clock)?;
        let deadline = Instant::now() + CLOCK_WITHIN;
        loop {
            let Ok(Incoming { received_ns, what }) = timeout_at(deadline, self.next()).await else {
                return Err(DriverError::silent(&self.place, "clock", CLOCK_WITHIN));
            };
            let event = what?;
            if matches!(event.what, What::Clock) {
                let driver = self.place.label.clone();
                let is_ours = (asked..=received_ns).contains(&event.at);
                let told = event.at;
                return if is_ours {
                    Ok(())
                } else {
                    Err(DriverError::Clock { driver, asked, told, received: received_ns })
                };
            }
        }
    }

    /// Ends it in order: `stop`, 5 s, then SIGKILL.
    pub async fn stop(mut self) -> Stopped {
        if let Err(error) = self.send(&Command::Stop) {
            return Stopped::Otherwise(error);
        }
        self.wait_for_end().await
    }

    /// Closes its standard input, which means the same as `stop`.
    pub async fn hang_up(mut self) -> Stopped {
        self.commands = None;
        self.wait_for_end().await
    }

    /// Kills it and waits until it is gone.
    pub async fn kill(mut self) {
        self.own.kill();
        if let Err(error) = self.own.child.wait().await {
            tracing::warn!(driver = self.place.label, %error, "a driver could not be waited for");
        }
    }

    async fn wait_for_end(&mut self) -> Stopped {
        let deadline = Instant::now() + STOP_WITHIN;
        loop {
            // What it still has to tell is read, or it might wait for room in its pipe.
            match timeout_at(deadline, self.incoming.recv()).await {
                Ok(Some(Incoming { what: Err(error), .. })) if !error.is_end() => {
                    return Stopped::Otherwise(error);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return Stopped::Otherwise(DriverError::silent(&self.place, "stop", STOP_WITHIN)),
            }
        }
        match timeout(deadline.saturating_duration_since(Instant::now()), self.own.wait()).await {
            Err(_) => Stopped::Otherwise(DriverError::silent(&self.place, "stop", STOP_WITHIN)),
            Ok(Some(status)) if status.success() => Stopped::InOrder,
            Ok(status) => Stopped::Otherwise(DriverError::ended(&self.place, status)),
        }
    }

    async fn read_hello(&mut self) -> Result<Hello, DriverError> {
        let Ok(Incoming { what, .. }) = timeout(HELLO_WITHIN, self.next()).await else {
            return Err(DriverError::silent(&self.place, "hello", HELLO_WITHIN));
        };
        match what?.what {
            What::Hello(hello) if hello.protocol == PROTOCOL => Ok(hello),
            What::Hello(hello) => {
                Err(DriverError::Protocol { driver: self.place.label.clone(), speaks: hello.protocol })
            }
            other => Err(DriverError::NoHello {
                driver: self.place.label.clone(),
                first: serde_json::to_string(&other).unwrap_or_default(),
            }),
        }
    }
}

fn spawn(launch: &Launch, place: &Place) -> Result<(OwnGroup, ChildStdin, ChildStdout), DriverError> {
    let log_error = |source| DriverError::Log { path: place.log.clone(), source };
    let log = Log::open(&place.log).map_err(log_error)?;
    let mut command = tokio::process::Command::new(&launch.program);
    command
        .args(&launch.arguments)
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if !launch.runs_here {
        command.current_dir(&place.scratch);
    }
    let error = |source| DriverError::Spawn { driver: place.label.clone(), command: launch.shown(), source };
    let mut child = command.spawn().map_err(error)?;
    let no_pipe = || error(io::Error::other("it has no standard streams"));
    let stdin = child.stdin.take().ok_or_else(no_pipe)?;
    let stdout = child.stdout.take().ok_or_else(no_pipe)?;
    let stderr = child.stderr.take().ok_or_else(no_pipe)?;
    let log = tokio::spawn(log::keep(place.label.clone(), stderr, log));
    Ok((OwnGroup::new(child, log, place.guard.clone())?, stdin, stdout))
}

/// A child with its process group. Dropping it kills the group.
#[derive(Debug)]
struct OwnGroup {
    child: Child,
    /// Writes its log, until nobody writes to it.
    log: Option<JoinHandle<()>>,
    group: u32,
    guard: Option<Arc<dyn ProcessGuard>>,
}

impl OwnGroup {
    fn new(
        child: Child,
        log: JoinHandle<()>,
        guard: Option<Arc<dyn ProcessGuard>>,
    ) -> Result<Self, DriverError> {
        let group = child.id().unwrap_or(0);
        let own = Self { child, log: Some(log), group, guard };
        if let Some(guard) = &own.guard {
            guard.watch(group).map_err(DriverError::Guard)?;
        }
        Ok(own)
    }

    /// Waits for its end, and then for that of its log. Cancel-safe.
    async fn wait(&mut self) -> Option<ExitStatus> {
        let status = self.child.wait().await.ok();
        if let Some(log) = &mut self.log
            && timeout(LOG_WITHIN, log).await.is_ok()
        {
            self.log = None;
        }
        status
    }

    fn kill(&self) {
        // What the driver started may live on after it, in its group.
        if let Some(pid) = i32::try_from(self.group).ok().and_then(Pid::from_raw) {
            // A group that is gone already is what is wanted.
            let _is_there = kill_process_group(pid, Signal::KILL).is_ok();
        }
    }
}

impl Drop for OwnGroup {
    fn drop(&mut self) {
        self.kill();
        if let Some(guard) = &self.guard {
            guard.forget(self.group);
        }
    }
}

async fn write_commands(mut stdin: ChildStdin, mut lines: mpsc::Receiver<String>) {
    while let Some(line) = lines.recv().await {
        // A driver that is gone is noticed by the end of its output.
        if stdin.write_all(line.as_bytes()).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn read_events(label: String, stdout: ChildStdout, sender: mpsc::Sender<Incoming>) {
    let mut lines = Lines::new(stdout);
    loop {
        let line = lines.next().await;
        let received_ns = monotonic_ns();
        let what = match line {
            Ok(Some(line)) => Event::parse(&line)
                .map_err(|error| DriverError::bad_line(&label, lines.number(), &line, &error)),
            // The process' end tells more than the end of its output.
            Ok(None) => return,
            Err(error) => {
                Err(DriverError::Unreadable { driver: label.clone(), line: lines.number(), why: error })
            }
        };
        let is_over = what.is_err();
        if sender.send(Incoming { received_ns, what }).await.is_err() || is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
