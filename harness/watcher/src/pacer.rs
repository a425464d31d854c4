//! What a client that holds its own requests back remembers: see [`Pace`].

use shakedown_model::plan::{Pace, ReadOnly, TokenBucket};
use shakedown_model::time::nanos;
use shakedown_model::{Offset, Seed};

use crate::bucket;

/// The memory of one watcher's pace.
#[derive(Debug, Clone)]
pub(crate) struct Pacer {
    pace: Pace,
    seed: Seed,
    /// The bucket is full from then on; each token that was taken moves it.
    full_at: Offset,
    /// Nothing is asked until then.
    staggered_until: Offset,
    /// Requests that were not answered in time, since the server was last of use.
    unanswered: u8,
    /// Nothing is asked until then either.
    read_only_until: Offset,
    /// Waits that were drawn so far.
    draws: u64,
    /// When to try again, if something was held back.
    wakes_at: Offset,
}

impl Pacer {
    /// `None` for a client that asks at once.
    pub(crate) fn new(pace: Pace, seed: Seed) -> Option<Box<Self>> {
        (pace != Pace::default()).then(|| {
            Box::new(Self {
                pace,
                seed: seed.child("pace"),
                full_at: Offset::ZERO,
                staggered_until: Offset::ZERO,
                unanswered: 0,
                read_only_until: Offset::ZERO,
                draws: 0,
                wakes_at: Offset::NEVER,
            })
        })
    }

    /// When to try again, if something was held back by the last [`may_ask`](Self::may_ask) or
    /// [`take_token`](Self::take_token).
    pub(crate) const fn wakes_at(&self) -> Offset {
        self.wakes_at
    }

    /// A change was signalled, the first after all that was signalled before has been asked for.
    pub(crate) fn signalled(&mut self, now: Offset) {
        if let Some(most) = self.pace.stagger
            && self.staggered_until <= now
        {
            let wait = self.seed.below(self.draws, nanos(most).saturating_add(1));
            self.draws += 1;
            self.staggered_until = Offset(now.0.saturating_add(wait));
        }
    }

    /// Whether anything may be asked now.
    pub(crate) fn may_ask(&mut self, now: Offset) -> bool {
        let until = self.staggered_until.max(self.read_only_until);
        self.wakes_at = if until > now { until } else { Offset::NEVER };
        until <= now
    }

    /// Takes a token for a fetch, if there is one.
    pub(crate) fn take_token(&mut self, now: Offset) -> bool {
        let Some(TokenBucket { capacity, refill }) = self.pace.bucket else { return true };
        match bucket::take(self.full_at, refill, refill * capacity, now) {
            Ok(full_at) => self.full_at = full_at,
            Err(next) => {
                self.wakes_at = next;
                return false;
            }
        }
        true
    }

    /// The server answered a fetch, or had nothing to tell of.
    pub(crate) const fn served(&mut self) {
        self.unanswered = 0;
    }

    /// A request was not answered in time.
    pub(crate) fn timed_out(&mut self, now: Offset) {
        let Some(ReadOnly { after, pause }) = self.pace.read_only else { return };
        self.unanswered += 1;
        if self.unanswered >= after {
            self.unanswered = 0;
            self.read_only_until = now + pause;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const AT: Offset = Offset::from_secs(9);

    fn pacer(pace: Pace) -> Box<Pacer> {
        Pacer::new(pace, Seed(3)).unwrap()
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_then_one_token_after_another() {
        let bucket = TokenBucket { capacity: 3, refill: Duration::from_millis(100) };
        let mut pacer = pacer(Pace { bucket: Some(bucket), ..Pace::default() });
        assert!((0..3).all(|_| pacer.take_token(AT)));
        assert!(!pacer.take_token(AT));
        let next = AT + Duration::from_millis(100);
        assert_eq!(pacer.wakes_at(), next);
        assert!(pacer.may_ask(next), "lists and polls need no token");
        assert!(pacer.take_token(next) && !pacer.take_token(next));
        let full = next + Duration::from_secs(1);
        assert!((0..3).all(|_| pacer.take_token(full)) && !pacer.take_token(full));
    }

    #[test]
    fn a_stagger_holds_all_back_from_the_first_signal_on() {
        let most = Duration::from_secs(30);
        let mut pacer = pacer(Pace { stagger: Some(most), ..Pace::default() });
        assert!(pacer.may_ask(AT));
        pacer.signalled(AT);
        assert!(!pacer.may_ask(AT));
        let until = pacer.wakes_at();
        assert!(until > AT && until <= AT + most);
        pacer.signalled(AT + Duration::from_millis(1));
        assert!(!pacer.may_ask(AT + Duration::from_millis(1)));
        assert_eq!(pacer.wakes_at(), until, "one wait for all that came meanwhile");
        assert!(pacer.may_ask(until));
        pacer.signalled(until);
        assert!(!pacer.may_ask(until), "and another for what comes after");
    }

    #[test]
    fn after_so_many_time_outs_in_a_row_it_asks_for_nothing() {
        let read_only = ReadOnly { after: 2, pause: Duration::from_secs(10) };
        let mut pacer = pacer(Pace { read_only: Some(read_only), ..Pace::default() });
        pacer.timed_out(AT);
        pacer.served();
        pacer.timed_out(AT);
        assert!(pacer.may_ask(AT), "not in a row");
        pacer.timed_out(AT);
        assert!(!pacer.may_ask(AT));
        assert_eq!(pacer.wakes_at(), AT + Duration::from_secs(10));
        assert!(pacer.may_ask(AT + Duration::from_secs(10)));
    }

    #[test]
    fn who_has_no_pace_has_no_pacer() {
        assert!(Pacer::new(Pace::default(), Seed(1)).is_none());
    }
}
