//! What becomes of answers: content is verified and held, trouble is recorded and asked again later.

use shakedown_model::event::{AttemptOutcome, Corrupt, Corruption, Delivery, Event, LossCause, Path};
use shakedown_model::plan::{Cache, Protocol};
use shakedown_model::{Offset, Version};

use super::{InFlight, Phase, Watcher};
use crate::item::Flag;
use crate::rules::{GRPC_RETRY, HTTP_RETRY};
use crate::verify::{Unverified, verify};
use crate::{Action, Refusal, Reply, Request};

impl Watcher {
    pub(super) fn on_reply(&mut self, now: Offset, reply: Reply<'_>, out: &mut Vec<Action>) {
        let asked = std::mem::replace(&mut self.in_flight, InFlight::Nothing);
        self.request_deadline = Offset::NEVER;
        match (asked, reply) {
            (InFlight::Nothing, _) => {}
            (InFlight::Check, Reply::Checked { will_ack_setup }) => self.set_up(now, will_ack_setup, out),
            (InFlight::Listen, Reply::Changed(changed)) => self.on_listed(now, changed),
            (InFlight::Poll, Reply::Changed(changed)) => self.on_polled(now, changed),
            (InFlight::Fetch(index), Reply::Content { text, md5 }) => {
                self.end_proof(now, out);
                let item = self.items[usize::from(index)].id;
                match verify(self.rules.run_id, item, text, md5) {
                    Ok(verified) => self.on_verified(now, usize::from(index), verified, out),
                    Err(unverified) => self.on_unverified(now, usize::from(index), unverified, out),
                }
            }
            (InFlight::Fetch(index), Reply::Absent) => {
                self.end_proof(now, out);
                let absent = Unverified { corruption: Corruption::Absent, claims: None };
                self.on_unverified(now, usize::from(index), absent, out);
            }
            (_, Reply::Refused(Refusal::Unregistered)) => self.lose(now, LossCause::Unregistered, out),
            (asked, Reply::Refused(Refusal::Error)) => self.on_refused(now, asked, out),
            (
                InFlight::Check | InFlight::Listen | InFlight::Fetch(_) | InFlight::Poll,
                Reply::Checked { .. } | Reply::Changed(_) | Reply::Content { .. } | Reply::Absent,
            ) => self.lose(now, LossCause::Protocol, out),
        }
    }

    /// Sends a query or a get. The item's signal moves to the fetch, so that one that comes meanwhile is a new one.
    pub(super) fn fetch(&mut self, now: Offset, index: usize, request: Request, out: &mut Vec<Action>) {
        let timeout = self.request_timeout();
        let item = &mut self.items[index];
        item.take(Flag::Dirty);
        (self.fetch_path, self.fetch_signal) = item.reason();
        if !item.is(Flag::Heard) {
            (self.fetch_path, self.fetch_signal) = (Path::Initial, None);
        }
        item.clear_signal();
        self.in_flight = InFlight::Fetch(u16::try_from(index).expect("a watcher has at most 65,536 items"));
        self.sent_at = now;
        if self.phase == Phase::Up {
            self.request_deadline = now + timeout;
        }
        out.push(Action::Send(request));
    }

    /// Notes why an item must be fetched, from the first signal on. The first fetch of a life has no signal.
    pub(super) fn signal(&mut self, index: usize, path: Path, at: Offset) {
        if self.items[index].is(Flag::Heard) {
            self.items[index].signal(path, Some(at));
        }
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
        (version, md5): (Version, [u8; 16]),
        out: &mut Vec<Action>,
    ) {
        let is_new = self.items[index].hold(version, md5);
        if self.protocol() == Protocol::NacosGrpc && self.rules.client.lists_around_query {
            self.items[index].set(Flag::Unsynced);
        }
        if !is_new {
            return;
        }
        out.push(Action::Record(Event::Delivery(Delivery {
            at: now,
            watcher: self.id,
            item: self.items[index].id,
            version,
            signal: self.fetch_signal,
            path: self.fetch_path,
        })));
        if self.rules.client.cache == Cache::Snapshot {
            self.items[index].set(Flag::HasSnapshot);
            out.push(Action::SaveSnapshot(self.items[index].id));
        }
    }

    /// What was held stays; the item is asked for again after a pause.
    fn on_unverified(&mut self, now: Offset, index: usize, unverified: Unverified, out: &mut Vec<Action>) {
        let Unverified { corruption, claims } = unverified;
        let (watcher, item) = (self.id, self.items[index].id);
        out.push(Action::Record(Event::Corrupt(Corrupt { at: now, watcher, item, corruption, claims })));
        self.items[index].signal(self.fetch_path, self.fetch_signal);
        self.retry_later(now);
    }

    fn on_refused(&mut self, now: Offset, asked: InFlight, out: &mut Vec<Action>) {
        if self.phase != Phase::Up {
            self.fail_attempt(now, AttemptOutcome::Broken, out);
            return;
        }
        match asked {
            InFlight::Fetch(index) => {
                self.items[usize::from(index)].signal(self.fetch_path, self.fetch_signal);
            }
            InFlight::Listen => self.items.iter_mut().for_each(|item| {
                item.take(Flag::Listed);
            }),
            InFlight::Nothing | InFlight::Check | InFlight::Poll => {}
        }
        self.retry_later(now);
    }

    fn retry_later(&mut self, now: Offset) {
        let pause = match self.protocol() {
            Protocol::NacosGrpc => GRPC_RETRY,
            Protocol::NacosHttp => HTTP_RETRY,
        };
        self.retry_at = self.retry_at.min(now + pause);
    }
}
