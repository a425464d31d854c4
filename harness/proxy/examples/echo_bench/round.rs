//! One round: connect, echo, add a latency, cut.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Options;
use crate::proxies::Served;

/// The latency that is added to see when it holds, and how late delayed bytes are.
const LATENCY: Duration = Duration::from_millis(50);
/// Over how long the connections spread their echoes under that latency.
const SPREAD: Duration = Duration::from_secs(2);
/// Handshakes at once.
const HANDSHAKES: usize = 200;

/// What one round found of one proxy.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Round {
    pub(crate) direct_p50_us: f64,
    pub(crate) direct_p99_us: f64,
    pub(crate) added_p50_us: f64,
    pub(crate) added_p99_us: f64,
    pub(crate) direct_busy_p50_us: f64,
    pub(crate) direct_busy_p99_us: f64,
    pub(crate) added_busy_p50_us: f64,
    pub(crate) added_busy_p99_us: f64,
    pub(crate) direct_bulk_ms: f64,
    pub(crate) bulk_ms: f64,
    pub(crate) idle_kib: f64,
    pub(crate) latency_holds_ms: f64,
    pub(crate) latency_gone_ms: f64,
    pub(crate) not_held: f64,
    pub(crate) late_p50_us: f64,
    pub(crate) late_p99_us: f64,
    /// No number for Toxiproxy, which does not say.
    pub(crate) timers_late_percent: f64,
    pub(crate) cut_answered_ms: f64,
    pub(crate) cut_ms: f64,
    pub(crate) beside_cut_ms: f64,
    pub(crate) seen_as_reset: f64,
}

/// How long echoes took, ascending.
#[derive(Debug, Clone)]
pub(crate) struct Took(Vec<Duration>);

impl Took {
    fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        Self(took)
    }

    /// The percentile in microseconds.
    fn micros(&self, percent: usize) -> f64 {
        let last = self.0.len() - 1;
        self.0[last * percent / 100].as_secs_f64() * 1e6
    }
}

/// What a round costs without a proxy.
#[derive(Debug, Clone)]
pub(crate) struct Direct {
    alone: Took,
    busy: Took,
    bulk: Duration,
}

/// Measures without a proxy.
pub(crate) async fn direct(address: SocketAddr, options: &Options) -> io::Result<Direct> {
    let mut streams = connect(address, options.in_flight).await?;
    let alone = run_echoes(&mut streams, 1, options).await?;
    let busy = run_echoes(&mut streams, options.in_flight, options).await?;
    Ok(Direct { alone, busy, bulk: bulk(address, options.bulk).await? })
}

/// Measures one proxy; `direct` are the echoes of this round without one.
pub(crate) async fn measure(
    proxy: &Served,
    direct: &Direct,
    options: &Options,
) -> Result<Round, Box<dyn Error>> {
    let mut streams = connect(proxy.listen, options.connections).await?;
    proxy.settle()?;
    let grown = proxy.rss_bytes()?.saturating_sub(proxy.rss_before);
    let alone = run_echoes(&mut streams, 1, options).await?;
    let busy = run_echoes(&mut streams, options.in_flight, options).await?;
    let mut round = Round {
        direct_p50_us: direct.alone.micros(50),
        direct_p99_us: direct.alone.micros(99),
        added_p50_us: alone.micros(50) - direct.alone.micros(50),
        added_p99_us: alone.micros(99) - direct.alone.micros(99),
        direct_busy_p50_us: direct.busy.micros(50),
        direct_busy_p99_us: direct.busy.micros(99),
        added_busy_p50_us: busy.micros(50) - direct.busy.micros(50),
        added_busy_p99_us: busy.micros(99) - direct.busy.micros(99),
        direct_bulk_ms: direct.bulk.as_secs_f64() * 1e3,
        idle_kib: count(usize::try_from(grown)?) / 1024.0 / f64::from(options.connections),
        timers_late_percent: f64::NAN,
        ..Round::default()
    };
    let streams = delay(proxy, streams, &mut round).await?;
    cut(proxy, streams, &mut round).await?;
    // Last, because it leaves nothing of the connections in the processor's caches.
    round.bulk_ms = bulk(proxy.listen, options.bulk).await?.as_secs_f64() * 1e3;
    Ok(round)
}

/// Tells when a latency holds, and how late what it delays is.
async fn delay(
    proxy: &Served,
    streams: Vec<TcpStream>,
    round: &mut Round,
) -> Result<Vec<TcpStream>, Box<dyn Error>> {
    let fires = if proxy.api.is_embedded { proxy.api.timer_fires()? } else { (0, 0) };
    let start = Instant::now();
    proxy.api.add_latency(u64::try_from(LATENCY.as_millis())?)?;
    round.latency_holds_ms = start.elapsed().as_secs_f64() * 1e3;
    let apart = SPREAD / u32::try_from(streams.len())?;
    let begin = tokio::time::Instant::now();
    let mut tasks = JoinSet::new();
    for (n, mut stream) in (0..).zip(streams) {
        tasks.spawn(async move {
            tokio::time::sleep_until(begin + apart * n).await;
            let took = echo(&mut stream, &mut [1; 128]).await?;
            Ok::<_, io::Error>((stream, took))
        });
    }
    let (mut streams, mut took) = (Vec::new(), Vec::new());
    while let Some(ended) = tasks.join_next().await {
        let (stream, each) = ended??;
        streams.push(stream);
        took.push(each);
    }
    round.not_held = count(took.iter().filter(|took| **took < LATENCY).count());
    let late = Took::of(took.into_iter().map(|took| took.saturating_sub(LATENCY)).collect());
    (round.late_p50_us, round.late_p99_us) = (late.micros(50), late.micros(99));
    if proxy.api.is_embedded {
        let (all, late) = proxy.api.timer_fires()?;
        round.timers_late_percent =
            count(usize::try_from(late - fires.1)?) * 100.0 / count(usize::try_from(all - fires.0)?.max(1));
    }
    let start = Instant::now();
    proxy.api.remove_latency()?;
    round.latency_gone_ms = start.elapsed().as_secs_f64() * 1e3;
    Ok(streams)
}

/// Tells when every connection has seen the cut, and as what, and what an echo beside them suffers from it.
async fn cut(proxy: &Served, streams: Vec<TcpStream>, round: &mut Round) -> Result<(), Box<dyn Error>> {
    let mut tasks = JoinSet::new();
    for mut stream in streams {
        tasks.spawn(async move {
            let ended = stream.read(&mut [0]).await;
            (ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset), Instant::now())
        });
    }
    let beside = Beside::start(proxy.beside)?;
    let api = proxy.api;
    let start = Instant::now();
    let cutting = tokio::task::spawn_blocking(move || api.cut().map(|()| start.elapsed()));
    let (mut resets, mut last) = (0, start);
    while let Some(ended) = tasks.join_next().await {
        let (is_reset, at) = ended?;
        resets += usize::from(is_reset);
        last = last.max(at);
    }
    round.cut_answered_ms = cutting.await??.as_secs_f64() * 1e3;
    round.cut_ms = last.duration_since(start).as_secs_f64() * 1e3;
    round.beside_cut_ms = beside.worst()?.as_secs_f64() * 1e3;
    round.seen_as_reset = count(resets);
    Ok(api.heal_cut()?)
}

/// A thread that sends one echo after the other, on a connection that no cut is meant for.
struct Beside {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Duration>>,
}

impl Beside {
    fn start(address: SocketAddr) -> io::Result<Self> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_over);
        let mut echo = move || {
            let start = Instant::now();
            stream.write_all(&[1; 128])?;
            stream.read_exact(&mut [0; 128])?;
            Ok::<_, io::Error>(start.elapsed())
        };
        echo()?;
        let thread = std::thread::spawn(move || {
            let mut worst = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                worst = worst.max(echo()?);
            }
            Ok(worst)
        });
        Ok(Self { is_over, thread })
    }

    fn worst(self) -> io::Result<Duration> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread beside panicked")))
    }
}

async fn connect(address: SocketAddr, connections: u32) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::new();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        if tasks.len() == HANDSHAKES
            && let Some(stream) = tasks.join_next().await
        {
            streams.push(stream??);
        }
        tasks.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            // So that the way to the upstream stands.
            echo(&mut stream, &mut [1; 1]).await?;
            Ok::<_, io::Error>(stream)
        });
    }
    while let Some(stream) = tasks.join_next().await {
        streams.push(stream??);
    }
    Ok(streams)
}

/// How long so many MiB take over one connection and back.
async fn bulk(address: SocketAddr, mebibytes: u32) -> io::Result<Duration> {
    let (mut reader, mut writer) = connect(address, 1).await?.remove(0).into_split();
    let start = Instant::now();
    let writing = tokio::spawn(async move {
        let block = vec![1; 64 * 1024];
        for _ in 0..mebibytes * 16 {
            writer.write_all(&block).await?;
        }
        Ok::<_, io::Error>(writer)
    });
    let mut left = u64::from(mebibytes) << 20;
    let mut block = vec![0; 64 * 1024];
    while left > 0 {
        match reader.read(&mut block).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            len => left -= len as u64,
        }
    }
    let took = start.elapsed();
    writing.await.map_err(io::Error::other)?.map(drop)?;
    Ok(took)
}

/// The echoes of a round, over as many of `streams` as have one under way at once.
async fn run_echoes(streams: &mut Vec<TcpStream>, at_once: u32, options: &Options) -> io::Result<Took> {
    let busy = streams.len().min(at_once as usize);
    let each = (options.requests as usize).div_ceil(busy);
    let mut tasks = JoinSet::new();
    for mut stream in streams.drain(..busy) {
        let mut bytes = vec![1; options.bytes as usize];
        tasks.spawn(async move {
            let mut took = Vec::with_capacity(each);
            for _ in 0..each {
                took.push(echo(&mut stream, &mut bytes).await?);
            }
            Ok::<_, io::Error>((stream, took))
        });
    }
    let mut took = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let (stream, each) = ended??;
        streams.push(stream);
        took.extend(each);
    }
    Ok(Took::of(took))
}

async fn echo(stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<Duration> {
    let start = Instant::now();
    stream.write_all(bytes).await?;
    stream.read_exact(bytes).await?;
    Ok(start.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}
