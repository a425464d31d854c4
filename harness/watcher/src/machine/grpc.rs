//! gRPC: handshake, list, push, query, each in the order that the client's habits say (nacos-facts.md §2.3, §2.5, §3).

use std::time::Duration;

use shakedown_model::event::{AttemptOutcome, Path};
use shakedown_model::plan::{ClientDefect, FirstContact, Handshake, Protocol, Registers};
use shakedown_model::{ItemId, Offset};

use super::{InFlight, Phase, Watcher};
use crate::item::{Flag, Item};
use crate::limiter::Limiter;
use crate::rules::{PROBE_PAUSE, PROBE_TIMEOUT, PROBES, SETUP_PAUSE, next_on_grid};
use crate::{Action, Refusal, Request};

impl Watcher {
    /// The first message of the handshake.
    pub(super) fn begin_handshake(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.habits().handshake == Handshake::StreamThenCheck {
            // A dial further on in a round goes on where the one before failed; the stream was the first one's.
            let dial = u8::try_from(self.dial()).unwrap_or(PROBES);
            if dial == 0 {
                out.push(Action::Send(Request::OpenStream));
            }
            self.phase = Phase::Probing;
            self.probes = dial;
            self.probe(now, out);
        } else {
            self.check(out);
        }
    }

    fn check(&mut self, out: &mut Vec<Action>) {
        self.settled_at = Offset::NEVER;
        self.phase = Phase::Checking;
        self.in_flight = InFlight::Check;
        out.push(Action::Send(Request::ServerCheck));
    }

    /// The next health check of a handshake that began with the stream; after the last one the server check.
    pub(super) fn probe(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.settled_at = Offset::NEVER;
        if self.probes == PROBES {
            self.check(out);
        } else {
            self.probes += 1;
            self.settled_at = now + PROBE_TIMEOUT + self.probe_pause();
            out.push(Action::Send(Request::HealthCheck));
        }
    }

    fn probe_pause(&self) -> Duration {
        PROBE_PAUSE * (1 << (self.probes - 1))
    }

    /// A health check of the handshake was answered: a good answer ends the probing, another one is paused after.
    pub(super) fn on_probed(&mut self, now: Offset, health: Result<(), Refusal>, out: &mut Vec<Action>) {
        match health {
            Ok(()) => self.check(out),
            Err(_) => self.settled_at = self.settled_at.min(now + self.probe_pause()),
        }
    }

    /// The server check was answered: open the stream, then wait for the server's acceptance or for a moment.
    pub(super) fn set_up(&mut self, now: Offset, will_ack_setup: bool, out: &mut Vec<Action>) {
        let waits_for_ack = match self.habits().handshake {
            // The server is there, and the stream that its id is for is not.
            Handshake::StreamThenCheck if self.dial() > 0 => {
                self.phase = Phase::Checking;
                self.fail_attempt(now, AttemptOutcome::Broken, out);
                return;
            }
            Handshake::StreamThenCheck => {
                self.be_up(now, out);
                return;
            }
            Handshake::CheckThenAck | Handshake::CheckThenAckAndPause => will_ack_setup,
            Handshake::CheckThenPause => false,
        };
        self.phase = Phase::SettingUp;
        if let Some(check) = self.habits().check_timeout {
            // What is left of the attempt's time is the stream's own.
            self.attempt_deadline = now + self.rules.client.connect_timeout.saturating_sub(check);
        }
        self.settled_at = if waits_for_ack { Offset::NEVER } else { now + SETUP_PAUSE };
        out.push(Action::Send(Request::OpenStream));
    }

    pub(super) fn on_setup_ack(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.phase != Phase::SettingUp {
            return;
        }
        match self.habits().handshake {
            Handshake::CheckThenAck => self.be_up(now, out),
            Handshake::CheckThenAckAndPause => self.settled_at = self.settled_at.min(now + SETUP_PAUSE),
            Handshake::CheckThenPause | Handshake::StreamThenCheck => {}
        }
    }

    /// What the first contact of a life asks, or a reconnect.
    pub(super) fn begin_listening(&mut self, is_first: bool) {
        let habits = self.habits();
        let (first_contact, relists) = (habits.first_contact, habits.relists_on_reconnect);
        if !is_first && self.rules.has_defect(ClientDefect::KeepStaleListener) {
            self.is_listening = true;
            return;
        }
        if !is_first && !relists {
            return;
        }
        self.mark_all(Flag::Unsynced);
        let reads_alone = self.rules.client.registers == Registers::Never;
        if is_first && (first_contact == FirstContact::Query || reads_alone) {
            self.mark_all(Flag::Dirty);
        }
    }

    /// A push is acked before anything else; the notice itself carries no content.
    pub(super) fn on_notify(&mut self, now: Offset, item: ItemId, out: &mut Vec<Action>) {
        let is_asking = matches!(self.in_flight, InFlight::Listen | InFlight::Fetch(_));
        if is_asking && self.rules.has_defect(ClientDefect::DeadlockOnNotify) {
            self.is_stuck = true;
            self.request_deadline = Offset::NEVER;
        }
        if self.is_stuck {
            return;
        }
        out.push(Action::Ack);
        let lists = self.rules.client.lists_around_query;
        let is_up = self.phase == Phase::Up;
        let Some(index) = self.items.index_of(item).filter(|_| is_up) else { return };
        let is_forgotten =
            self.in_flight == InFlight::Listen && self.rules.has_defect(ClientDefect::ForgetNotify);
        if self.items[index].is(Flag::Overridden) || is_forgotten {
            return;
        }
        self.signal(index, Path::Push, now);
        self.items[index].set(if lists { Flag::Unsynced } else { Flag::Dirty });
    }

    pub(super) fn ask_next_grpc(&mut self, now: Offset, out: &mut Vec<Action>) {
        if let Some(index) = self.items.iter().position(|item| item.is(Flag::Dirty)) {
            if self.may_query(index, now) {
                let request = Request::Query(self.items.id(index));
                self.fetch(now, index, request, out);
            }
        } else if self.rules.client.registers == Registers::Never {
            // The application has what it asked for, and takes itself for subscribed.
            self.be_subscribed(now, out);
        } else if self.items.iter().any(|item| item.is(Flag::Unsynced)) {
            self.list(now, out);
        } else if self.is_listening || self.items.iter().all(|item| item.is(Flag::Overridden)) {
            self.list_path = Path::Push;
            self.be_subscribed(now, out);
        }
    }

    fn may_query(&mut self, index: usize, now: Offset) -> bool {
        if !self.has_token(now) {
            return false;
        }
        let Some(per_second) = self.habits().queries_per_second else { return true };
        let index = u16::try_from(index).expect("a watcher has at most 65,536 items");
        self.limiter.get_or_insert_with(|| Box::new(Limiter::new())).admit(index, per_second, now)
    }

    fn list(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.lists_all = true;
        for item in self.items.iter_mut() {
            if item.take(Flag::Unsynced) {
                item.take(Flag::NextRound);
                item.set(Flag::Listed);
            } else if !item.is(Flag::Overridden) {
                self.lists_all = false;
            }
        }
        self.in_flight = InFlight::Listen;
        self.sent_at = now;
        self.request_deadline = self.request_deadline(now);
        out.push(Action::Send(Request::Listen));
    }

    /// A list was answered: fetch what it names, and what was pushed meanwhile is listed again.
    pub(super) fn on_listed(&mut self, now: Offset, changed: &[ItemId], out: &mut Vec<Action>) {
        self.is_listening |= self.lists_all;
        // An item that changed again during the first list's fetches: its push is under way.
        let path = if self.list_path == Path::Initial { Path::Push } else { self.list_path };
        for index in changed.iter().filter_map(|item| self.items.index_of(*item)).collect::<Vec<_>>() {
            self.signal(index, path, now);
            self.items[index].set(Flag::Dirty);
        }
        let is_unchanged =
            |item: &Item| item.is(Flag::Listed) && !item.is(Flag::Dirty) && !item.is(Flag::Unsynced);
        let relists_quiet = self.habits().relists_quiet;
        let mut is_quiet = false;
        for index in 0..self.items.len() {
            let item = &mut self.items[index];
            let holds = is_unchanged(item);
            if !item.take(Flag::Listed) || !holds {
                continue;
            }
            if relists_quiet {
                item.set(Flag::NextRound);
                is_quiet = true;
            }
            let holds = item.held().is_some();
            self.items.clear_signal(index);
            if holds {
                // The server has what was listed: the snapshot, if nothing was heard before.
                self.items[index].set(Flag::Heard);
            } else if self.rules.may_be_absent {
                // Nothing was listed, and the server has nothing either.
                (self.fetch_path, self.fetch_signal) = (path, Offset::NEVER);
                self.be_absent(now, index, out);
            }
        }
        if is_quiet {
            self.retry_later(now);
        }
    }

    /// Marks every item for a list when the periodic one is due, and with each round of the loop what is left over.
    pub(super) fn list_on_time(&mut self, now: Offset) {
        if self.phase != Phase::Up {
            return;
        }
        let is_resync = now >= self.resync_due;
        let is_round = now >= self.retry_at;
        if is_resync {
            self.schedule_resync(now);
        }
        if is_round {
            self.retry_at = Offset::NEVER;
        }
        if !(is_resync || is_round) || self.protocol() != Protocol::NacosGrpc {
            return;
        }
        if self.is_subscribed {
            self.list_path = Path::Resync;
        }
        if is_resync {
            self.mark_all(Flag::Unsynced);
        }
        for item in self.items.iter_mut().filter(|item| item.is(Flag::NextRound)) {
            item.set(Flag::Unsynced);
        }
    }

    pub(super) fn schedule_resync(&mut self, now: Offset) {
        let grid = |period| next_on_grid(now, period, self.seed.child("resync")).0;
        self.resync_due = self.rules.client.resync.map_or(Offset::NEVER, grid);
    }
}
