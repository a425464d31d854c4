//! Moving the bytes of one direction: read, send through the chain of toxics, write what is due, queue the rest.

use std::io;
use std::task::{Context, Poll};

use rustix::net::{Shutdown, shutdown};
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::clock::Moment;
use crate::follow::{Follower, Piece};
use crate::queue::{End, Front, Queue};
use crate::toxics::{Chain, Load, Mask, Parcel, Place, Stream, ToxicSet, Waiting};

/// Reads in a row before other connections of the shard get their turn.
const READS_PER_TURN: usize = 8;

/// One direction of a connection.
pub(super) struct Direction {
    queue: Queue,
    chain: Chain,
    /// When a toxic closes the connection if no more bytes come.
    closes_at: Moment,
    /// Held by a blackhole: nothing is read or delivered.
    pub(super) is_held: bool,
    /// The source said its last, or its bytes have nowhere to go.
    is_read_out: bool,
    /// The source's last, which comes behind what its follower holds.
    end_behind_held: Option<End>,
    /// The source said its last itself.
    pub(super) has_source_ended: bool,
    /// The source was found broken by a write to it, which takes the error from the next read.
    is_source_broken: bool,
    is_stopped_by_backpressure: bool,
    /// The destination is full.
    is_blocked: bool,
    /// Nothing will be delivered any more.
    pub(super) is_done: bool,
    /// Bytes read since they were last counted.
    pub(super) taken: usize,
    /// Bytes delivered since they were last counted.
    pub(super) moved: usize,
    /// Stops of reading by a full queue since they were last counted.
    pub(super) backpressure_stops: u32,
}

/// Who follows a connection, and in which direction the bytes go.
pub(super) type Followed<'a> = Option<(&'a mut Follower, Stream)>;

/// How a turn of one direction ended.
pub(super) enum Step {
    /// It waits for a socket, the timer or a toxic.
    Pending,
    /// A reset of the source reached the destination's end of the queue.
    Reset,
    /// A toxic closes the connection here.
    Close,
    /// The destination takes no more.
    DestinationGone,
}

/// How a turn of a connection ended.
pub(super) enum Pumped {
    Pending,
    Finished,
    Reset,
    Close,
}

enum Flushed {
    /// All that is due is delivered.
    Idle,
    /// The destination is full.
    Blocked,
    Ended(Step),
}

impl Direction {
    pub(super) fn new() -> Self {
        Self {
            queue: Queue::new(),
            chain: Chain::default(),
            closes_at: Moment::NEVER,
            is_held: false,
            is_read_out: false,
            end_behind_held: None,
            has_source_ended: false,
            is_source_broken: false,
            is_stopped_by_backpressure: false,
            is_blocked: false,
            is_done: false,
            taken: 0,
            moved: 0,
            backpressure_stops: 0,
        }
    }

    /// Goes over to other toxics, and sends what waits through their chain; whether the task must look at it.
    pub(super) fn adopt(&mut self, toxics: &ToxicSet, mask: Mask, place: Place) -> bool {
        let had_stages = !self.chain.is_empty();
        self.chain.adopt(toxics, mask, place);
        if !had_stages && self.chain.is_empty() {
            return false;
        }
        let now = Moment::now();
        let waiting =
            Waiting { now, until: self.queue.last_due().unwrap_or(now), bytes: self.queue.waiting() as u64 };
        let queue = &mut self.queue;
        let is_needed = !queue.is_empty();
        self.chain.resend(toxics, waiting, |chain| {
            queue.resend(|parcel, out| chain.send(toxics, parcel, out));
        });
        if !self.is_done {
            self.closes_at = self.chain.closes_at(toxics);
        }
        if self.chain.is_spent(toxics) {
            self.is_read_out = true;
        }
        is_needed
    }

    /// Whether a limit is reached and all that it let through is delivered.
    pub(super) fn is_spent(&self, toxics: &ToxicSet) -> bool {
        !self.is_done && self.queue.is_empty() && self.chain.is_spent(toxics)
    }

    /// Whether nothing waits to be delivered.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// The source ends here, by a toxic's order.
    pub(super) fn source_ended(&mut self, toxics: &ToxicSet) {
        if !self.is_read_out {
            self.take_end(End::Fin, toxics);
        }
    }

    /// When a toxic closes the connection if no more bytes come.
    pub(super) const fn closes_at(&self) -> Moment {
        self.closes_at
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
            let offset = self.queue.arrived(0);
            self.queue.push(Parcel::end(Moment::now(), offset, End::Reset), &[]);
            self.is_done = false;
        }
    }

    /// Moves what can be moved from `ends.0` to `ends.1` through the chain of `toxics`.
    pub(super) fn pump(
        &mut self,
        cx: &mut Context<'_>,
        ends: (&TcpStream, &TcpStream),
        scratch: &mut [u8],
        (toxics, mut followed): (&ToxicSet, Followed<'_>),
    ) -> Step {
        let (source, destination) = ends;
        let most = self.chain.read_limit(toxics).min(scratch.len());
        let scratch = &mut scratch[..most];
        for _ in 0..READS_PER_TURN {
            if self.is_held || self.is_done {
                return Step::Pending;
            }
            let flushed = self.flush(cx, destination);
            self.is_blocked = matches!(flushed, Flushed::Blocked);
            match flushed {
                Flushed::Idle | Flushed::Blocked => {}
                Flushed::Ended(Step::DestinationGone) => return self.give_up(),
                Flushed::Ended(step) => return step,
            }
            let is_full = followed.as_ref().is_some_and(|(follower, stream)| follower.is_full(*stream));
            if self.is_done || self.is_read_out || is_full || self.is_stopped() {
                return Step::Pending;
            }
            match source.poll_read_ready(cx) {
                Poll::Pending => return Step::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.source_said(End::Reset, toxics, &mut followed);
                    continue;
                }
            }
            match source.try_read(scratch) {
                Ok(0) => {
                    let end = if self.is_source_broken { End::Reset } else { End::Fin };
                    self.source_said(end, toxics, &mut followed);
                }
                Ok(len) => {
                    if len < scratch.len() {
                        drained(source);
                    }
                    if let Some((follower, stream)) = &mut followed {
                        self.taken += len;
                        follower.read(*stream, &scratch[..len], Moment::now());
                        self.follow(follower, *stream, toxics);
                    } else if self.take_bytes(destination, &scratch[..len], toxics).is_err() {
                        return self.give_up();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.source_said(End::Reset, toxics, &mut followed),
            }
        }
        cx.waker().wake_by_ref();
        Step::Pending
    }

    /// Delivers what is due.
    fn flush(&mut self, cx: &mut Context<'_>, destination: &TcpStream) -> Flushed {
        while let Some(front) = self.queue.due_front(Moment::now()) {
            match front {
                Front::End(End::Reset) => return Flushed::Ended(Step::Reset),
                Front::End(End::Close) => return Flushed::Ended(Step::Close),
                Front::End(End::Fin) => {
                    if shutdown(destination, Shutdown::Write).is_err() {
                        return Flushed::Ended(Step::DestinationGone);
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
                            Poll::Ready(Err(_)) => return Flushed::Ended(Step::DestinationGone),
                        }
                    }
                    Err(_) => return Flushed::Ended(Step::DestinationGone),
                },
            }
        }
        Flushed::Idle
    }

    /// Takes a chunk that was just read: writes it when nothing delays it, queues what remains.
    fn take_bytes(&mut self, destination: &TcpStream, bytes: &[u8], toxics: &ToxicSet) -> io::Result<()> {
        let offset = self.queue.arrived(bytes.len());
        self.taken += bytes.len();
        if !self.chain.is_empty() {
            self.send(Parcel::bytes(Moment::now(), offset, bytes.len()), bytes, toxics);
            return Ok(());
        }
        let mut written = 0;
        if self.queue.is_empty() {
            match destination.try_write(bytes) {
                Ok(len) => {
                    self.moved += len;
                    written = len;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        let rest = &bytes[written..];
        if !rest.is_empty() {
            self.queue.push(Parcel::bytes(Moment::now(), offset + written as u64, rest.len()), rest);
        }
        Ok(())
    }

    /// Takes what the follower gives for this direction.
    pub(super) fn follow(&mut self, follower: &mut Follower, stream: Stream, toxics: &ToxicSet) {
        for piece in follower.take(stream) {
            if self.is_done || (self.is_read_out && self.end_behind_held.is_none()) {
                return;
            }
            match piece {
                Piece::Bytes(at, bytes) => {
                    let at = at.max(Moment::now());
                    let offset = self.queue.arrived(bytes.len());
                    self.send(Parcel::bytes(at, offset, bytes.len()), &bytes, toxics);
                }
                Piece::Close => {
                    self.end_behind_held = None;
                    self.take_end(End::Close, toxics);
                }
            }
        }
        if !follower.holds(stream)
            && let Some(end) = self.end_behind_held.take()
        {
            self.take_end(end, toxics);
        }
    }

    fn source_said(&mut self, end: End, toxics: &ToxicSet, followed: &mut Followed<'_>) {
        self.has_source_ended = true;
        if let Some((follower, stream)) = followed {
            let passes = follower.ended(*stream, end, Moment::now());
            self.follow(follower, *stream, toxics);
            if !passes {
                self.is_read_out = true;
                self.end_behind_held = Some(end);
                return;
            }
        }
        self.take_end(end, toxics);
    }

    fn take_end(&mut self, end: End, toxics: &ToxicSet) {
        self.is_read_out = true;
        let offset = self.queue.arrived(0);
        self.send(Parcel::end(Moment::now(), offset, end), &[], toxics);
    }

    /// Sends what arrived through the chain, and queues what comes of it.
    fn send(&mut self, parcel: Parcel, bytes: &[u8], toxics: &ToxicSet) {
        let Self { chain, queue, is_read_out, .. } = self;
        let mut taken = 0;
        chain.send(toxics, parcel, &mut |piece| {
            let from = taken;
            match piece.load {
                Load::Bytes(len) => taken += len,
                // A toxic ends the stream: what comes after is not wanted.
                Load::End(_) => *is_read_out = true,
            }
            queue.push(Parcel { since: parcel.since, ..piece }, &bytes[from..taken]);
        });
        self.closes_at = chain.closes_at(toxics);
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
        self.cut();
        Step::DestinationGone
    }

    /// Nothing of this direction is wanted any more.
    pub(super) fn cut(&mut self) {
        self.queue.clear();
        self.is_read_out = true;
        self.end_behind_held = None;
        self.is_done = true;
        self.closes_at = Moment::NEVER;
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
