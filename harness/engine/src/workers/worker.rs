//! The process of a worker: takes its task, runs its share of the watchers, sends what they saw.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use shakedown_drivers::ClockPair;
use shakedown_load::mutator::Newest;
use shakedown_load::watchers::{Fleet, FleetConfig, FleetControl, FleetError};
use shakedown_model::division::Share;
use shakedown_model::secrets::Secret;
use shakedown_model::{ItemId, Offset};
use shakedown_nacos::tls::TlsError;
use shakedown_record::{Block, BlockSink, Clock, HistoryWriter, Recorder, RecorderError};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval};

use super::message::{BEAT, Beat, Ear, Heard, Mouth, Move, Order, PROTOCOL, Peers, Task, Word, ends};
use crate::health::{self, ReceiveProbeError};
use crate::machine;
use crate::publisher::{self, PUBLISH_TIMEOUT};

/// Orders that may wait; the harness waits for more room.
const WAITING_ORDERS: usize = 16;
/// The open block of the history goes out every so many beats, once a second, so that a run that is killed loses little.
const BEATS_PER_FLUSH: u32 = 5;

/// A worker could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Nobody told it what to do.
    #[error("a worker is started by `shakedown run`, which tells it on standard input what to do: {0}")]
    NoTask(String),
    /// The harness is gone.
    #[error("the harness cannot be reached")]
    Stream(#[source] io::Error),
    /// The harness speaks another protocol.
    #[error("the harness speaks version {0} of the worker protocol and not {PROTOCOL}")]
    Protocol(u32),
    /// No threads.
    #[error("cannot start the runtime's threads")]
    Runtime(#[source] io::Error),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The watchers.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The samplers of lateness.
    #[error(transparent)]
    Lateness(#[from] ReceiveProbeError),
    /// The history.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
}

/// A worker's whole life. `version` is that of the program; standard input is the stream to the harness.
///
/// It ends with its task, and at once when the harness is gone, however that ended.
///
/// # Errors
/// [`WorkerError`], which the harness was told if it could be.
pub fn worker_main(version: &str) -> Result<(), WorkerError> {
    machine::raise_open_files();
    let stream = io::stdin().as_fd().try_clone_to_owned().map_err(WorkerError::Stream)?;
    serve(UnixStream::from(stream), version)
}

/// The same over any stream.
pub(super) fn serve(stream: UnixStream, version: &str) -> Result<(), WorkerError> {
    let (mut ear, mouth) = ends(stream).map_err(|error| WorkerError::NoTask(error.to_string()))?;
    let hello = Word::Hello { protocol: PROTOCOL, version: version.to_owned() };
    mouth.say(&hello).map_err(|error| WorkerError::NoTask(error.to_string()))?;
    let done = task(&mut ear).and_then(|task| work(task, ear, &mouth));
    if let Err(error) = &done {
        // The harness may be gone, and then nobody needs to know.
        drop(mouth.say(&Word::Failed { why: with_cause(error) }));
    }
    done
}

fn task(ear: &mut Ear) -> Result<Task, WorkerError> {
    match ear.hear() {
        Ok(Some(Heard::Message(Order::Task(task)))) if task.protocol == PROTOCOL => Ok(*task),
        Ok(Some(Heard::Message(Order::Task(task)))) => Err(WorkerError::Protocol(task.protocol)),
        Ok(Some(_)) => Err(WorkerError::NoTask("something else came first".to_owned())),
        Ok(None) => Err(WorkerError::NoTask("it ended before".to_owned())),
        Err(error) => Err(WorkerError::NoTask(error.to_string())),
    }
}

fn work(task: Task, ear: Ear, mouth: &Mouth) -> Result<(), WorkerError> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads
        .worker_threads(usize::try_from(task.threads).unwrap_or(1).max(1))
        .enable_all()
        .build()
        .map_err(WorkerError::Runtime)?;
    let (sender, orders) = channel(WAITING_ORDERS);
    let listen = move || obey(ear, &sender);
    std::thread::Builder::new().name("orders".into()).spawn(listen).map_err(WorkerError::Runtime)?;
    runtime.block_on(run(task, orders, mouth))
}

/// Hears orders and hands them on. When the harness is gone there is nobody to work for, whatever the runtime does.
fn obey(mut ear: Ear, orders: &Sender<Order>) {
    loop {
        let order = match ear.hear() {
            Ok(Some(Heard::Message(order))) => order,
            Ok(Some(Heard::Block(_))) => end("the harness sent a block, which only workers do"),
            Ok(None) => end("the harness is gone"),
            Err(error) => end(&error.to_string()),
        };
        let is_last = matches!(order, Order::Stop);
        if orders.blocking_send(order).is_err() || is_last {
            return;
        }
    }
}

#[expect(clippy::exit, reason = "what runs here runs for nobody, and may not even listen")]
fn end(why: &str) -> ! {
    tracing::error!(why, "the worker ends");
    std::process::exit(1)
}

/// Takes the beginning, and works to the end.
async fn run(task: Task, mut orders: Receiver<Order>, mouth: &Mouth) -> Result<(), WorkerError> {
    mouth.say(&Word::Ready).map_err(WorkerError::Stream)?;
    let Some(Order::Begin { zero_ns, from }) = orders.recv().await else {
        // Stopped before anything began.
        return Ok(());
    };
    let clock = Clock::since(ClockPair::now().instant(zero_ns));
    let history = HistoryWriter::into_sink(Sent(mouth.clone())).map_err(WorkerError::Runtime)?;
    let recorder = history.recorder();
    let fleet = Fleet::start(fleet_config(task, (clock, from), &recorder)?)?;
    let mut lateness = health::sample_lateness(clock, recorder.clone())?;
    attend(fleet.control(), &recorder, &mut orders, mouth).await?;
    let end = fleet.stop().await;
    lateness.shutdown().await;
    // What was lost is told below; that nothing could be sent would be heard by nobody.
    match tokio::task::spawn_blocking(move || history.finish()).await {
        Ok(Err(RecorderError::Lost(_)) | Ok(())) | Err(_) => {}
        Ok(Err(error)) => return Err(error.into()),
    }
    mouth.say(&Word::Ended { end, lost: recorder.lost() }).map_err(WorkerError::Stream)
}

pub(super) fn fleet_config(
    task: Task,
    (clock, from): (Clock, Offset),
    recorder: &Recorder,
) -> Result<FleetConfig, WorkerError> {
    let Task { index, of, run_id, mut plan, password, tls, addresses, login_at, snapshots, .. } = task;
    if let (Some(login), Some(password)) = (&mut plan.server.login, password) {
        login.password = Secret::new(password);
    }
    let peers = Peers::of(&plan, tls.as_ref())?;
    let login_at = login_at.map(|peer| peers.http(&peer)).transpose()?;
    let login = login_at.map(|peer| publisher::admin_at(&plan.server, peer, PUBLISH_TIMEOUT));
    Ok(FleetConfig {
        run_id,
        share: Share::Worker { index, of },
        addresses: addresses.iter().map(|group| peers.group(group)).collect::<Result<_, _>>()?,
        clock,
        from,
        recorder: recorder.clone(),
        snapshots,
        login,
        plan: Arc::new(plan),
    })
}

/// Says how things stand, and carries out orders, until the last.
async fn attend(
    fleet: &FleetControl,
    recorder: &Recorder,
    orders: &mut Receiver<Order>,
    mouth: &Mouth,
) -> Result<(), WorkerError> {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut awaited: Option<Vec<(ItemId, Newest)>> = None;
    let mut nth = 0_u32;
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None | Some(Order::Stop) => return Ok(()),
                Some(Order::Move { number, what, groups }) => {
                    match what {
                        Move::Crash => fleet.crash(&groups),
                        Move::ColdStart => fleet.cold_start(&groups),
                        Move::Suffer(fault, share_ppm) => fleet.suffer(&groups, fault, share_ppm),
                        Move::Recover(fault) => fleet.recover(&groups, fault),
                    }
                    say(mouth, Word::Done { number }).await?;
                }
                Some(Order::Drain { newest }) => awaited = Some(newest),
                Some(Order::Task(_) | Order::Begin { .. }) => {
                    return Err(WorkerError::NoTask("it was told to begin twice".to_owned()));
                }
            },
            _ = beats.tick() => {
                nth = nth.wrapping_add(1);
                if nth.is_multiple_of(BEATS_PER_FLUSH) {
                    recorder.flush();
                }
                if let Some(why) = fleet.failed().or_else(|| recorder.failure()) {
                    say(mouth, Word::Failed { why }).await?;
                }
                let has_converged = awaited.as_ref().is_some_and(|newest| fleet.converged(newest));
                let (progress, befallen) = (fleet.progress(), fleet.befallen());
                let beat = Beat { progress, has_converged, lost: recorder.lost(), befallen };
                say(mouth, Word::Beat(beat)).await?;
            }
        }
    }
}

/// Says something without holding the watchers up while the harness has no room for it.
async fn say(mouth: &Mouth, word: Word) -> Result<(), WorkerError> {
    let mouth = mouth.clone();
    let said = tokio::task::spawn_blocking(move || mouth.say(&word)).await;
    said.unwrap_or_else(|_| Err(io::Error::other("its thread panicked"))).map_err(WorkerError::Stream)
}

/// A history that the harness writes down.
struct Sent(Mouth);

impl BlockSink for Sent {
    fn block(&mut self, block: &Block) -> io::Result<()> {
        self.0.send(block)
    }

    /// The last word tells whether it is whole.
    fn end(&mut self, _is_whole: bool) -> io::Result<()> {
        Ok(())
    }
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
