//! The receive queue's lag: how long bytes that have arrived wait until a task of the watchers' runtime has read them.
//!
//! A thread of its own stamps and sends 8 bytes every 10 ms over a loopback connection, whose reader is a task like the
//! watchers': the same epoll, the same scheduler. What lies between the stamp before the send and the stamp after the
//! read is the lag. It holds the way through loopback, too, and the thread when it is held up between stamp and send;
//! both are microseconds on a machine that keeps up. A thread that wakes late sends once, not as often as it missed:
//! that nothing ran at all is for the scheduler's lag to tell.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use shakedown_model::Offset;
use shakedown_model::event::Event;
use shakedown_model::time::nanos;
use shakedown_record::{Clock, Recorder};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// The thread sends this often, on a grid from its start.
const SEND_PERIOD: Duration = Duration::from_millis(10);

/// The probe could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveProbeError {
    /// The machine gives no connection to itself.
    #[error("the probe of the receive queue has no connection on loopback; look at the limit of open files")]
    Connection(#[source] io::Error),
    /// The machine gives no thread.
    #[error("the probe of the receive queue has no thread of its own; look at the limit of threads")]
    Thread(#[source] io::Error),
}

/// The reading end of the probe. Dropping it, or the future of [`ReceiveProbe::sample`], ends the sending thread.
#[derive(Debug)]
pub(crate) struct ReceiveProbe {
    stream: TcpStream,
    clock: Clock,
}

impl ReceiveProbe {
    /// Connects and starts the thread. Must be called within the watchers' runtime.
    pub(crate) fn start(clock: Clock) -> Result<Self, ReceiveProbeError> {
        let (sender, reader) = pair().map_err(ReceiveProbeError::Connection)?;
        let stream = TcpStream::from_std(reader).map_err(ReceiveProbeError::Connection)?;
        std::thread::Builder::new()
            .name("receive-probe".into())
            .spawn(move || send(sender, clock))
            .map_err(ReceiveProbeError::Thread)?;
        Ok(Self { stream, clock })
    }

    /// Records the lag of everything that is sent, for ever.
    pub(crate) async fn sample(mut self, recorder: Recorder) {
        // Each stamp is read by itself: those that a stall has kept waiting have waited less and less long.
        while let Ok(sent) = self.stream.read_u64().await {
            let (sent, now) = (Offset(sent), self.clock.now());
            recorder.record(Event::ReceiveLag { sent, late_ns: nanos(now.since(sent)) });
        }
        tracing::warn!("the probe of the receive queue has lost its connection");
    }
}

/// The two ends of a connection, the second for a runtime. Nobody else can come between: a stranger's connection has
/// another address.
fn pair() -> io::Result<(std::net::TcpStream, std::net::TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let sender = std::net::TcpStream::connect(listener.local_addr()?)?;
    sender.set_nodelay(true)?;
    let reader = loop {
        let (reader, peer) = listener.accept()?;
        if peer == sender.local_addr()? {
            break reader;
        }
    };
    reader.set_nonblocking(true)?;
    Ok((sender, reader))
}

/// Sends stamps until the reader is gone.
fn send(mut sender: std::net::TcpStream, clock: Clock) {
    let mut due = clock.now();
    while sender.write_all(&clock.now().0.to_be_bytes()).is_ok() {
        let now = clock.now();
        due = due + SEND_PERIOD;
        if due < now {
            due = now + SEND_PERIOD;
        }
        std::thread::sleep(due.since(now));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Lets a probe sample on a runtime of one thread until `is_enough`, looking after every `turn`.
    fn sample_until(is_enough: impl Fn(&[(Offset, u64)]) -> bool, turn: impl Fn()) -> Vec<(Offset, u64)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (recorder, history) = Recorder::in_memory();
        let lag = |event| match event {
            Event::ReceiveLag { sent, late_ns } => (sent, late_ns),
            other => panic!("{other:?}"),
        };
        runtime.block_on(async {
            let sampling = tokio::spawn(ReceiveProbe::start(Clock::start()).unwrap().sample(recorder));
            let deadline = Instant::now() + Duration::from_secs(20);
            loop {
                let lags: Vec<_> = history.events().into_iter().map(lag).collect();
                if is_enough(&lags) {
                    sampling.abort();
                    return lags;
                }
                assert!(Instant::now() < deadline, "{lags:?}");
                turn();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    }

    #[test]
    fn stamps_come_in_the_order_of_their_sending() {
        let lags = sample_until(|lags| lags.len() >= 20, || {});
        assert!(lags.is_sorted_by_key(|(sent, _)| *sent), "{lags:?}");
        assert!(lags.iter().all(|(_, late)| (1..20_000_000_000).contains(late)), "{lags:?}");
    }

    #[test]
    fn a_runtime_that_is_held_up_is_seen_as_long_as_it_was() {
        let stall = Duration::from_millis(200);
        let is_seen = |lags: &[(Offset, u64)]| {
            let beyond = |part| lags.iter().filter(|(_, late)| *late >= nanos(stall) / part).count();
            // What was sent early in the stall waited longest, and what came after it less and less long.
            beyond(2) >= 2 && beyond(10) >= beyond(2) + 2
        };
        sample_until(is_seen, || std::thread::sleep(stall));
    }

    #[test]
    fn the_thread_ends_with_its_reader() {
        let (sender, reader) = pair().unwrap();
        let thread = std::thread::spawn(move || send(sender, Clock::start()));
        drop(reader);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !thread.is_finished() {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(5));
        }
        thread.join().unwrap();
    }
}
