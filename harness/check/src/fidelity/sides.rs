//! Two sides of one measure, and what their difference comes to.

use std::time::Duration;

use shakedown_model::FaultId;
use shakedown_model::time::nanos;

use crate::result::{FidelityMeasure, FidelityRow, FidelitySide, FidelityVerdict};

/// Medians that differ by no more are alike, and so are shares.
const TOLERANCE: f64 = 0.10;
/// Times that differ by less are alike on any bench: what two threads of a busy machine are late by.
const RESOLUTION: Duration = Duration::from_millis(5);
/// Fewer samples say nothing.
const NEEDED: u64 = 3;

/// Times of one side, in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Times(Vec<u64>);

impl FromIterator<u64> for Times {
    fn from_iter<I: IntoIterator<Item = u64>>(times: I) -> Self {
        let mut times: Vec<u64> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}

impl Times {
    /// These of real clients beside those of simulated ones; `None` where neither has any.
    pub(super) fn beside(
        &self,
        simulated: &Self,
        measure: FidelityMeasure,
        fault: FaultId,
    ) -> Option<FidelityRow> {
        if self.0.is_empty() && simulated.0.is_empty() {
            return None;
        }
        let (difference, verdict) = self.compare(simulated);
        Some(FidelityRow {
            measure,
            fault: Some(fault),
            real: self.side(),
            simulated: simulated.side(),
            difference,
            verdict,
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a difference of times is shown with two digits")]
    fn compare(&self, simulated: &Self) -> (Option<f64>, FidelityVerdict) {
        if self.count() < NEEDED || simulated.count() < NEEDED {
            return (None, FidelityVerdict::TooFew);
        }
        let (real, other) = (self.median(), simulated.median());
        let is_beyond = |from: u64, to: u64| {
            let apart = from.abs_diff(to);
            apart > nanos(RESOLUTION) && apart as f64 > real as f64 * TOLERANCE
        };
        let difference = (real > 0).then(|| (other as f64 - real as f64) / real as f64);
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        let verdict = if !is_beyond(real, other) {
            FidelityVerdict::Within
        } else if is_beyond(least, most) && (least..=most).contains(&other) {
            FidelityVerdict::Irregular
        } else {
            FidelityVerdict::Differs
        };
        (difference, verdict)
    }

    fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The middle one, or the mean of the middle two; 0 without any.
    fn median(&self) -> u64 {
        let middle = self.0.len() / 2;
        match (self.0.get(middle), middle.checked_sub(1)) {
            (None, _) => 0,
            (Some(above), Some(below)) if self.0.len().is_multiple_of(2) => above.midpoint(self.0[below]),
            (Some(median), _) => *median,
        }
    }

    fn side(&self) -> FidelitySide {
        FidelitySide::Times {
            count: self.count(),
            median_ns: self.median(),
            least_ns: self.0.first().copied().unwrap_or_default(),
            most_ns: self.0.last().copied().unwrap_or_default(),
        }
    }
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Share {
    pub(super) count: u64,
    pub(super) of: u64,
}

impl Share {
    /// This of real clients beside that of simulated ones; `None` where there is nothing of which it could be a share.
    pub(super) fn beside(
        self,
        simulated: Self,
        measure: FidelityMeasure,
        fault: Option<FaultId>,
    ) -> Option<FidelityRow> {
        if self.of == 0 && simulated.of == 0 {
            return None;
        }
        let is_enough = self.of >= NEEDED && simulated.of >= NEEDED;
        let difference = is_enough.then(|| simulated.value() - self.value());
        let verdict = match difference {
            None => FidelityVerdict::TooFew,
            Some(difference) if difference.abs() <= TOLERANCE => FidelityVerdict::Within,
            Some(_) => FidelityVerdict::Differs,
        };
        let side = |share: Self| FidelitySide::Share { count: share.count, of: share.of };
        Some(FidelityRow {
            measure,
            fault,
            real: side(self),
            simulated: side(simulated),
            difference,
            verdict,
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a share of counts far below 2^52")]
    fn value(self) -> f64 {
        self.count as f64 / self.of.max(1) as f64
    }
}
