//! One mutation at a server: its steps, and what is known at their end.
//!
//! Without compare-and-set, what has no clear answer is ambiguous. With it, an ambiguous write can be settled, because
//! sending it again is harmless: either the first try was stored, and the second conflicts with it, or it was not, and
//! can never be once the second one is. A read then tells whose content it is that conflicts. What a read settled is
//! stored, and no one knows since when: that is no ack.

use std::sync::Arc;
use std::time::Duration;

use shakedown_model::Offset;
use shakedown_model::event::PublishOutcome;
use shakedown_model::payload;
use shakedown_model::plan::ItemKey;
use shakedown_model::schedule::MutationKind;
use shakedown_record::Clock;
use tokio::time::{Instant, sleep, timeout};

use super::holding::{Came, Intent, Md5};
use super::{PublishError, Publisher, Step};

/// How often an ambiguous write is sent in all, under compare-and-set.
const TRIES: u32 = 4;
/// The pause before it is sent again, and between two reads.
const PAUSE: Duration = Duration::from_millis(100);
/// What was stored can be read after this long: a dump takes 100 ms, and 1 s more where it failed once
/// (nacos-facts.md §5.1).
const VISIBLE_WITHIN: Duration = Duration::from_secs(2);

/// A mutation with all that its steps need.
pub(super) struct Change {
    pub(super) key: ItemKey,
    pub(super) intent: Intent,
    /// What a write writes; a delete has none.
    pub(super) content: String,
    /// The MD5 of what a write replaces; `None` without compare-and-set.
    pub(super) replaces: Option<Md5>,
    /// The addresses that a gray release is for.
    pub(super) gray_ips: Arc<str>,
}

/// How a mutation ended and when; the instant was taken right after the answer that decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) done: Offset,
    pub(super) came: Came,
    /// Why it was not acked.
    pub(super) error: Option<PublishError>,
}

/// How it is known that a mutation is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    /// By the server's answer, just now.
    Acked,
    /// By a read, some time later.
    Settled,
}

/// A server, and how long it may take for one step.
pub(super) struct Server {
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) clock: Clock,
    pub(super) patience: Duration,
}

impl Server {
    /// Carries a mutation out.
    pub(super) async fn carry_out(&self, change: &Change) -> Ended {
        match change.intent.kind {
            MutationKind::Write | MutationKind::Promote | MutationKind::Invalid => {
                self.write(change, change.intent.ends_gray).await
            }
            MutationKind::Rollback => self.roll_back(change).await,
            MutationKind::Gray => {
                let (content, ips) = (change.content.clone(), change.gray_ips.to_string());
                let result = acked(self.step(&change.key, Step::WriteGray { content, ips }).await);
                let is_gray = (outcome(&result) != PublishOutcome::Refused).then_some(true);
                self.ended(result, None, is_gray)
            }
            MutationKind::Delete => self.delete(change).await,
        }
    }

    /// Takes the gray content away, and then writes for all. What could not be taken away before the write is behind it.
    async fn roll_back(&self, change: &Change) -> Ended {
        let is_gone = change.intent.ends_gray && self.step(&change.key, Step::EndGray).await.is_ok();
        let mut ended = self.write(change, change.intent.ends_gray && !is_gone).await;
        if is_gone {
            ended.came.is_gray = Some(false);
        }
        ended
    }

    async fn write(&self, change: &Change, ends_gray: bool) -> Ended {
        let (result, shown) = match change.replaces {
            None => (acked(self.step(&change.key, write(change)).await), None),
            Some(_) => self.compare_and_set(change).await,
        };
        let stored = match result {
            Ok(stored) => stored,
            Err(error) => return self.ended(Err(error), shown, None),
        };
        let content = Some(payload::md5(&change.content));
        if !ends_gray {
            return self.ended(Ok(stored), content, None);
        }
        // The content is stored by now, so that nothing that comes of this excludes it.
        let result = self.step(&change.key, Step::EndGray).await;
        let result = result.map(|()| stored).map_err(|error| PublishError::Ambiguous(error.to_string()));
        // A server that has none to end says so with an error, too: a second failure is not tried a third time.
        let ends_by_itself = matches!(change.intent.kind, MutationKind::Write | MutationKind::Invalid);
        let may_be_gray = result.is_err() && !ends_by_itself;
        self.ended(result, content, Some(may_be_gray))
    }

    /// Deletes the item. A delete that has no answer is settled only when the item is seen to be gone: one that is
    /// still on its way would take a later version with it.
    async fn delete(&self, change: &Change) -> Ended {
        let result = acked(self.step(&change.key, Step::Delete).await);
        let is_open = outcome(&result) == PublishOutcome::Ambiguous;
        if is_open && change.replaces.is_some() && change.intent.was_there {
            let found = self.read_until(&change.key, Option::is_none).await;
            if found == Ok(None) {
                return self.ended(Ok(Stored::Settled), None, None);
            }
        }
        self.ended(result, None, None)
    }

    /// Writes under compare-and-set, again and again while it is not known whether it was stored. The second value is
    /// the content that a read showed to be there instead.
    async fn compare_and_set(&self, change: &Change) -> (Result<Stored, PublishError>, Option<Md5>) {
        let mut open: Option<PublishError> = None;
        for _ in 0..TRIES {
            let error = match self.step(&change.key, write(change)).await {
                // Whichever try it is that the server acks is the one that it stored: it refuses the others.
                Ok(()) => return (Ok(Stored::Acked), None),
                Err(error) => error,
            };
            match (&error, &open) {
                (PublishError::Conflict(_), _) => return self.settle_conflict(change, error, open).await,
                (PublishError::Refused(_), None) => return (Err(error), None),
                // It was refused now, but a try before may be stored.
                (PublishError::Refused(_), Some(_)) => {}
                (PublishError::Ambiguous(_), _) => open = Some(error),
            }
            sleep(PAUSE).await;
            if self.read(&change.key).await == Ok(Some(change.content.clone())) {
                return (Ok(Stored::Settled), None);
            }
        }
        (Err(open.unwrap_or_else(|| PublishError::Ambiguous("no clear answer".to_owned()))), None)
    }

    /// The server holds other content than the write replaces. With tries before, it may be that of the write itself.
    async fn settle_conflict(
        &self,
        change: &Change,
        conflict: PublishError,
        open: Option<PublishError>,
    ) -> (Result<Stored, PublishError>, Option<Md5>) {
        let is_other = |found: &Option<String>| {
            found.as_deref().map(payload::md5).is_some_and(|found| Some(found) != change.replaces)
        };
        match (self.read_until(&change.key, is_other).await, open) {
            (Ok(Some(found)), _) if found == change.content => (Ok(Stored::Settled), None),
            // After a try that may have been stored, other content proves nothing: a node whose dump is behind serves what
            // was there before.
            (Ok(Some(found)), None) if is_other(&Some(found.clone())) => {
                (Err(conflict), Some(payload::md5(&found)))
            }
            // What conflicts was not seen; without a try before it is not this write.
            (_, None) => (Err(conflict), None),
            (_, Some(open)) => (Err(open), None),
        }
    }

    /// Reads until it `is_seen`, and gives the last answer: a node serves what was stored a little later.
    async fn read_until(
        &self,
        key: &ItemKey,
        is_seen: impl Fn(&Option<String>) -> bool,
    ) -> Result<Option<String>, String> {
        let deadline = Instant::now() + VISIBLE_WITHIN;
        loop {
            let found = self.read(key).await;
            if found.as_ref().is_ok_and(&is_seen) || Instant::now() >= deadline {
                return found;
            }
            sleep(PAUSE).await;
        }
    }

    async fn read(&self, key: &ItemKey) -> Result<Option<String>, String> {
        timeout(self.patience, self.publisher.read(key))
            .await
            .unwrap_or_else(|_| Err(format!("no answer for {:?}", self.patience)))
    }

    async fn step(&self, key: &ItemKey, step: Step) -> Result<(), PublishError> {
        self.publisher.turn().await;
        timeout(self.patience, self.publisher.take(key, step))
            .await
            .unwrap_or_else(|_| Err(PublishError::Ambiguous(format!("no answer for {:?}", self.patience))))
    }

    fn ended(
        &self,
        result: Result<Stored, PublishError>,
        content: Option<Md5>,
        is_gray: Option<bool>,
    ) -> Ended {
        let done = self.clock.now();
        Ended { done, came: Came { outcome: outcome(&result), content, is_gray }, error: result.err() }
    }
}

fn write(change: &Change) -> Step {
    let replaces = change.replaces.map(|md5| payload::hex(&md5));
    Step::Write { content: change.content.clone(), replaces }
}

fn acked(result: Result<(), PublishError>) -> Result<Stored, PublishError> {
    result.map(|()| Stored::Acked)
}

fn outcome(result: &Result<Stored, PublishError>) -> PublishOutcome {
    match result {
        Ok(Stored::Acked) => PublishOutcome::Acked,
        Ok(Stored::Settled) => PublishOutcome::Settled,
        Err(error) => error.outcome(),
    }
}

#[cfg(test)]
mod tests;
