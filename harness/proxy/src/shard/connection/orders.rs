//! What toxics and the registry order for a connection: other toxics, a reset, a close. It holds when the call returns.

use std::rc::Rc;
use std::sync::Arc;

use rustix::net::{Shutdown, connect_unspec, shutdown};
use tokio::net::TcpStream;

use super::{Connection, State};
use crate::clock::Moment;
use crate::shard::Shard;
use crate::shard::pump::Direction;
use crate::tap::Ender;
use crate::toxics::{Leave, Place, Stream, ToxicSet};

impl Connection {
    /// Goes over to `toxics`, unless it lives by them already. What they order at once is done when it returns; whether
    /// the task must be woken for the rest.
    pub(in crate::shard) fn adopt(self: &Rc<Self>, toxics: &Arc<ToxicSet>, shard: &Shard) -> bool {
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
        if let Some(follower) = &mut state.follower {
            follower.adopt(toxics, mask, self.seed);
            is_needed = true;
        }
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
    pub(super) fn end_if_due(self: &Rc<Self>, shard: &Shard, now: Moment) {
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
        self.tell_ended(Ender::Proxy);
        if is_wound_up { self.wake() } else { self.close() }
    }

    /// Sends a RST on both sockets, now. The task is not woken: it asked for this itself, or whoever did wakes it.
    pub(super) fn reset(&self) {
        if self.is_over.replace(true) {
            return;
        }
        self.tell_ended(Ender::Proxy);
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
    pub(in crate::shard) fn close(&self) {
        if self.is_over.replace(true) {
            return;
        }
        self.tell_ended(Ender::Proxy);
        for socket in [Some(&self.client), self.upstream.get()].into_iter().flatten() {
            if let Err(error) = shutdown(socket, Shutdown::Both) {
                tracing::debug!(%error, "a socket was gone before it was closed");
            }
        }
        self.wake();
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
pub(super) fn wind_up(
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
