//! HTTP: get each item, then one long poll over all of them (nacos-facts.md §1.4, §3.1).

use shakedown_model::event::Path;
use shakedown_model::plan::Registers;
use shakedown_model::{ItemId, Offset};

use super::{InFlight, Phase, Watcher};
use crate::item::Flag;
use crate::rules::{RELIST_WITHIN, SHORTEST_HANG};
use crate::{Action, Request};

impl Watcher {
    /// The first request of a connection is a get, for a poll would prove nothing until it is answered: an accepted
    /// connection may lead nowhere behind a proxy.
    pub(super) fn prove(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.phase = Phase::Proving;
        if self.has_been_up {
            self.items[0].set(Flag::Dirty);
            self.items.signal(0, Path::Relist, None);
        }
        for item in self.items.iter_mut().filter(|item| !item.is(Flag::Heard)) {
            item.set(Flag::Dirty);
        }
        self.get_next(now, out);
    }

    fn get_next(&mut self, now: Offset, out: &mut Vec<Action>) -> bool {
        let next = self.items.iter().position(|item| item.is(Flag::Dirty));
        if let Some(index) = next.filter(|_| self.phase != Phase::Up || self.has_token(now)) {
            let request = Request::Get(self.items.id(index));
            self.fetch(now, index, request, out);
        }
        next.is_some()
    }

    /// Gets what is to be fetched, then polls. The server compares a poll's MD5s when it arrives, so that with the
    /// poll sent nothing can be missed: the watcher is subscribed.
    pub(super) fn ask_next_http(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.get_next(now, out) || self.retry_at != Offset::NEVER {
            return;
        }
        if self.rules.client.registers == Registers::Never {
            // The application has what it asked for, and takes itself for subscribed.
            self.be_subscribed(now, out);
            return;
        }
        let client = &self.rules.client;
        self.request_deadline = now + client.poll_timeout + client.poll_grace;
        self.in_flight = InFlight::Poll;
        self.sent_at = now;
        out.push(Action::Send(Request::Poll));
        self.be_subscribed(now, out);
    }

    /// A poll was answered, with changes or after its hang.
    pub(super) fn on_polled(&mut self, now: Offset, changed: &[ItemId]) {
        let hung = now - self.sent_at;
        let round_trip = match self.list_path {
            Path::Relist => self.sent_at - self.started,
            _ => self.link.round_trip(),
        };
        let came_at_once = hung <= (round_trip * 2).max(RELIST_WITHIN);
        let path = match self.list_path {
            Path::Relist | Path::PollTimeout if came_at_once => self.list_path,
            _ => Path::PollWake,
        };
        // What the next poll is told at once, this one has missed.
        let has_timed_out = changed.is_empty() && hung >= SHORTEST_HANG;
        self.list_path = if has_timed_out { Path::PollTimeout } else { Path::PollWake };
        for index in changed.iter().filter_map(|item| self.items.index_of(*item)).collect::<Vec<_>>() {
            self.signal(index, path, now);
            self.items[index].set(Flag::Dirty);
        }
        if changed.is_empty() && hung < SHORTEST_HANG {
            self.retry_later(now);
        }
    }
}
