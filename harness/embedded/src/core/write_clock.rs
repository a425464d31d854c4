//! The clock that stamps writes: in steps, and late at times when told so (nacos-facts.md §4, rows 11 and 12).

use std::time::Duration;

/// How far behind a late stamp is.
const BEHIND_MS: u64 = 1000;

/// When a write was made, as its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) at_ms: u64,
    /// Whether it may be before the row that it replaces.
    pub(super) may_go_back: bool,
}

#[derive(Debug)]
pub(super) struct WriteClock {
    step_ms: u64,
    late_every: u64,
    stamped: u64,
}

impl WriteClock {
    pub(super) fn new(step: Duration, late_every: u32) -> Self {
        let step_ms = u64::try_from(step.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { step_ms, late_every: u64::from(late_every), stamped: 0 }
    }

    /// The stamp of a write at wall time `wall_ms`.
    pub(super) const fn stamp(&mut self, wall_ms: u64) -> Stamp {
        self.stamped += 1;
        let is_late = self.late_every > 0 && self.stamped.is_multiple_of(self.late_every);
        let at_ms = if is_late { wall_ms.saturating_sub(BEHIND_MS) } else { wall_ms };
        Stamp { at_ms: at_ms - at_ms % self.step_ms, may_go_back: is_late }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(clock: &mut WriteClock, at: [u64; 3]) -> [u64; 3] {
        at.map(|wall_ms| clock.stamp(wall_ms).at_ms)
    }

    #[test]
    fn stamps_come_in_steps() {
        let mut seconds = WriteClock::new(Duration::from_secs(1), 0);
        assert_eq!(stamps(&mut seconds, [5_000, 5_999, 6_001]), [5_000, 5_000, 6_000]);
        let mut exact = WriteClock::new(Duration::ZERO, 0);
        assert_eq!(stamps(&mut exact, [5_001, 5_002, 5_003]), [5_001, 5_002, 5_003]);
    }

    #[test]
    fn every_nth_stamp_is_late_when_told_so() {
        let mut clock = WriteClock::new(Duration::from_millis(1), 3);
        assert_eq!(stamps(&mut clock, [5_000, 5_100, 5_200]), [5_000, 5_100, 4_200]);
        assert_eq!(stamps(&mut clock, [6_000, 6_100, 6_200]), [6_000, 6_100, 5_200]);
    }
}
