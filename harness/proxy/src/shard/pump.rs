//! Moving the bytes of one direction: read, stamp, write what is due, queue the rest.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::clock::Moment;
use crate::queue::{End, Front, Queue};

/// Reads in a row before other connections of the shard get their turn.
const READS_PER_TURN: usize = 8;

/// One direction of a connection.
pub(super) struct Direction {
    queue: Queue,
    /// Held by a blackhole: nothing is read or delivered.
    pub(super) is_held: bool,
    /// The source said its last, or its bytes have nowhere to go.
    is_read_out: bool,
    /// The source was found broken by a write to it, which takes the error from the next read.
    is_source_broken: bool,
    is_stopped_by_backpressure: bool,
    /// The destination is full.
    is_blocked: bool,
    /// Nothing will be delivered any more.
    pub(super) is_done: bool,
    /// Bytes delivered since they were last counted.
    pub(super) moved: usize,
    /// Stops of reading by a full queue since they were last counted.
    pub(super) backpressure_stops: u32,
}

/// How a turn of one direction ended.
pub(super) enum Step {
    /// It waits for a socket, the timer or a toxic.
    Pending,
    /// A reset of the source reached the destination's end of the queue.
    Reset,
    /// The destination takes no more.
    DestinationGone,
}

/// How a turn of a connection ended.
pub(super) enum Pumped {
    Pending,
    Finished,
    Reset,
}

enum Flushed {
    /// All that is due is delivered.
    Idle,
    /// The destination is full.
    Blocked,
    Reset,
    DestinationGone,
}

impl Direction {
    pub(super) const fn new() -> Self {
        Self {
            queue: Queue::new(),
            is_held: false,
            is_read_out: false,
            is_source_broken: false,
            is_stopped_by_backpressure: false,
            is_blocked: false,
            is_done: false,
            moved: 0,
            backpressure_stops: 0,
        }
    }

    /// Applies other delays to what is queued; whether there is any, and the task must look at it.
    pub(super) fn retime(&mut self, delay: impl Fn(u64) -> Duration) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        self.queue.retime(delay);
        true
    }

    /// When the front of the queue is due, if it waits for that and not for the destination or the heal.
    pub(super) fn waits_for(&self) -> Option<Moment> {
        if self.is_held || self.is_blocked { None } else { self.queue.next_due() }
    }

    /// The source was reset, as a write to it has found.
    pub(super) fn source_broke(&mut self) {
        self.is_source_broken = true;
        if self.is_read_out {
            // Its orderly end is queued or even delivered already: the reset comes after it.
            let stamp = self.queue.stamp(Moment::now(), 0, Duration::ZERO);
            self.queue.push_end(stamp, End::Reset);
            self.is_done = false;
        }
    }

    /// Moves what can be moved from `ends.0` to `ends.1`. `delay` is the delay of a chunk at an offset.
    pub(super) fn pump(
        &mut self,
        cx: &mut Context<'_>,
        ends: (&TcpStream, &TcpStream),
        scratch: &mut [u8],
        delay: impl Fn(u64) -> Duration,
    ) -> Step {
        let (source, destination) = ends;
        for _ in 0..READS_PER_TURN {
            if self.is_held || self.is_done {
                return Step::Pending;
            }
            let flushed = self.flush(cx, destination);
            self.is_blocked = matches!(flushed, Flushed::Blocked);
            match flushed {
                Flushed::Idle | Flushed::Blocked => {}
                Flushed::Reset => return Step::Reset,
                Flushed::DestinationGone => return self.give_up(),
            }
            if self.is_done || self.is_read_out || self.is_stopped() {
                return Step::Pending;
            }
            match source.poll_read_ready(cx) {
                Poll::Pending => return Step::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.take_end(End::Reset, &delay);
                    continue;
                }
            }
            match source.try_read(scratch) {
                Ok(0) => self.take_end(if self.is_source_broken { End::Reset } else { End::Fin }, &delay),
                Ok(len) => {
                    if len < scratch.len() {
                        drained(source);
                    }
                    if self.take_bytes(destination, &scratch[..len], &delay).is_err() {
                        return self.give_up();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.take_end(End::Reset, &delay),
            }
        }
        cx.waker().wake_by_ref();
        Step::Pending
    }

    /// Delivers what is due.
    fn flush(&mut self, cx: &mut Context<'_>, destination: &TcpStream) -> Flushed {
        while let Some(front) = self.queue.due_front(Moment::now()) {
            match front {
                Front::End(End::Reset) => return Flushed::Reset,
                Front::End(End::Fin) => {
                    if shutdown(destination, Shutdown::Write).is_err() {
                        return Flushed::DestinationGone;
                    }
                    self.queue.end_delivered();
                    self.is_done = self.queue.is_empty();
                }
                Front::Bytes(bytes) => match destination.try_write(bytes) {
                    Ok(len) => {
                        self.moved += len;
                        self.queue.delivered(len);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        match destination.poll_write_ready(cx) {
                            Poll::Pending => return Flushed::Blocked,
                            Poll::Ready(Ok(())) => {}
                            Poll::Ready(Err(_)) => return Flushed::DestinationGone,
                        }
                    }
                    Err(_) => return Flushed::DestinationGone,
                },
            }
        }
        Flushed::Idle
    }

    /// Takes a chunk that was just read: writes it when it is due now, queues what remains.
    fn take_bytes(
        &mut self,
        destination: &TcpStream,
        bytes: &[u8],
        delay: &impl Fn(u64) -> Duration,
    ) -> io::Result<()> {
        let arrival = Moment::now();
        let stamp = self.queue.stamp(arrival, bytes.len(), delay(self.queue.next_offset()));
        let mut rest = bytes;
        if self.queue.is_empty() && stamp.due <= arrival {
            match destination.try_write(bytes) {
                Ok(len) => {
                    self.moved += len;
                    rest = &bytes[len..];
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if !rest.is_empty() {
            self.queue.push(stamp, rest);
        }
        Ok(())
    }

    fn take_end(&mut self, end: End, delay: &impl Fn(u64) -> Duration) {
        self.is_read_out = true;
        let stamp = self.queue.stamp(Moment::now(), 0, delay(self.queue.next_offset()));
        self.queue.push_end(stamp, end);
    }

    /// Whether the queue is too full to read on; counts each time that it becomes so.
    fn is_stopped(&mut self) -> bool {
        let is_full = self.queue.is_full();
        if is_full && !self.is_stopped_by_backpressure {
            self.backpressure_stops += 1;
        }
        self.is_stopped_by_backpressure = is_full;
        is_full
    }

    fn give_up(&mut self) -> Step {
        self.queue.clear();
        self.is_read_out = true;
        self.is_done = true;
        Step::DestinationGone
    }
}

/// Tells tokio that a short read emptied the socket, which saves the read that would find out.
///
/// No event is lost: on a single-thread runtime none is taken in between the read and this, and an edge that comes
/// later sets the readiness again. A closed side stays ready whatever is said here.
fn drained(socket: &TcpStream) {
    let nothing: io::Result<()> = socket.try_io(Interest::READABLE, || Err(io::ErrorKind::WouldBlock.into()));
    debug_assert!(nothing.is_err(), "the closure only ever says that it would block");
}
