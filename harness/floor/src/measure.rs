//! The servers' side, and the figures.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use shakedown_model::floor::{Floor, FloorShape};
use shakedown_model::gate::{Stat, rank};
use socket2::{Domain, Socket, Type};

use crate::clock::now_ns;
use crate::crowd::Crowd;
use crate::peer::{PATIENCE, Task};
use crate::turns;

/// How many rounds are measured unless told otherwise; one more comes first, to warm up.
pub const ROUNDS: u32 = 7;

/// Handshakes that may wait to be accepted.
const BACKLOG: i32 = 4_096;
/// How long the peer may take for all its connections.
const OPENING: Duration = Duration::from_secs(60);

/// The floor could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// There is nothing to measure.
    #[error("a floor of {0} cannot be measured: at least one connection and one round are needed")]
    Nothing(&'static str),
    /// The other process could not be started.
    #[error("the process for the watchers' side of the floor (`{}`) could not be started", program.display())]
    Spawn {
        /// Which program.
        program: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The other process failed, in its own words.
    #[error("the watchers' side of the floor failed: {0}")]
    Peer(String),
    /// A socket of this side.
    #[error(
        "the floor of {connections} connections could not be measured while {doing}: is the limit on open files above that?"
    )]
    Sockets {
        /// How many there were to be.
        connections: u32,
        /// What was attempted.
        doing: &'static str,
        /// What happened.
        source: io::Error,
    },
}

/// The other process; it ends with this value.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Peer {
    fn start(program: &Path, arguments: &[&str], address: SocketAddr) -> Result<Self, FloorError> {
        Command::new(program)
            .args(arguments)
            .arg(address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map(Self)
            .map_err(|source| FloorError::Spawn { program: program.to_owned(), source })
    }

    /// Takes its next connection; it fails when the process ends before.
    fn accept(&mut self, listener: &TcpListener) -> io::Result<TcpStream> {
        let deadline = Instant::now() + OPENING;
        let slice = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        while poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&slice))? == 0 {
            if self.0.try_wait()?.is_some() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(listener.accept()?.0)
    }

    /// Its last words, if it has any, else `otherwise`.
    fn explain(&mut self, otherwise: FloorError) -> FloorError {
        // What is said stands in the pipe when the process has ended, and a process that goes on says nothing.
        let is_over = matches!(self.0.try_wait(), Ok(Some(_))) || self.0.kill().is_ok();
        let mut words = String::new();
        let read = self.0.stderr.take().filter(|_| is_over).map(|mut pipe| pipe.read_to_string(&mut words));
        match read {
            Some(Ok(_)) if !words.trim().is_empty() => FloorError::Peer(words.trim().to_owned()),
            _ => otherwise,
        }
    }
}

/// Measures the floor of a shape over `rounds` rounds. It blocks the thread, and wants the machine for itself.
///
/// `program` with `arguments` and an address behind them must call [`peer`](crate::peer).
///
/// # Errors
/// [`FloorError`].
pub fn measure(
    shape: FloorShape,
    rounds: u32,
    (program, arguments): (&Path, &[&str]),
) -> Result<Floor, FloorError> {
    if shape.connections == 0 || rounds == 0 {
        return Err(FloorError::Nothing(if rounds == 0 { "no rounds" } else { "no connections" }));
    }
    let trouble = |doing| move |source| FloorError::Sockets { connections: shape.connections, doing, source };
    let (listener, address) = listen().map_err(trouble("listening"))?;
    let mut peer = Peer::start(program, arguments, address)?;
    let mut crowd = Crowd::new(turns::of_server(shape)).map_err(trouble("making an epoll"))?;
    let mut control =
        peer.accept(&listener).map_err(|e| peer.explain(trouble("waiting for the other process")(e)))?;
    let task = Task { shape, rounds: rounds + 1 };
    let line = serde_json::to_string(&task).expect("plain numbers and names");
    writeln!(control, "{line}").map_err(trouble("telling the other process its task"))?;
    let patience = Duration::from_secs(PATIENCE.unsigned_abs());
    control.set_read_timeout(Some(patience)).map_err(trouble("setting a time-out"))?;
    for _ in 0..shape.connections {
        let stream = peer.accept(&listener).map_err(|e| peer.explain(trouble("accepting connections")(e)))?;
        crowd.add(stream).map_err(trouble("accepting connections"))?;
    }
    let mut samples = Samples::default();
    for round in 0..=rounds {
        let begin = now_ns();
        crowd.round(PATIENCE, |_| {}).map_err(|e| peer.explain(trouble("sending a round")(e)))?;
        let latencies = read_stamps(&mut control, crowd.len(), begin)
            .map_err(|e| peer.explain(trouble("reading when a round ended")(e)))?;
        if round > 0 {
            samples.add(latencies);
        }
    }
    Ok(samples.floor(shape, rounds))
}

fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    let listener: TcpListener = socket.into();
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// How long after `begin` each connection had its last message.
fn read_stamps(control: &mut TcpStream, connections: usize, begin: u64) -> io::Result<Vec<u64>> {
    let mut bytes = vec![0; connections * size_of::<u64>()];
    control.read_exact(&mut bytes)?;
    let (stamps, _) = bytes.as_chunks::<{ size_of::<u64>() }>();
    Ok(stamps.iter().map(|stamp| u64::from_le_bytes(*stamp).saturating_sub(begin)).collect())
}

/// The latencies of all rounds.
#[derive(Default)]
struct Samples {
    all: Vec<u64>,
    last: Vec<u64>,
}

impl Samples {
    fn add(&mut self, latencies: Vec<u64>) {
        self.last.extend(latencies.iter().max());
        self.all.extend(latencies);
    }

    fn floor(mut self, shape: FloorShape, rounds: u32) -> Floor {
        self.all.sort_unstable();
        self.last.sort_unstable();
        let stats_ns = Stat::ALL.map(|stat| value(&self.all, stat));
        let count = self.all.len() as u64;
        Floor { shape, rounds, count, stats_ns, last_ns: value(&self.last, Stat::P50) }
    }
}

/// The value of a statistic; 0 where there is none.
fn value(sorted: &[u64], stat: Stat) -> u64 {
    let nth = rank(stat.quantile(), sorted.len() as u64);
    let place = usize::try_from(nth - 1).expect("a rank is from 1 to as many as there are");
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use shakedown_model::floor::Chain;

    use super::*;

    #[test]
    fn ranks_are_values_that_were_seen() {
        let shape = FloorShape { chain: Chain::OneMessage, connections: 100, payload_bytes: 1 };
        let mut samples = Samples::default();
        samples.add((1..=100).collect());
        samples.add((101..=200).rev().collect());
        samples.add((1..=10).collect());
        let floor = samples.floor(shape, 3);
        assert_eq!((floor.count, floor.last_ns), (210, 100), "of 10, 100 and 200");
        assert_eq!(floor.stats_ns, [95, 179, 198, 200, 200]);
        assert_eq!(floor.stat_ns(Stat::P90), 179);
        assert_eq!(value(&[], Stat::P50), 0);
    }

    /// The whole of it needs a second process, which the program's own tests have; here the peer is a thread.
    #[test]
    fn every_chain_comes_to_its_end_on_every_connection() {
        for chain in [Chain::OneMessage, Chain::LongPoll, Chain::GrpcPush] {
            let shape = FloorShape { chain, connections: 40, payload_bytes: 100_000 };
            let (listener, address) = listen().unwrap();
            let peer = thread::spawn(move || crate::peer(address));
            let mut control = listener.accept().unwrap().0;
            let task = serde_json::to_string(&Task { shape, rounds: 2 }).unwrap();
            writeln!(control, "{task}").unwrap();
            let mut crowd = Crowd::new(turns::of_server(shape)).unwrap();
            (0..40).for_each(|_| crowd.add(listener.accept().unwrap().0).unwrap());
            for _ in 0..2 {
                let begin = now_ns();
                crowd.round(PATIENCE, |_| {}).unwrap();
                let latencies = read_stamps(&mut control, 40, begin).unwrap();
                assert!(latencies.iter().all(|ns| *ns > 0), "{chain}: {latencies:?}");
            }
            peer.join().unwrap().unwrap();
        }
    }

    #[test]
    fn a_peer_that_cannot_is_an_error_in_its_own_words() {
        let shape = FloorShape { chain: Chain::OneMessage, connections: 2, payload_bytes: 1 };
        let none = measure(FloorShape { connections: 0, ..shape }, 1, (Path::new("/bin/sh"), &[]));
        assert!(matches!(none, Err(FloorError::Nothing(_))));
        let absent = measure(shape, 1, (Path::new("/nowhere/at-all"), &[]));
        assert!(matches!(absent, Err(FloorError::Spawn { .. })));
        let fails = measure(shape, 1, (Path::new("/bin/sh"), &["-c", "echo no room >&2"]));
        assert!(matches!(&fails, Err(FloorError::Peer(words)) if words == "no room"), "{fails:?}");
    }
}
