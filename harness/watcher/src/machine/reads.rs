//! Reads by an application: answered from the operator's file, else from memory, else from the snapshot, else when
//! content comes, else not at all.

use std::time::Duration;

use shakedown_model::event::{Delivery, Event, Path, Read, ReadSource};
use shakedown_model::payload;
use shakedown_model::plan::ClientDefect;
use shakedown_model::{ItemId, Offset, Version};

use super::{PendingRead, Phase, Watcher};
use crate::Action;
use crate::item::Flag;
use crate::rules::next_on_grid;

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
            let read = PendingRead { intended, item: u16::try_from(drawn).unwrap_or(0), look_at: intended };
            self.connect_for_read(now);
            match self.answer(read, now) {
                Some(event) => out.push(event),
                None => self.pending_reads.push_back(read),
            }
        }
    }

    /// A read is when a client that was idle since its start connects.
    fn connect_for_read(&mut self, now: Offset) {
        if self.phase == Phase::Waiting && self.attempt == 0 && now < self.attempt_deadline {
            self.waited_from = now;
            self.attempt_deadline = now;
        }
    }

    /// Answers reads that waited for content, and gives up those that waited too long.
    pub(super) fn answer_pending(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.pending_reads.is_empty() {
            return;
        }
        let timeout = self.rules.client.request_timeout;
        let mut waiting = std::mem::take(&mut self.pending_reads);
        waiting.retain_mut(|read| {
            let answer = self.answer(*read, now).or_else(|| {
                (now >= read.intended + timeout).then(|| self.read_event(*read, now, ReadSource::Nothing))
            });
            read.look_at =
                read.intended + if self.has_tried(*read, now) { timeout } else { self.habits().offline_read };
            out.extend(answer);
            answer.is_none()
        });
        self.pending_reads = waiting;
    }

    pub(super) fn reads_due(&self) -> Offset {
        self.pending_reads.iter().map(|read| read.look_at).min().unwrap_or(Offset::NEVER)
    }

    /// Whether a read has tried long enough for a connection, or needs none.
    fn has_tried(&self, read: PendingRead, now: Offset) -> bool {
        self.phase == Phase::Up || now >= read.intended + self.habits().offline_read
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
        Action::Record(Event::Read(Read {
            intended: read.intended,
            answered: now.max(read.intended),
            watcher: self.id,
            item: item.id,
            source,
            version: if source == ReadSource::Nothing { None } else { item.version() },
            says_stale: match source {
                ReadSource::Live | ReadSource::Nothing => false,
                ReadSource::Memory | ReadSource::Failover => true,
                ReadSource::Snapshot => !self.rules.has_defect(ClientDefect::TornSnapshot),
            },
            is_cold: self.is_cold_life && (source == ReadSource::Failover || !item.is(Flag::Heard)),
        }))
    }

    /// Notes what the snapshot on disk proves. The application holds it from then on.
    pub(super) fn on_snapshot(
        &mut self,
        now: Offset,
        item: ItemId,
        content: Option<&str>,
        out: &mut Vec<Action>,
    ) {
        let Some((index, content)) = self.index_of(item).zip(content).filter(|_| self.phase != Phase::Dead)
        else {
            return;
        };
        let is_torn = self.rules.has_defect(ClientDefect::TornSnapshot);
        let served = if is_torn { content.get(..content.len() / 2).unwrap_or("") } else { content };
        let version = self.proven(item, served);
        let md5 = self.habits().snapshot.is_listed.then(|| payload::md5(served));
        if self.items[index].note_snapshot(version, md5)
            && let Some(version) = version
        {
            self.record_cached(now, item, version, out);
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
            self.index_of(item).filter(|index| is_alive && self.items[*index].is(Flag::Overridden))
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
        payload::decode(content)
            .ok()
            .filter(|identity| identity.run == self.rules.run_id && identity.item == item)
            .map(|identity| identity.version)
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
