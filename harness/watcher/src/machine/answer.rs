//! What becomes of answers: content is verified and held, trouble is recorded and asked again later.

use shakedown_model::event::{
    Absence, AttemptOutcome, Corrupt, Corruption, Delivery, Event, Invalid, LossCause, Path,
};
use shakedown_model::plan::{ClientDefect, Protocol, Registers};
use shakedown_model::{Offset, Version};

use super::{InFlight, Phase, Watcher};
use crate::item::Flag;
use crate::verify::{Unverified, Verified, verify};
use crate::{Action, Refusal, Reply, Request};

impl Watcher {
    pub(super) fn on_reply(&mut self, now: Offset, reply: Reply<'_>, out: &mut Vec<Action>) {
        if self.is_stuck && self.phase == Phase::Up {
            return;
        }
        let asked = std::mem::replace(&mut self.in_flight, InFlight::Nothing);
        self.request_deadline = Offset::NEVER;
        if let Some(pacer) = &mut self.pacer
            && matches!((asked, reply), (InFlight::Fetch(_), _) | (_, Reply::Changed([])))
        {
            pacer.served();
        }
        if matches!(asked, InFlight::Listen | InFlight::Fetch(_)) {
            self.link.measured(now - self.sent_at);
        }
        match (asked, reply) {
            (InFlight::Nothing, _) => {}
            (InFlight::Check, Reply::Checked { will_ack_setup }) => self.set_up(now, will_ack_setup, out),
            (InFlight::Listen, Reply::Changed(changed)) => self.on_listed(now, changed, out),
            (InFlight::Poll, Reply::Changed(changed)) => self.on_polled(now, changed),
            (InFlight::Fetch(index), Reply::Content { text, md5 }) => {
                self.end_proof(now, out);
                let item = self.items.id(usize::from(index));
                match verify(self.rules.run_id, item, text, md5) {
                    Ok(verified) => self.on_verified(now, usize::from(index), verified, out),
                    Err(unverified) => self.on_unverified(now, usize::from(index), unverified, out),
                }
            }
            (InFlight::Fetch(index), Reply::Absent) => {
                self.end_proof(now, out);
                self.on_absent(now, usize::from(index), out);
            }
            (_, Reply::Refused(Refusal::Unregistered)) => self.lose(now, LossCause::Unregistered, out),
            (asked, Reply::Refused(Refusal::NotReady | Refusal::Error)) => self.on_refused(now, asked, out),
            (
                InFlight::Check | InFlight::Listen | InFlight::Fetch(_) | InFlight::Poll,
                Reply::Checked { .. } | Reply::Changed(_) | Reply::Content { .. } | Reply::Absent,
            ) => self.lose(now, LossCause::Protocol, out),
        }
    }

    /// Sends a query or a get. The item's signal moves to the fetch, so that one that comes meanwhile is a new one.
    pub(super) fn fetch(&mut self, now: Offset, index: usize, request: Request, out: &mut Vec<Action>) {
        let deadline = self.request_deadline(now);
        self.items[index].take(Flag::Dirty);
        let was_heard = self.items[index].is(Flag::Heard);
        let (path, signal) = if was_heard { self.items.reason(index) } else { (Path::Initial, None) };
        (self.fetch_path, self.fetch_signal) = (path, signal.unwrap_or(Offset::NEVER));
        self.items.clear_signal(index);
        self.in_flight = InFlight::Fetch(u16::try_from(index).expect("a watcher has at most 65,536 items"));
        self.sent_at = now;
        if self.phase == Phase::Up {
            self.request_deadline = deadline;
        }
        out.push(Action::Send(request));
    }

    /// Notes why an item must be fetched, from the first signal on. The first fetch of a life has no signal.
    pub(super) fn signal(&mut self, index: usize, path: Path, at: Offset) {
        if !self.items[index].is(Flag::Heard) {
            return;
        }
        self.items.signal(index, path, Some(at));
        if let Some(pacer) = &mut self.pacer
            && matches!(path, Path::Push | Path::PollWake)
            && !self.items.iter().any(|item| item.is(Flag::Dirty) || item.is(Flag::Unsynced))
        {
            pacer.signalled(at);
        }
    }

    /// Takes a token for a fetch, where the client's pace asks for one.
    pub(super) fn has_token(&mut self, now: Offset) -> bool {
        self.pacer.as_mut().is_none_or(|pacer| pacer.take_token(now))
    }

    /// An HTTP server that answered is really there.
    fn end_proof(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.phase == Phase::Proving {
            self.be_up(now, out);
        }
    }

    fn on_verified(
        &mut self,
        now: Offset,
        index: usize,
        Verified { version, md5, is_invalid }: Verified,
        out: &mut Vec<Action>,
    ) {
        let before = self.items[index].version();
        let is_new = self.items[index].hold(version, md5);
        self.items[index].take(Flag::NextRound);
        if self.protocol() == Protocol::NacosGrpc && self.rules.client.lists_around_query {
            self.items[index].set(Flag::Unsynced);
        }
        if !is_new {
            let (watcher, item) = (self.id, self.items.id(index));
            out.push(Action::Record(Event::FetchedAgain { at: now, watcher, item }));
            return;
        }
        let call = Action::Record(Event::Delivery(Delivery {
            at: now,
            watcher: self.id,
            item: self.items.id(index),
            version,
            signal: self.signalled(),
            path: self.fetch_path,
        }));
        out.push(call);
        if self.rules.has_defect(ClientDefect::CallTwice) || self.rules.client.registers == Registers::Twice {
            out.push(call);
        }
        self.judge_content(now, index, (before, version, is_invalid), out);
        if self.rules.has_defect(ClientDefect::CallAgain) {
            self.retry_later(now);
        }
        let keeps_first =
            self.items[index].is(Flag::HasSnapshot) && self.rules.has_defect(ClientDefect::StaleSnapshot);
        if self.rules.saves_snapshots() && !keeps_first {
            self.items[index].set(Flag::HasSnapshot);
            out.push(Action::SaveSnapshot(self.items.id(index)));
        }
    }

    /// The application looks at what it was called with: what it cannot use it refuses, and goes on with what it had.
    pub(super) fn judge_content(
        &mut self,
        at: Offset,
        index: usize,
        (before, version, is_invalid): (Option<Version>, Version, bool),
        out: &mut Vec<Action>,
    ) {
        if !is_invalid {
            self.items.take_over(index);
            return;
        }
        let kept = self.items.keep(index, before);
        let uses = if self.rules.has_defect(ClientDefect::TakeInvalid) { Some(version) } else { kept };
        let (watcher, item) = (self.id, self.items.id(index));
        out.push(Action::Record(Event::Invalid(Invalid { at, watcher, item, version, uses })));
    }

    /// The listener failed, and is called again with what is held.
    pub(super) fn call_again(&mut self, now: Offset, out: &mut Vec<Action>) {
        let watcher = self.id;
        let held =
            self.items.ids().zip(self.items.iter()).filter_map(|(id, item)| Some((id, item.version()?)));
        out.extend(held.map(|(item, version)| {
            let (signal, path) = (None, Path::Resync);
            Action::Record(Event::Delivery(Delivery { at: now, watcher, item, version, signal, path }))
        }));
        self.retry_later(now);
    }

    /// The item does not exist. Where nothing is deleted that is a loss; a client that does not hear of deletes keeps
    /// what it holds.
    fn on_absent(&mut self, now: Offset, index: usize, out: &mut Vec<Action>) {
        if !self.rules.may_be_absent {
            let absent = Unverified { corruption: Corruption::Absent, claims: None };
            self.on_unverified(now, index, absent, out);
            return;
        }
        let is_deaf = !self.habits().hears_deletes || self.rules.has_defect(ClientDefect::IgnoreDeletes);
        if is_deaf && self.items[index].version().is_some() {
            return;
        }
        if self.protocol() == Protocol::NacosGrpc && self.rules.client.lists_around_query {
            self.items[index].set(Flag::Unsynced);
        }
        self.be_absent(now, index, out);
    }

    /// Takes note that an item does not exist, and tells the listener unless it knows.
    pub(super) fn be_absent(&mut self, now: Offset, index: usize, out: &mut Vec<Action>) {
        let (watcher, signal, path) = (self.id, self.signalled(), self.fetch_path);
        let item_id = self.items.id(index);
        let item = &mut self.items[index];
        item.take(Flag::NextRound);
        if !item.lack() {
            return;
        }
        let had_snapshot = item.take(Flag::HasSnapshot);
        self.items.take_over(index);
        out.push(Action::Record(Event::Absent(Absence { at: now, watcher, item: item_id, signal, path })));
        if had_snapshot {
            out.push(Action::DropSnapshot(item_id));
        }
    }

    fn signalled(&self) -> Option<Offset> {
        (self.fetch_signal != Offset::NEVER).then_some(self.fetch_signal)
    }

    /// What was held stays; the item is asked for again after a pause.
    fn on_unverified(&mut self, now: Offset, index: usize, unverified: Unverified, out: &mut Vec<Action>) {
        let Unverified { corruption, claims } = unverified;
        let (watcher, item) = (self.id, self.items.id(index));
        out.push(Action::Record(Event::Corrupt(Corrupt { at: now, watcher, item, corruption, claims })));
        self.ask_again(index);
        self.retry_later(now);
    }

    /// The fetch came to nothing: the item is listed with the next round, and its signal stands.
    fn ask_again(&mut self, index: usize) {
        let signal = self.signalled();
        self.items.signal(index, self.fetch_path, signal);
        self.items[index].set(Flag::NextRound);
    }

    pub(super) fn on_refused(&mut self, now: Offset, asked: InFlight, out: &mut Vec<Action>) {
        if self.phase != Phase::Up {
            self.fail_attempt(now, AttemptOutcome::Broken, out);
            return;
        }
        match asked {
            InFlight::Fetch(index) => self.ask_again(usize::from(index)),
            InFlight::Listen => {
                for item in self.items.iter_mut().filter(|item| item.is(Flag::Listed)) {
                    item.take(Flag::Listed);
                    item.set(Flag::NextRound);
                }
            }
            InFlight::Nothing | InFlight::Check | InFlight::Poll => {}
        }
        self.retry_later(now);
    }

    /// Asks again with the next round of the client's loop.
    pub(super) fn retry_later(&mut self, now: Offset) {
        self.retry_at = self.retry_at.min(now + self.habits().retry);
    }
}
