//! The one clock of a run.

use std::time::Duration;

use shakedown_model::Offset;
use tokio::time::Instant;

/// Thirty years: longer than any run, and no instant overflows by it.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The monotonic clock of a run: every instant is an [`Offset`] from its start.
///
/// It follows the runtime's clock, so that a test under paused time controls it. Outside of a runtime it reads
/// `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose offset zero is now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// A clock whose offset zero was at `instant`, such as that of another process of this machine.
    #[must_use]
    pub const fn since(instant: Instant) -> Self {
        Self { start: instant }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Offset {
        self.offset_of(Instant::now())
    }

    /// The runtime's instant of an offset, to sleep until.
    #[must_use]
    pub fn instant(&self, at: Offset) -> Instant {
        self.start + at.since_start().min(FOR_EVER)
    }

    /// The offset of a runtime's instant; zero for one before the start.
    #[must_use]
    pub fn offset_of(&self, instant: Instant) -> Offset {
        Offset::ZERO + instant.saturating_duration_since(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_paused_time_and_comes_back_from_an_instant() {
        let clock = Clock::start();
        tokio::time::sleep_until(clock.instant(Offset::from_millis(1500))).await;
        assert_eq!(clock.now(), Offset::from_millis(1500));
        assert_eq!(clock.offset_of(clock.instant(Offset::from_secs(9))), Offset::from_secs(9));
        assert!(clock.instant(Offset::NEVER) > clock.instant(Offset::from_secs(86_400)));
    }
}
