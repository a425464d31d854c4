//! One connection: its two sockets, its two directions and the one task that serves both.
//!
//! The task sleeps until a socket, the timer or a toxic wakes it. Resets and closes are done where they are ordered,
//! not by the task, so that whoever orders them knows that they hold (`orders`).

mod orders;
mod tapped;

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shakedown_model::Seed;
use tokio::net::TcpStream;

use self::orders::wind_up;
use self::tapped::Tapped;
use super::link::Link;
use super::pump::{Direction, Pumped, Step};
use super::{Shard, upstream};
use crate::clock::Moment;
use crate::follow::Follower;
use crate::tap::Ender;
use crate::toxics::{Mask, Stream, ToxicSet};

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
    tapped: Option<Box<Tapped>>,
    /// When the timer wakes the task.
    pub(super) armed: Cell<Moment>,
}

struct State {
    /// The toxics that the connection lives by; those of its link, once the link's change has come to it.
    toxics: Arc<ToxicSet>,
    mask: Mask,
    reset_at: Moment,
    directions: [Direction; 2],
    /// Where the proxy follows HTTP.
    follower: Option<Box<Follower>>,
}

/// Takes the connection off the link's list, however its task ends.
struct Membership(Rc<Connection>, Rc<Shard>);

impl Drop for Membership {
    fn drop(&mut self) {
        self.0.link.spec.tally.closed();
        self.0.tell_ended(Ender::Proxy);
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
            state: RefCell::new(State {
                toxics: Arc::default(),
                mask: Mask::default(),
                reset_at: Moment::NEVER,
                directions: [Direction::new(), Direction::new()],
                follower: link.spec.follow.then(|| Box::new(Follower::new())),
            }),
            link,
            number,
            began: Moment::now(),
            client,
            upstream: OnceCell::new(),
            is_over: Cell::new(false),
            is_half_open: Cell::new(false),
            task: RefCell::default(),
            tapped: shard.tap.as_ref().map(Tapped::new),
            armed: Cell::new(Moment::NEVER),
        });
        connection.link.spec.tally.opened();
        connection.tell_accepted();
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
                self.tell_ended(Ender::Upstream);
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
                    self.tell_ended(Ender::Client);
                    self.close();
                    return Poll::Ready(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(_) => break,
                Err(_) => {
                    self.tell_ended(Ender::Client);
                    break;
                }
            }
        }
        self.reset();
        Poll::Ready(())
    }

    fn pump(self: &Rc<Self>, cx: &mut Context<'_>, shard: &Shard, upstream: &TcpStream) -> Pumped {
        let State { toxics, directions, follower, .. } = &mut *self.state.borrow_mut();
        let mut scratch = shard.scratch.borrow_mut();
        if let Some(follower) = follower {
            follower.tick(Moment::now());
            give(follower, directions, toxics);
        }
        loop {
            let mut is_again = false;
            for stream in Stream::BOTH {
                let (source, destination) = match stream {
                    Stream::Up => (&self.client, upstream),
                    Stream::Down => (upstream, &self.client),
                };
                let direction = &mut directions[stream.index()];
                let step = direction.pump(
                    cx,
                    (source, destination),
                    &mut scratch,
                    (toxics, follower.as_deref_mut().map(|follower| (follower, stream))),
                );
                if let Some(tapped) = &self.tapped {
                    self.tell_pumped(tapped, stream, direction, &step);
                }
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
            // What one side says may have something said to itself.
            if let Some(follower) = follower.as_deref_mut().filter(|follower| follower.has_out()) {
                give(follower, directions, toxics);
                is_again = true;
            }
            if !is_again {
                break;
            }
        }
        if let Some(follower) = follower {
            shard.timer.wake_at(follower.due(), self);
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

/// Gives both directions what their follower has for them.
fn give(follower: &mut Follower, directions: &mut [Direction; 2], toxics: &ToxicSet) {
    for stream in Stream::BOTH {
        directions[stream.index()].follow(follower, stream, toxics);
    }
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
