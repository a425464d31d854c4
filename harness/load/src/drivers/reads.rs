//! Reads of an application through a real client: due at a steady rate, answered by the driver or given up.

use std::collections::VecDeque;
use std::time::Duration;

use shakedown_model::time::nanos;
use shakedown_model::{ItemId, Offset, Seed};

/// How much longer than its time-out an answer is waited for: it was counted from when the driver read the command.
const GRACE: Duration = Duration::from_millis(500);

/// A read under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    /// Comes back with the answer.
    pub(super) id: u64,
    /// When it was due.
    pub(super) intended: Offset,
    /// What is read.
    pub(super) item: ItemId,
    /// Whether the driver was told.
    pub(super) is_sent: bool,
}

/// The reads of one watcher.
#[derive(Debug)]
pub(super) struct Reads {
    /// `None`: it reads nothing.
    period: Option<Duration>,
    timeout: Duration,
    phase: u64,
    items: Vec<ItemId>,
    draws: Seed,
    due: Offset,
    pending: VecDeque<Pending>,
    next_id: u64,
}

impl Reads {
    /// `seed` is the watcher's own.
    pub(super) fn new(per_second: f64, timeout: Duration, items: Vec<ItemId>, seed: Seed) -> Self {
        let period = (per_second > 0.0).then(|| Duration::from_secs_f64(1.0 / per_second));
        let phase = period.map_or(0, |period| seed.child("reads").below(0, nanos(period).max(1)));
        let draws = seed.child("read-items");
        Self {
            period,
            timeout,
            phase,
            items,
            draws,
            due: Offset::NEVER,
            pending: VecDeque::new(),
            next_id: 0,
        }
    }

    /// How long one may take.
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A life begins: the first read is due at the watcher's next place on its grid.
    pub(super) fn begin(&mut self, now: Offset) {
        self.due = self.after(now);
    }

    /// A life ends: what was under way has no reader any more.
    pub(super) fn end(&mut self) {
        self.due = Offset::NEVER;
        self.pending.clear();
    }

    /// When something is to be done next.
    pub(super) fn deadline(&self) -> Offset {
        let expiry = self.pending.front().map_or(Offset::NEVER, |read| self.expiry(read));
        self.due.min(expiry)
    }

    /// Makes every read that is due.
    pub(super) fn make_due(&mut self, now: Offset) {
        while self.due <= now {
            let at = usize::try_from(self.draws.below(self.next_id, self.items.len() as u64)).unwrap_or(0);
            let (id, intended, item) = (self.next_id, self.due, self.items[at]);
            self.pending.push_back(Pending { id, intended, item, is_sent: false });
            self.next_id += 1;
            self.due = self.after(self.due);
        }
    }

    /// The reads that the driver was not told of; it is now.
    pub(super) fn take_unsent(&mut self) -> Vec<Pending> {
        let unsent = self.pending.iter_mut().filter(|read| !read.is_sent);
        unsent
            .map(|read| {
                read.is_sent = true;
                *read
            })
            .collect()
    }

    /// The read that an answer belongs to; `None` when it was given up.
    pub(super) fn answered(&mut self, id: u64) -> Option<Pending> {
        let at = self.pending.iter().position(|read| read.id == id)?;
        self.pending.remove(at)
    }

    /// The reads that were not answered in time.
    pub(super) fn take_expired(&mut self, now: Offset) -> Vec<Pending> {
        let mut expired = Vec::new();
        while let Some(read) = self.pending.front().copied().filter(|read| self.expiry(read) <= now) {
            self.pending.pop_front();
            expired.push(read);
        }
        expired
    }

    fn expiry(&self, read: &Pending) -> Offset {
        read.intended + self.timeout + GRACE
    }

    /// The first place on the grid after `now`.
    fn after(&self, now: Offset) -> Offset {
        let Some(period) = self.period else { return Offset::NEVER };
        let period = nanos(period).max(1);
        let nth = if now.0 < self.phase { 0 } else { (now.0 - self.phase) / period + 1 };
        Offset(nth.saturating_mul(period).saturating_add(self.phase))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads() -> Reads {
        Reads::new(2.0, Duration::from_secs(3), vec![ItemId(7), ItemId(9)], Seed(3))
    }

    #[test]
    fn reads_are_due_on_a_grid_and_told_once() {
        let mut reads = reads();
        assert_eq!(reads.deadline(), Offset::NEVER);
        reads.begin(Offset::from_secs(10));
        reads.make_due(Offset::from_secs(12));
        let told = reads.take_unsent();
        assert_eq!(told.len(), 4);
        assert!(
            told.windows(2).all(|pair| pair[1].intended - pair[0].intended == Duration::from_millis(500))
        );
        assert!(
            told[0].intended > Offset::from_secs(10) && told.iter().all(|read| [7, 9].contains(&read.item.0))
        );
        assert!(reads.take_unsent().is_empty());
        assert_eq!(reads.answered(told[1].id).map(|read| read.intended), Some(told[1].intended));
        assert_eq!(reads.answered(told[1].id), None, "answered already");
    }

    #[test]
    fn a_read_without_an_answer_is_given_up_and_one_of_a_crashed_client_is_none() {
        let mut reads = reads();
        reads.begin(Offset::ZERO);
        reads.make_due(Offset::from_secs(1));
        let due = reads.take_unsent();
        let expiry = due[0].intended + Duration::from_millis(3_500);
        assert!(reads.take_expired(Offset(expiry.0 - 1)).is_empty());
        assert_eq!(reads.take_expired(expiry).len(), 1);
        reads.end();
        assert!(reads.take_expired(Offset::from_secs(99)).is_empty() && reads.deadline() == Offset::NEVER);
    }

    #[test]
    fn without_a_rate_there_are_none() {
        let mut reads = Reads::new(0.0, Duration::from_secs(3), vec![ItemId(7)], Seed(3));
        reads.begin(Offset::ZERO);
        reads.make_due(Offset::from_secs(1));
        assert!(reads.take_unsent().is_empty() && reads.deadline() == Offset::NEVER);
    }
}
