//! Instants of the data plane: nanoseconds of CLOCK_MONOTONIC, the clock that timerfd waits on.
//!
//! `std::time::Instant` cannot be turned into an absolute timerfd deadline, so the proxy has its own type.

use std::ops::Add;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use shakedown_model::time::nanos;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// An instant on CLOCK_MONOTONIC in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    /// Before every instant that [`Moment::now`] returns.
    pub(crate) const START: Self = Self(0);
    /// Later than every instant.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// The present instant.
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::Monotonic);
        let secs = u64::try_from(time.tv_sec).unwrap_or(0);
        let rest = u64::try_from(time.tv_nsec).unwrap_or(0);
        Self(secs * NANOS_PER_SEC + rest)
    }

    /// The nanoseconds from `earlier` to `self`, zero when `earlier` is later.
    pub(crate) const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The absolute time for timerfd.
    pub(crate) fn timespec(self) -> Timespec {
        Timespec {
            tv_sec: i64::try_from(self.0 / NANOS_PER_SEC).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(self.0 % NANOS_PER_SEC).unwrap_or(0),
        }
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }
}
