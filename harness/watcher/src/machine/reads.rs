//! Reads by an application. Where the operator has a file for the item, that is the answer. Else it depends on the client's
//! habit: from memory, else from the snapshot, else when content comes, else not at all; or from the server each time, and
//! from the snapshot when that came to nothing.

use std::time::Duration;

use shakedown_model::event::{Delivery, Event, LossCause, Path, Read, ReadSource};
use shakedown_model::payload::{self, Identity};
use shakedown_model::plan::{ClientDefect, Protocol, ReadHabit};
use shakedown_model::{ItemId, Offset, Version};

use super::{PendingRead, Phase, Watcher};
use crate::item::Flag;
use crate::rules::{READ_GAP, next_on_grid};
use crate::{Action, Refusal, Reply};

impl Watcher {
    /// Reads come at a steady rate on the watcher's own phase, from its start on.
    pub(super) fn schedule_reads(&mut self, now: Offset) {
        self.read_due =
            self.rules.read_period().map_or(Offset::NEVER, |period| self.next_read(now, period).0);
    }

    fn next_read(&self, now: Offset, period: Duration) -> (Offset, u64) {
        next_on_grid(now, period, self.seed.child("reads"))
    }

    /// Makes every read that is due, at its intended time however late the timer is.
    pub(super) fn read_on_time(&mut self, now: Offset, out: &mut Vec<Action>) {
        let Some(period) = self.rules.read_period() else { return };
        while self.phase != Phase::Dead && self.read_due <= now {
            let intended = self.read_due;
            let (next, k) = self.next_read(intended, period);
            self.read_due = next;
            let drawn = self.seed.child("read-items").below(k, self.items.len() as u64);
            let tries_until = intended + self.habits().offline_read;
            let item = u16::try_from(drawn).unwrap_or(0);
            let read = PendingRead { intended, item, look_at: intended, tries_until, is_asked: false };
            self.connect_for_read(now);
            self.pending_reads.push_back(read);
        }
        // Answered at once where they can be, before anything else of the step.
        self.answer_pending(now, out);
    }

    /// A read is when a client that was idle since its start connects.
    fn connect_for_read(&mut self, now: Offset) {
        if self.phase == Phase::Waiting && self.attempt == 0 && now < self.attempt_deadline {
            self.waited_from = now;
            self.attempt_deadline = now;
        }
    }

    /// Answers reads that waited, asks the server where that is the client's habit, and gives up those that waited too
    /// long.
    pub(super) fn answer_pending(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.pending_reads.is_empty() {
            return;
        }
        self.notice_by_reading(now, out);
        let timeout = self.rules.client.request_timeout;
        let has_failed = self.phase == Phase::Up
            && self.protocol() == Protocol::NacosGrpc
            && self.pending_reads.iter().any(|read| read.is_asked && now >= read.intended + timeout);
        let mut waiting = std::mem::take(&mut self.pending_reads);
        waiting.retain_mut(|read| {
            let is_asking = self.asks_server(*read);
            let answer =
                if is_asking { self.ask_for(read, now, out) } else { self.answer_from_memory(read, now) };
            out.extend(answer);
            answer.is_none()
        });
        self.pending_reads = waiting;
        // A read is a request like any other.
        if has_failed && self.habits().requests_time_out {
            self.leave_or_doubt(now, out);
        }
    }

    /// Whether a read goes to the server: what an operator's file overrides never does.
    fn asks_server(&self, read: PendingRead) -> bool {
        self.habits().reads == ReadHabit::Server && !self.items[usize::from(read.item)].is(Flag::Overridden)
    }

    /// A request is when a client that does not look notices that its connection ended.
    fn notice_by_reading(&mut self, now: Offset, out: &mut Vec<Action>) {
        let will_ask = |read: &PendingRead| !read.is_asked && self.asks_server(*read);
        if let Some(cause) = self.ended.filter(|_| self.phase == Phase::Up)
            && self.pending_reads.iter().any(will_ask)
        {
            self.lose(now, cause, out);
        }
    }

    fn answer_from_memory(&self, read: &mut PendingRead, now: Offset) -> Option<Action> {
        let given_up = read.intended + self.rules.client.request_timeout;
        let answer = self
            .answer(*read, now)
            .or_else(|| (now >= given_up).then(|| self.read_event(*read, now, ReadSource::Nothing)));
        read.look_at = if self.has_tried(*read, now) { given_up } else { read.tries_until };
        answer
    }

    /// Asks the server as soon as it can be asked; what the disk has is the answer when that came to nothing in time.
    fn ask_for(&self, read: &mut PendingRead, now: Offset, out: &mut Vec<Action>) -> Option<Action> {
        let given_up = read.intended + self.rules.client.request_timeout;
        if now >= given_up {
            if read.is_asked {
                out.push(Action::DropRead { id: read.intended });
            }
            return Some(self.answer_from_disk(*read, now));
        }
        if read.is_asked {
            read.look_at = given_up;
            return None;
        }
        let has_way = self.protocol() == Protocol::NacosHttp || self.phase == Phase::Up;
        if has_way && (self.protocol() == Protocol::NacosGrpc || now >= read.look_at) {
            read.is_asked = true;
            read.look_at = given_up;
            let item = self.items.id(usize::from(read.item));
            out.push(Action::Read { id: read.intended, item, node: self.node() });
        } else if !has_way && now >= read.tries_until {
            return Some(self.answer_from_disk(*read, now));
        } else if !has_way {
            read.look_at = read.tries_until.min(given_up);
        }
        None
    }

    /// What a read is given that the server did not answer.
    fn answer_from_disk(&self, read: PendingRead, now: Offset) -> Action {
        let has_file = self.items[usize::from(read.item)].is(Flag::HasSnapshot);
        let is_served = has_file && self.rules.serves_snapshots();
        self.read_event(read, now, if is_served { ReadSource::Snapshot } else { ReadSource::Nothing })
    }

    /// The connection is gone, and with it the answers that were to come on it (gRPC).
    pub(super) fn unask_reads(&mut self, now: Offset) {
        if self.protocol() == Protocol::NacosHttp {
            return;
        }
        let patience = self.habits().offline_read;
        for read in self.pending_reads.iter_mut().filter(|read| read.is_asked) {
            read.is_asked = false;
            read.tries_until = now + patience;
            read.look_at = read.tries_until;
        }
    }

    /// The server answered a read, or could not be asked.
    pub(super) fn on_read(
        &mut self,
        now: Offset,
        id: Offset,
        reply: Option<Reply<'_>>,
        out: &mut Vec<Action>,
    ) {
        let Some(at) = self.pending_reads.iter().position(|read| read.intended == id && read.is_asked) else {
            return;
        };
        let item = self.items.id(usize::from(self.pending_reads[at].item));
        let version = match reply {
            Some(Reply::Content { text, .. }) => self.proven(item, text),
            Some(Reply::Absent) => None,
            Some(Reply::Refused(Refusal::Unregistered)) => {
                self.lose(now, LossCause::Unregistered, out);
                return;
            }
            None if self.protocol() == Protocol::NacosHttp && now < self.pending_reads[at].tries_until => {
                let read = &mut self.pending_reads[at];
                read.is_asked = false;
                read.look_at = now + READ_GAP;
                return;
            }
            None | Some(_) => {
                let read = self.pending_reads.remove(at).expect("its place was just found");
                out.push(self.answer_from_disk(read, now));
                return;
            }
        };
        let read = self.pending_reads.remove(at).expect("its place was just found");
        out.push(self.read_event_of(read, now, ReadSource::Live, version));
    }

    pub(super) fn reads_due(&self) -> Offset {
        self.pending_reads.iter().map(|read| read.look_at).min().unwrap_or(Offset::NEVER)
    }

    /// Whether a read has tried long enough for a connection, or needs none.
    fn has_tried(&self, read: PendingRead, now: Offset) -> bool {
        self.phase == Phase::Up || now >= read.tries_until
    }

    fn answer(&self, read: PendingRead, now: Offset) -> Option<Action> {
        let item = &self.items[usize::from(read.item)];
        if !item.is(Flag::Overridden) && !self.has_tried(read, now) {
            return None;
        }
        let source = if item.is(Flag::Overridden) {
            if !item.is(Flag::Heard) {
                return None;
            }
            ReadSource::Failover
        } else if item.is(Flag::Heard) {
            if self.is_current() { ReadSource::Live } else { ReadSource::Memory }
        } else if item.is(Flag::HasSnapshot) {
            ReadSource::Snapshot
        } else {
            return None;
        };
        Some(self.read_event(read, now, source))
    }

    /// Whether memory is kept current: subscribed, or on the way there for the first time in this life.
    fn is_current(&self) -> bool {
        self.is_subscribed || self.phase == Phase::Up && self.list_path == Path::Initial
    }

    fn read_event(&self, read: PendingRead, now: Offset, source: ReadSource) -> Action {
        let item = &self.items[usize::from(read.item)];
        let is_torn = source == ReadSource::Snapshot
            && item.is(Flag::Heard)
            && self.rules.has_defect(ClientDefect::TornSnapshot);
        let version = if source == ReadSource::Nothing || is_torn { None } else { item.version() };
        self.read_event_of(read, now, source, version)
    }

    fn read_event_of(
        &self,
        read: PendingRead,
        now: Offset,
        source: ReadSource,
        version: Option<Version>,
    ) -> Action {
        let item = &self.items[usize::from(read.item)];
        let has_server_answered = source == ReadSource::Live && self.asks_server(read);
        Action::Record(Event::Read(Read {
            intended: read.intended,
            answered: now.max(read.intended),
            watcher: self.id,
            item: self.items.id(usize::from(read.item)),
            source,
            version,
            says_stale: match source {
                ReadSource::Live | ReadSource::Nothing => false,
                ReadSource::Memory | ReadSource::Failover => true,
                ReadSource::Snapshot => !self.claims_to_be_fresh(),
            },
            is_cold: self.is_cold_life
                && !has_server_answered
                && (source == ReadSource::Failover || !item.is(Flag::Heard)),
        }))
    }

    /// Whether a planted defect passes snapshots off as the server's answers.
    fn claims_to_be_fresh(&self) -> bool {
        self.rules.has_defect(ClientDefect::TornSnapshot)
            || self.rules.has_defect(ClientDefect::SilentSnapshot)
    }

    /// Notes what the snapshot on disk proves. The application holds it from then on.
    pub(super) fn on_snapshot(
        &mut self,
        now: Offset,
        item: ItemId,
        content: Option<&str>,
        out: &mut Vec<Action>,
    ) {
        let Some((index, content)) =
            self.items.index_of(item).zip(content).filter(|_| self.phase != Phase::Dead)
        else {
            return;
        };
        let is_torn = self.rules.has_defect(ClientDefect::TornSnapshot);
        let served = if is_torn { content.get(..content.len() / 2).unwrap_or("") } else { content };
        let proven = self.proof(item, served);
        let md5 = self.habits().snapshot.is_listed.then(|| payload::md5(served));
        let before = self.items[index].version();
        if self.items[index].note_snapshot(proven.map(|proven| proven.version), md5)
            && let Some(Identity { version, is_invalid, .. }) = proven
        {
            self.record_cached(now, item, version, out);
            self.judge_content(now, index, (before, version, is_invalid), out);
        }
    }

    /// Notes what the file that overrides the server proves.
    pub(super) fn on_override(
        &mut self,
        now: Offset,
        item: ItemId,
        content: Option<&str>,
        out: &mut Vec<Action>,
    ) {
        let is_alive = self.phase != Phase::Dead;
        let Some(index) =
            self.items.index_of(item).filter(|index| is_alive && self.items[*index].is(Flag::Overridden))
        else {
            return;
        };
        let version = content.and_then(|content| self.proven(item, content));
        self.items[index].note_override(version);
        if let Some(version) = version {
            self.record_cached(now, item, version, out);
        }
    }

    fn proven(&self, item: ItemId, content: &str) -> Option<Version> {
        self.proof(item, content).map(|identity| identity.version)
    }

    fn proof(&self, item: ItemId, content: &str) -> Option<Identity> {
        let is_of_item = |found: &Identity| found.run == self.rules.run_id && found.item == item;
        payload::decode(content).ok().filter(is_of_item)
    }

    fn record_cached(&self, at: Offset, item: ItemId, version: Version, out: &mut Vec<Action>) {
        let (watcher, path) = (self.id, Path::Cache);
        out.push(Action::Record(Event::Delivery(Delivery {
            at,
            watcher,
            item,
            version,
            signal: None,
            path,
        })));
    }
}
