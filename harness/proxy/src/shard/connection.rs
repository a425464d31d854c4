//! One connection: its two sockets, its two directions and the one task that serves both.
//!
//! The task sleeps until a socket, the timer or a toxic wakes it. Resets and closes are done where they are ordered,
//! not by the task, so that whoever orders them knows that they hold.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rustix::net::{Shutdown, connect_unspec, shutdown};
use shakedown_model::Seed;
use tokio::net::TcpStream;

use super::link::Link;
use super::pump::{Direction, Pumped, Step};
use super::{Shard, upstream};
use crate::clock::Moment;
use crate::toxics::{Leave, Mask, Place, Stream, ToxicSet};

/// A connection through a proxy.
pub(super) struct Connection {
    link: Rc<Link>,
    number: u64,
    seed: Seed,
    began: Moment,
    client: TcpStream,
    upstream: OnceCell<TcpStream>,
    state: RefCell<State>,
    is_over: Cell<bool>,
    /// The upstream is gone, and the client was not told.
    is_half_open: Cell<bool>,
    task: RefCell<Option<Waker>>,
    /// When the timer wakes the task.
    pub(super) armed: Cell<Moment>,
}

struct State {
    /// The toxics that the connection lives by; those of its link, once the link's change has come to it.
    toxics: Arc<ToxicSet>,
    mask: Mask,
    reset_at: Moment,
    directions: [Direction; 2],
}

/// Takes the connection off the link's list, however its task ends.
struct Membership(Rc<Connection>, Rc<Shard>);

impl Drop for Membership {
    fn drop(&mut self) {
        self.0.link.spec.tally.closed();
        self.0.link.remove(self.0.number);
        if std::thread::panicking() {
            // The runtime keeps a task's panic to itself; the server must tell it.
            self.1.panicked.notify_one();
        }
    }
}

impl Connection {
    /// A connection under the toxics of now. It may be over already, by a reset.
    pub(super) fn new(link: Rc<Link>, number: u64, client: TcpStream, shard: &Shard) -> Rc<Self> {
        if let Err(error) = client.set_nodelay(true) {
            tracing::debug!(%error, "a connection died before it was served");
        }
        let connection = Rc::new(Self {
            seed: link.spec.seed.nth(number),
            link,
            number,
            began: Moment::now(),
            client,
            upstream: OnceCell::new(),
            state: RefCell::new(State {
                toxics: Arc::default(),
                mask: Mask::default(),
                reset_at: Moment::NEVER,
                directions: [Direction::new(), Direction::new()],
            }),
            is_over: Cell::new(false),
            is_half_open: Cell::new(false),
            task: RefCell::default(),
            armed: Cell::new(Moment::NEVER),
        });
        connection.link.spec.tally.opened();
        connection.link.add(&connection);
        let toxics = connection.link.toxics();
        connection.adopt(&toxics, shard);
        connection
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn client(&self) -> &TcpStream {
        &self.client
    }

    pub(super) fn has_upstream(&self) -> bool {
        self.upstream.get().is_some()
    }

    pub(super) fn holds(&self, stream: Stream) -> bool {
        self.state.borrow().directions[stream.index()].is_held
    }

    /// Serves the connection to its end.
    pub(super) async fn run(self: Rc<Self>, shard: Rc<Shard>) {
        let membership = Membership(Rc::clone(&self), Rc::clone(&shard));
        // Most connections idle: what only connecting needs must not stay in the task.
        Box::pin(self.connect(&shard)).await;
        poll_fn(|cx| self.poll_pump(cx, &shard)).await;
        drop(membership);
    }

    /// Connects to the upstream once nothing holds the client's side; an unreachable upstream resets the client.
    async fn connect(self: &Rc<Self>, shard: &Shard) {
        if poll_fn(|cx| self.poll_until(cx, shard, || !self.holds(Stream::Up))).await.is_err() {
            return;
        }
        let spec = &self.link.spec;
        let connected = tokio::select! {
            biased;
            _ = poll_fn(|cx| self.poll_until(cx, shard, || false)) => return,
            connected = upstream::connect(&spec.upstream, spec.source) => connected,
        };
        match connected {
            Ok(stream) => {
                let fresh = self.upstream.set(stream);
                debug_assert!(fresh.is_ok(), "a connection connects once");
            }
            Err(error) => {
                tracing::debug!(proxy = spec.name, upstream = spec.upstream, %error, "upstream not reached");
                spec.tally.upstream_failed();
                self.reset();
            }
        }
    }

    /// Ready with `Ok` when `is_true`, with `Err` when the connection is over or will have no upstream.
    fn poll_until(
        self: &Rc<Self>,
        cx: &Context<'_>,
        shard: &Shard,
        is_true: impl Fn() -> bool,
    ) -> Poll<Result<(), ()>> {
        self.remember(cx);
        self.end_if_due(shard, Moment::now());
        if self.is_over.get() || self.is_half_open.get() {
            Poll::Ready(Err(()))
        } else if is_true() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn poll_pump(self: &Rc<Self>, cx: &mut Context<'_>, shard: &Shard) -> Poll<()> {
        self.remember(cx);
        let now = Moment::now();
        shard.timer.serve_due(now);
        self.end_if_due(shard, now);
        if self.is_half_open.get() && !self.is_over.get() {
            return self.poll_half_open(cx, shard);
        }
        let Some(upstream) = self.upstream.get() else { return Poll::Ready(()) };
        if self.is_over.get() {
            return Poll::Ready(());
        }
        let pumped = self.pump(cx, shard, upstream);
        match pumped {
            Pumped::Pending => Poll::Pending,
            Pumped::Finished => {
                self.is_over.set(true);
                Poll::Ready(())
            }
            Pumped::Reset => {
                self.reset();
                Poll::Ready(())
            }
            Pumped::Close => {
                self.close();
                Poll::Ready(())
            }
        }
    }

    /// The client of a half-open connection hears nothing, until it sends: then it is reset.
    fn poll_half_open(&self, cx: &mut Context<'_>, shard: &Shard) -> Poll<()> {
        loop {
            match self.client.poll_read_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => break,
            }
            match self.client.try_read(&mut shard.scratch.borrow_mut()) {
                Ok(0) => {
                    self.close();
                    return Poll::Ready(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => break,
            }
        }
        self.reset();
        Poll::Ready(())
    }

    fn pump(self: &Rc<Self>, cx: &mut Context<'_>, shard: &Shard, upstream: &TcpStream) -> Pumped {
        let State { toxics, directions, .. } = &mut *self.state.borrow_mut();
        let mut scratch = shard.scratch.borrow_mut();
        loop {
            let mut is_again = false;
            for stream in Stream::BOTH {
                let (source, destination) = match stream {
                    Stream::Up => (&self.client, upstream),
                    Stream::Down => (upstream, &self.client),
                };
                let direction = &mut directions[stream.index()];
                let step = direction.pump(cx, (source, destination), &mut scratch, toxics);
                self.count(stream, direction);
                match step {
                    Step::Pending => {}
                    Step::Reset => return Pumped::Reset,
                    Step::Close => {
                        if !wind_up(directions, stream, destination, toxics) {
                            return Pumped::Close;
                        }
                        is_again = true;
                    }
                    Step::DestinationGone => {
                        directions[stream.opposite().index()].source_broke();
                        is_again = true;
                    }
                }
            }
            if !is_again {
                break;
            }
        }
        if directions.iter().all(|direction| direction.is_done) {
            return Pumped::Finished;
        }
        for due in directions.iter().filter_map(Direction::waits_for) {
            shard.timer.wake_at(due, self);
        }
        Pumped::Pending
    }

    fn count(&self, stream: Stream, direction: &mut Direction) {
        let tally = &self.link.spec.tally;
        let taken = std::mem::take(&mut direction.taken);
        if taken > 0 {
            tally.taken(stream.index(), taken);
        }
        let moved = std::mem::take(&mut direction.moved);
        if moved > 0 {
            tally.moved(stream.index(), moved);
        }
        for _ in 0..std::mem::take(&mut direction.backpressure_stops) {
            tally.backpressure();
        }
    }

    /// Goes over to `toxics`, unless it lives by them already. What they order at once is done when it returns; whether
    /// the task must be woken for the rest.
    pub(super) fn adopt(self: &Rc<Self>, toxics: &Arc<ToxicSet>, shard: &Shard) -> bool {
        let mut state = self.state.borrow_mut();
        if self.is_over.get() || Arc::ptr_eq(&state.toxics, toxics) {
            return false;
        }
        let before = std::mem::replace(&mut state.toxics, Arc::clone(toxics));
        let mask = toxics.mask(self.seed, self.began);
        let left = std::mem::replace(&mut state.mask, mask);
        state.reset_at = toxics.reset_at(mask, self.began);
        let mut is_needed = false;
        let leaves = Stream::BOTH.map(|stream| {
            let is_held = toxics.holds(mask, stream);
            let direction = &mut state.directions[stream.index()];
            is_needed |= direction.is_held && !is_held;
            direction.is_held = is_held;
            is_needed |= direction.adopt(toxics, mask, Place { seed: self.seed, stream, began: self.began });
            let leave = before.leaves(left, toxics, mask, stream);
            if direction.is_spent(toxics) { leave.max(Leave::Close) } else { leave }
        });
        drop(state);
        if toxics.halves(mask) && !self.is_half_open.replace(true) {
            self.lose_upstream();
            is_needed = true;
        }
        if leaves.contains(&Leave::Reset) {
            self.reset();
        }
        for stream in Stream::BOTH.into_iter().filter(|stream| leaves[stream.index()] == Leave::Close) {
            self.close_from(stream);
        }
        self.end_if_due(shard, Moment::now());
        is_needed || self.is_over.get()
    }

    /// Does what toxics order for some instant: a reset, a close.
    fn end_if_due(self: &Rc<Self>, shard: &Shard, now: Moment) {
        let state = self.state.borrow();
        let reset_at = state.reset_at;
        let closes = Stream::BOTH.map(|stream| state.directions[stream.index()].closes_at());
        drop(state);
        if reset_at <= now {
            self.reset();
        }
        for stream in Stream::BOTH.into_iter().filter(|stream| closes[stream.index()] <= now) {
            self.close_from(stream);
        }
        let next = [closes[0], closes[1], reset_at]
            .into_iter()
            .filter(|at| *at > now)
            .min()
            .unwrap_or(Moment::NEVER);
        if next < Moment::NEVER && !self.is_over.get() {
            shard.timer.wake_at(next, self);
        }
    }

    /// Closes one direction by a toxic's order, as Toxiproxy does: with it go both sockets, but what is under way in the
    /// other direction is delivered first.
    fn close_from(&self, stream: Stream) {
        if self.is_over.get() {
            return;
        }
        let is_wound_up = self.upstream.get().is_some_and(|upstream| {
            let State { toxics, directions, .. } = &mut *self.state.borrow_mut();
            let destination = if stream == Stream::Up { upstream } else { &self.client };
            wind_up(directions, stream, destination, toxics)
        });
        if is_wound_up { self.wake() } else { self.close() }
    }

    /// Sends a RST on both sockets, now. The task is not woken: it asked for this itself, or whoever did wakes it.
    fn reset(&self) {
        if self.is_over.replace(true) {
            return;
        }
        self.link.spec.tally.reset();
        [Some(&self.client), self.upstream.get()].into_iter().flatten().for_each(reset);
    }

    /// Sends a RST to the upstream alone, now.
    fn lose_upstream(&self) {
        if let Some(upstream) = self.upstream.get() {
            reset(upstream);
        }
    }

    /// Ends both sides in order, now; what is queued is dropped.
    pub(super) fn close(&self) {
        if self.is_over.replace(true) {
            return;
        }
        for socket in [Some(&self.client), self.upstream.get()].into_iter().flatten() {
            if let Err(error) = shutdown(socket, Shutdown::Both) {
                tracing::debug!(%error, "a socket was gone before it was closed");
            }
        }
        self.wake();
    }

    /// Has the task look again.
    pub(super) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    fn remember(&self, cx: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }
}

fn reset(socket: &TcpStream) {
    // Dissolving the association is what sends the RST; a lingerless close is the second best.
    if connect_unspec(socket).is_err()
        && let Err(error) = socket.set_zero_linger()
    {
        tracing::debug!(%error, "a socket was gone before it was reset");
    }
}

/// Ends the direction `stream` at its `destination`, and the other one behind what waits there; whether anything does.
fn wind_up(
    directions: &mut [Direction; 2],
    stream: Stream,
    destination: &TcpStream,
    toxics: &ToxicSet,
) -> bool {
    let [closed, other] = {
        let [up, down] = directions;
        if stream == Stream::Up { [up, down] } else { [down, up] }
    };
    if other.is_idle() {
        return false;
    }
    closed.cut();
    other.source_ended(toxics);
    if let Err(error) = shutdown(destination, Shutdown::Both) {
        tracing::debug!(%error, "a socket was gone before it was closed");
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Design: at most 8 KB for an idle connection; this is what it has besides two sockets in tokio and the task's
    /// header.
    #[test]
    fn an_idle_connection_is_small() {
        let task = |connection: Rc<Connection>, shard| connection.run(shard);
        assert!(size_of::<Connection>() <= 640, "{}", size_of::<Connection>());
        assert!(size_of_output(&task) <= 256, "{}", size_of_output(&task));
    }

    fn size_of_output<F>(_: &impl FnOnce(Rc<Connection>, Rc<Shard>) -> F) -> usize {
        size_of::<F>()
    }
}
