//! Many connections that take their turns, on one thread and one epoll.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::turns::Turn;

/// How many events are taken at once.
const EVENTS: usize = 1_024;
/// Room for what one read may bring.
const SCRATCH: usize = 64 * 1024;

/// How far a connection is in its chain.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    turn: usize,
    /// Bytes that came of those that this turn waits for.
    came: u32,
}

/// The connections of one side.
///
/// Sockets block: a read follows readiness, and a write of a few hundred bytes finds room in the socket's buffer, or, with
/// large content, waits for the peer, who reads at once.
pub(crate) struct Crowd {
    epoll: OwnedFd,
    streams: Vec<TcpStream>,
    turns: Vec<Turn>,
    progress: Vec<Progress>,
    outgoing: Vec<u8>,
    scratch: Vec<u8>,
    left: usize,
}

impl Crowd {
    pub(crate) fn new(turns: Vec<Turn>) -> io::Result<Self> {
        let largest = turns.iter().map(|turn| if let Turn::Send(bytes) = turn { *bytes } else { 0 }).max();
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            streams: Vec::new(),
            turns,
            progress: Vec::new(),
            outgoing: vec![0; largest.unwrap_or_default() as usize],
            scratch: vec![0; SCRATCH],
            left: 0,
        })
    }

    pub(crate) fn add(&mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        // No TIME_WAIT is left behind: a run that follows needs the ports.
        socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO))?;
        let data = epoll::EventData::new_u64(self.streams.len() as u64);
        epoll::add(&self.epoll, stream.as_fd(), data, epoll::EventFlags::IN)?;
        self.streams.push(stream);
        self.progress.push(Progress::default());
        Ok(())
    }

    pub(crate) const fn len(&self) -> usize {
        self.streams.len()
    }

    /// Takes one round: every connection goes through all turns; `done` is told of each at its end.
    ///
    /// # Errors
    /// A connection that fails or ends; [`io::ErrorKind::TimedOut`] when nothing comes for `patience` seconds.
    pub(crate) fn round(&mut self, patience: i64, mut done: impl FnMut(usize)) -> io::Result<()> {
        self.progress.fill(Progress::default());
        self.left = self.streams.len();
        for index in 0..self.streams.len() {
            self.send(index, &mut done)?;
        }
        let wait = Timespec { tv_sec: patience, tv_nsec: 0 };
        let mut events = Vec::with_capacity(EVENTS);
        while self.left > 0 {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait)) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                let index = usize::try_from(event.data.u64()).expect("as many as connections");
                self.receive(index, &mut done)?;
            }
        }
        Ok(())
    }

    /// Sends what is due on a connection, and tells of its end.
    fn send(&mut self, index: usize, done: &mut impl FnMut(usize)) -> io::Result<()> {
        while let Some(Turn::Send(bytes)) = self.turns.get(self.progress[index].turn) {
            self.streams[index].write_all(&self.outgoing[..*bytes as usize])?;
            self.progress[index].turn += 1;
        }
        if self.progress[index].turn == self.turns.len() {
            self.left -= 1;
            done(index);
        }
        Ok(())
    }

    fn receive(&mut self, index: usize, done: &mut impl FnMut(usize)) -> io::Result<()> {
        let read = self.streams[index].read(&mut self.scratch)?;
        let progress = &mut self.progress[index];
        let Some(Turn::Receive(bytes)) = self.turns.get(progress.turn) else {
            return Err(out_of_turn(read));
        };
        progress.came += u32::try_from(read).expect("no more than the scratch holds");
        if read == 0 || progress.came > *bytes {
            return Err(out_of_turn(read));
        }
        if progress.came == *bytes {
            *progress = Progress { turn: progress.turn + 1, came: 0 };
            self.send(index, done)?;
        }
        Ok(())
    }
}

fn out_of_turn(read: usize) -> io::Error {
    match read {
        0 => io::ErrorKind::UnexpectedEof.into(),
        _ => io::Error::new(io::ErrorKind::InvalidData, "the other side sent more than its turn"),
    }
}
