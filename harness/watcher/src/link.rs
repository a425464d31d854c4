//! How good a watcher's link is, and the health checks that this calls for.
//!
//! Quality has three levels (the figures are the project's own):
//!
//! | level | when | a check every | tries |
//! |---|---|---|---|
//! | good | the last 3 checks were answered at their first try, and round trips take less than 100 ms | 30 s | 2 |
//! | fair | otherwise | 15 s | 3 |
//! | poor | since a check went unanswered, or a connection was lost, fewer than 3 checks were answered; or round trips take 500 ms and more | 5 s | 5 |
//!
//! Round trips are those of checks, lists, queries and gets, smoothed: each new one counts an eighth.

use std::time::Duration;

use shakedown_model::time::nanos;

/// Checks in a row that make a link good, or forgive a failure.
const IN_A_ROW: u8 = 3;
/// A good link's round trips take less.
const QUICK_US: u32 = 100_000;
/// A poor link's round trips take this or more.
const SLOW_US: u32 = 500_000;

/// How good a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    Good,
    Fair,
    Poor,
}

impl Quality {
    /// The period of health checks, and how often each is tried.
    pub(crate) const fn pace(self) -> (Duration, u32) {
        match self {
            Self::Good => (Duration::from_secs(30), 2),
            Self::Fair => (Duration::from_secs(15), 3),
            Self::Poor => (Duration::from_secs(5), 5),
        }
    }
}

/// What a watcher has learned of its link.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Link {
    /// The smoothed round trip in µs; 0 before the first.
    round_trip_us: u32,
    /// Checks answered in a row, up to [`IN_A_ROW`].
    answered: u8,
    /// Whether something failed that was not forgiven yet.
    is_shaken: bool,
}

impl Link {
    pub(crate) fn measured(&mut self, round_trip: Duration) {
        let sample = u32::try_from(nanos(round_trip) / 1_000).unwrap_or(u32::MAX).max(1);
        self.round_trip_us = match self.round_trip_us {
            0 => sample,
            before => before - before / 8 + sample / 8,
        };
    }

    /// A health check was answered at its first try.
    pub(crate) fn answered(&mut self) {
        self.answered = (self.answered + 1).min(IN_A_ROW);
        self.is_shaken &= self.answered < IN_A_ROW;
    }

    /// A health check was not answered in time, or the connection was lost.
    pub(crate) const fn failed(&mut self) {
        self.answered = 0;
        self.is_shaken = true;
    }

    pub(crate) fn round_trip(&self) -> Duration {
        Duration::from_micros(u64::from(self.round_trip_us))
    }

    pub(crate) const fn quality(&self) -> Quality {
        if self.is_shaken || self.round_trip_us >= SLOW_US {
            Quality::Poor
        } else if self.answered >= IN_A_ROW && self.round_trip_us < QUICK_US {
            Quality::Good
        } else {
            Quality::Fair
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(round_trip_ms: u64, answered: u32) -> Link {
        let mut link = Link::default();
        link.measured(Duration::from_millis(round_trip_ms));
        (0..answered).for_each(|_| link.answered());
        link
    }

    #[test]
    fn quality_follows_round_trips_and_answers() {
        for (round_trip, answered, quality) in [
            (1, 0, Quality::Fair),
            (1, 2, Quality::Fair),
            (1, 3, Quality::Good),
            (99, 9, Quality::Good),
            (100, 9, Quality::Fair),
            (499, 9, Quality::Fair),
            (500, 9, Quality::Poor),
        ] {
            assert_eq!(link(round_trip, answered).quality(), quality, "{round_trip} ms, {answered} answered");
        }
    }

    #[test]
    fn a_failure_is_forgiven_after_three_answers() {
        let mut link = link(1, 3);
        link.failed();
        for _ in 0..3 {
            assert_eq!(link.quality(), Quality::Poor);
            link.answered();
        }
        assert_eq!(link.quality(), Quality::Good);
    }

    #[test]
    fn a_round_trip_that_changes_is_followed() {
        let mut link = link(1, 3);
        (0..30).for_each(|_| link.measured(Duration::from_millis(800)));
        assert_eq!(link.quality(), Quality::Poor);
        assert!(link.round_trip() > Duration::from_millis(700));
        (0..60).for_each(|_| link.measured(Duration::from_millis(1)));
        assert_eq!(link.quality(), Quality::Good);
    }
}
