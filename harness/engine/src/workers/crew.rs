//! The harness' side of its workers: starts them, tells them what to do, hears what they say, and names one that fails.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shakedown_drivers::ClockPair;
use shakedown_load::mutator::Newest;
use shakedown_load::watchers::{FleetEnd, GroupAddresses, Progress};
use shakedown_model::fault::{Befallen, WatcherFault};
use shakedown_model::{GroupId, ItemId, Offset, Plan};
use shakedown_nacos::Peer;
use shakedown_nacos::tls::TlsMaterial;
use shakedown_record::{Clock, Recorder};
use shakedown_topology::{Part, PartConnections, PartPlace};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::message::{
    Beat, Ear, Heard, Mouth, Move, Order, PROTOCOL, Task, WireAddresses, WirePeer, Word, ends,
};

/// How long a worker may take to start and to take its task.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// A worker that says nothing for this long is held to be gone; it beats five times a second.
const SILENT_AFTER: Duration = Duration::from_secs(10);
/// How long it may take to carry out a fault.
const MOVED_WITHIN: Duration = Duration::from_secs(5);
/// How long it may take to end its watchers and to send the last of its history.
const ENDED_WITHIN: Duration = Duration::from_secs(20);
/// How long a process whose stream has ended may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// The workers could not be started.
#[derive(Debug, thiserror::Error)]
pub enum CrewError {
    /// No process, or no stream to it.
    #[error("cannot start a worker by `{program}`; look at the limits of processes and open files")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its log could not be made.
    #[error("cannot write the log `{path}`")]
    Log {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One did not come as far as its task.
    #[error("{0}")]
    NotReady(String),
}

/// What workers need to be started.
pub(crate) struct CrewPlace<'a> {
    /// This program, which has the command `worker`.
    pub(crate) program: &'a Path,
    /// Where their logs go.
    pub(crate) logs: &'a Path,
    /// Where snapshots go.
    pub(crate) snapshots: &'a Path,
    /// Where their blocks go.
    pub(crate) recorder: &'a Recorder,
}

/// The workers of a run; none is none. Dropping it ends them at once.
#[derive(Debug, Default)]
pub(crate) struct Crew {
    control: CrewControl,
}

/// A handle to the workers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct CrewControl {
    seats: Arc<[Arc<Seat>]>,
}

/// One worker.
#[derive(Debug)]
struct Seat {
    index: usize,
    process: u32,
    log: PathBuf,
    child: Mutex<Child>,
    mouth: Mouth,
    state: watch::Sender<State>,
}

/// What is known of a worker.
#[derive(Debug, Clone)]
struct State {
    is_ready: bool,
    heard: Instant,
    beat: Beat,
    /// The last fault that it has carried out.
    done: u64,
    /// The last fault that it was told.
    told: u64,
    end: Option<FleetEnd>,
    trouble: Option<String>,
}

impl Crew {
    /// Starts `count` workers, each with its own `addresses`, and waits until each has its task. Dropping the future ends those that were started.
    pub(crate) async fn start(
        count: u32,
        (plan, run_id): (&Plan, u64),
        addresses: &dyn Fn(u32) -> Vec<GroupAddresses>,
        (login_at, tls): (Option<Peer>, Option<&TlsMaterial>),
        place: CrewPlace<'_>,
    ) -> Result<Self, CrewError> {
        let mut crew = Self::default();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = u32::try_from(cores).unwrap_or(1).div_ceil(count.max(1));
        for index in 0..count {
            let seat = Seat::start(index, &place)?;
            crew.control.seats = crew.control.seats.iter().cloned().chain([Arc::clone(&seat)]).collect();
            let task = Task {
                protocol: PROTOCOL,
                index,
                of: count,
                threads,
                run_id,
                plan: plan.clone(),
                password: plan.server.login.as_ref().map(|login| login.password.reveal().to_owned()),
                tls: tls.cloned(),
                addresses: addresses(index).iter().map(WireAddresses::of).collect(),
                login_at: login_at.as_ref().map(WirePeer::of),
                snapshots: place.snapshots.to_owned(),
            };
            // What it does not take makes it fall silent, and that is found below.
            let telling = tokio::task::spawn_blocking(move || seat.tell(&Order::Task(Box::new(task))));
            drop(telling.await);
        }
        for seat in crew.control.seats.iter() {
            seat.ready().await.map_err(CrewError::NotReady)?;
        }
        Ok(crew)
    }

    /// The handle, to be cloned and given away.
    pub(crate) fn control(&self) -> &CrewControl {
        &self.control
    }

    /// Lets the watchers begin: their ramps start at `from` of the run's clock.
    pub(crate) fn begin(&self, clock: Clock, from: Offset) {
        let zero_ns = ClockPair::now().ns(clock.instant(Offset::ZERO));
        for seat in self.control.seats.iter() {
            seat.state.send_modify(|state| state.heard = Instant::now());
            seat.tell(&Order::Begin { zero_ns, from });
        }
    }

    /// Ends the watchers of every worker, and the workers: how each ended, or why that is not known.
    pub(crate) async fn stop(self) -> Vec<Result<FleetEnd, String>> {
        for seat in self.control.seats.iter() {
            seat.tell(&Order::Stop);
        }
        let mut ends = Vec::with_capacity(self.control.seats.len());
        for seat in self.control.seats.iter() {
            ends.push(seat.ended().await);
        }
        ends
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for seat in self.control.seats.iter() {
            seat.mouth.hang_up();
            let mut child = seat.child();
            // One that has ended by itself is what is wanted.
            drop(child.kill());
            if let Err(error) = child.wait() {
                tracing::warn!(worker = seat.index, %error, "a worker could not be waited for");
            }
        }
    }
}

impl CrewControl {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.seats.len()
    }

    /// What happened so far, as far as they have said.
    pub(crate) fn progress(&self) -> Progress {
        let mut sum = Progress::default();
        self.seats.iter().for_each(|seat| sum.add(&seat.state.borrow().beat.progress));
        sum
    }

    /// What befell the watchers of each group, per worker, as far as they have said.
    pub(crate) fn befallen(&self) -> Vec<Vec<Befallen>> {
        self.seats.iter().map(|seat| seat.state.borrow().beat.befallen.clone()).collect()
    }

    /// Why the run cannot go on, if a worker died, fell silent or lost records.
    pub(crate) fn failed(&self) -> Option<String> {
        self.seats.iter().find_map(|seat| seat.failed())
    }

    /// Tells what is to be held before a drain may end.
    pub(crate) fn drain(&self, newest: &[(ItemId, Newest)]) {
        for seat in self.seats.iter() {
            seat.tell(&Order::Drain { newest: newest.to_vec() });
        }
    }

    /// Whether the watchers of every worker hold it.
    pub(crate) fn has_converged(&self) -> bool {
        self.seats.iter().all(|seat| seat.state.borrow().beat.has_converged)
    }

    /// Crashes every watcher of these groups, and waits until that has happened everywhere.
    pub(crate) async fn crash(&self, groups: &[GroupId]) {
        self.each(Move::Crash, groups).await;
    }

    /// Starts the watchers of these groups again.
    pub(crate) async fn cold_start(&self, groups: &[GroupId]) {
        self.each(Move::ColdStart, groups).await;
    }

    /// Lets something befall a share of the watchers of these groups.
    pub(crate) async fn suffer(&self, groups: &[GroupId], fault: WatcherFault, share_ppm: u32) {
        self.each(Move::Suffer(fault, share_ppm), groups).await;
    }

    /// No longer.
    pub(crate) async fn recover(&self, groups: &[GroupId], fault: WatcherFault) {
        self.each(Move::Recover(fault), groups).await;
    }

    /// The workers, as a sampler finds them.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> {
        self.seats.iter().map(|seat| Part {
            name: format!("worker-{}", seat.index),
            place: PartPlace::Group(seat.process),
            connections: PartConnections::Unknown,
            tells_at: None,
        })
    }

    async fn each(&self, what: Move, groups: &[GroupId]) {
        for seat in self.seats.iter() {
            seat.state.send_modify(|state| state.told += 1);
            let number = seat.state.borrow().told;
            seat.tell(&Order::Move { number, what, groups: groups.to_vec() });
        }
        for seat in self.seats.iter() {
            seat.moved().await;
        }
    }
}

impl Seat {
    /// Starts a process in a group of its own, whose standard input is the stream to it.
    fn start(index: u32, place: &CrewPlace<'_>) -> Result<Arc<Self>, CrewError> {
        let log = place.logs.join(format!("worker-{index}.log"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(|source| CrewError::Log { path: log.clone(), source })?;
        let spawn_error = |source| CrewError::Spawn { program: place.program.to_owned(), source };
        let (own, its) = UnixStream::pair().map_err(spawn_error)?;
        let (ear, mouth) = ends(own).map_err(spawn_error)?;
        let child = Command::new(place.program)
            .arg("worker")
            .stdin(Stdio::from(OwnedFd::from(its)))
            .stdout(Stdio::null())
            .stderr(output)
            .process_group(0)
            .spawn()
            .map_err(spawn_error)?;
        let state = State {
            is_ready: false,
            heard: Instant::now(),
            beat: Beat::default(),
            done: 0,
            told: 0,
            end: None,
            trouble: None,
        };
        let seat = Arc::new(Self {
            index: usize::try_from(index).unwrap_or(usize::MAX),
            process: child.id(),
            log,
            child: Mutex::new(child),
            mouth,
            state: watch::Sender::new(state),
        });
        let (listening, recorder) = (Arc::clone(&seat), place.recorder.clone());
        std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || listening.listen(ear, &recorder))
            .map_err(spawn_error)?;
        Ok(seat)
    }

    /// Hears the worker to its end, on a thread of its own.
    fn listen(&self, mut ear: Ear, recorder: &Recorder) {
        let why = loop {
            match ear.hear() {
                Ok(Some(Heard::Message(word))) => self.state.send_modify(|state| state.hear(word)),
                Ok(Some(Heard::Block(block))) => {
                    self.state.send_modify(|state| state.heard = Instant::now());
                    if let Err(error) = recorder.append(block) {
                        break error.to_string();
                    }
                }
                Ok(None) => break format!("ended by itself{}", self.status()),
                Err(error) => break error.to_string(),
            }
        };
        self.state.send_modify(|state| {
            if state.end.is_none() {
                state.trouble.get_or_insert(why);
            }
        });
    }

    /// How the process ended whose stream is at its end, as words behind others.
    fn status(&self) -> String {
        let deadline = Instant::now() + GONE_WITHIN;
        loop {
            let status: Option<ExitStatus> = self.child().try_wait().ok().flatten();
            match status {
                Some(status) => return format!(" with {status}"),
                None if Instant::now() >= deadline => return String::new(),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Tells it something. What cannot be told shows as its end or its silence.
    fn tell(&self, order: &Order) {
        if let Err(error) = self.mouth.say(order) {
            tracing::warn!(worker = self.index, %error, "a worker takes no orders");
        }
    }

    /// Waits until it has its task.
    async fn ready(&self) -> Result<(), String> {
        let mut state = self.state.subscribe();
        let ready = state.wait_for(|state| state.is_ready || state.trouble.is_some());
        match timeout(READY_WITHIN, ready).await {
            Ok(Ok(state)) => match &state.trouble {
                Some(why) => Err(self.named(why)),
                None => Ok(()),
            },
            _ => Err(self.named(&format!("was not ready within {} s", READY_WITHIN.as_secs()))),
        }
    }

    /// Waits until it has carried out what it was told last.
    async fn moved(&self) {
        let mut state = self.state.subscribe();
        let moved = state.wait_for(|state| state.done >= state.told || state.trouble.is_some());
        if timeout(MOVED_WITHIN, moved).await.is_err() {
            let why = format!("did not carry out a fault within {} s", MOVED_WITHIN.as_secs());
            self.state.send_modify(|state| {
                state.trouble.get_or_insert(why);
            });
        }
    }

    /// Waits for its last word.
    async fn ended(&self) -> Result<FleetEnd, String> {
        let mut state = self.state.subscribe();
        let ended = state.wait_for(|state| state.end.is_some() || state.trouble.is_some());
        let state = match timeout(ENDED_WITHIN, ended).await {
            Ok(Ok(state)) => state.clone(),
            _ => return Err(self.named(&format!("did not end within {} s", ENDED_WITHIN.as_secs()))),
        };
        match (state.end, state.trouble) {
            (_, Some(why)) => Err(self.named(&why)),
            (Some(_), None) if state.beat.lost > 0 => Err(self.named(&lost(state.beat.lost))),
            (Some(end), None) => Ok(end),
            (None, None) => Err(self.named("said nothing at its end")),
        }
    }

    fn failed(&self) -> Option<String> {
        let state = self.state.borrow();
        if let Some(why) = &state.trouble {
            return Some(self.named(why));
        }
        if state.beat.lost > 0 {
            return Some(self.named(&lost(state.beat.lost)));
        }
        let silent = state.heard.elapsed();
        (silent > SILENT_AFTER && state.end.is_none())
            .then(|| self.named(&format!("has said nothing for {:.1} s", silent.as_secs_f64())))
    }

    /// Who it is and what is wrong with it.
    fn named(&self, why: &str) -> String {
        let name = self.log.file_name().unwrap_or_default().to_string_lossy();
        format!("worker {} (process {}) {why}; see {name} among the run's logs", self.index, self.process)
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost(records: u64) -> String {
    format!("lost {records} records, because nobody took them in time")
}

impl State {
    fn hear(&mut self, word: Word) {
        self.heard = Instant::now();
        match word {
            Word::Hello { protocol: PROTOCOL, .. } => {}
            Word::Hello { protocol, version } => {
                self.trouble = Some(format!(
                    "is shakedown {version}, which speaks version {protocol} of the worker protocol and not {PROTOCOL}: \
                     was the program replaced meanwhile?"
                ));
            }
            Word::Ready => self.is_ready = true,
            Word::Beat(beat) => self.beat = beat,
            Word::Done { number } => self.done = number,
            Word::Ended { end, lost } => {
                self.beat.lost = lost;
                self.beat.progress = end.progress;
                self.end = Some(end);
            }
            Word::Failed { why } => self.trouble = Some(format!("failed: {why}")),
        }
    }
}
