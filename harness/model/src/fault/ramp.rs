//! A toxic that grows: from a part of it to the whole in equal steps.

use std::num::NonZeroU16;
use std::time::Duration;

use super::{FaultPlan, Toxic, ToxicKind};
use crate::Offset;

impl Toxic {
    /// The toxic as it is in step `nth` of `steps`, counted from 1: that share of its delay, or that share of the
    /// slowness of its line. The last is the toxic itself.
    ///
    /// Delays are cut to whole milliseconds, the unit of a proxy. A kind that has no measure stays as it is.
    #[must_use]
    pub fn at_step(self, nth: u16, steps: NonZeroU16) -> Self {
        let (nth, all) = (nth.clamp(1, steps.get()), u32::from(steps.get()));
        let part = |whole: Duration| {
            let millis = (whole * u32::from(nth) / all).as_millis();
            Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
        };
        let kind = match self.kind {
            ToxicKind::Latency { latency, jitter, distribution } => {
                ToxicKind::Latency { latency: part(latency), jitter: part(jitter), distribution }
            }
            ToxicKind::SlowClose { delay } => ToxicKind::SlowClose { delay: part(delay) },
            ToxicKind::Bandwidth { kilobytes_per_second } => ToxicKind::Bandwidth {
                kilobytes_per_second: kilobytes_per_second.saturating_mul(u64::from(all)) / u64::from(nth),
            },
            other => other,
        };
        Self { kind, ..self }
    }
}

impl ToxicKind {
    /// Whether it can grow: whether it has a measure.
    #[must_use]
    pub const fn can_grow(self) -> bool {
        matches!(self, Self::Latency { .. } | Self::SlowClose { .. } | Self::Bandwidth { .. })
    }
}

impl FaultPlan {
    /// When step `nth` of `steps` begins, counted from 1.
    #[must_use]
    pub fn step_from(&self, nth: u16, steps: NonZeroU16) -> Offset {
        let step = (self.until - self.from) / u32::from(steps.get());
        self.from + step * u32::from(nth.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Distribution, Stream};

    const MS: Duration = Duration::from_millis(1);

    fn steps(count: u16) -> NonZeroU16 {
        NonZeroU16::new(count).unwrap()
    }

    #[test]
    fn delays_grow_in_equal_whole_milliseconds_to_the_whole() {
        let kind =
            ToxicKind::Latency { latency: 100 * MS, jitter: 10 * MS, distribution: Distribution::Uniform };
        let toxic = Toxic::new(Stream::Both, kind);
        let seen: Vec<_> = (1..=3).map(|nth| toxic.at_step(nth, steps(3)).kind).collect();
        let at = |latency: u32, jitter: u32| ToxicKind::Latency {
            latency: MS * latency,
            jitter: MS * jitter,
            distribution: Distribution::Uniform,
        };
        assert_eq!(seen, [at(33, 3), at(66, 6), at(100, 10)]);
    }

    #[test]
    fn a_line_narrows_to_its_rate() {
        let toxic = Toxic::new(Stream::Both, ToxicKind::Bandwidth { kilobytes_per_second: 10 });
        let rates: Vec<_> = (1..=4).map(|nth| toxic.at_step(nth, steps(4)).kind).collect();
        let rate = |rate| ToxicKind::Bandwidth { kilobytes_per_second: rate };
        assert_eq!(rates, [rate(40), rate(20), rate(13), rate(10)]);
    }

    #[test]
    fn what_has_no_measure_cannot_grow() {
        assert!(!ToxicKind::ResetPeer { timeout: Duration::ZERO }.can_grow());
        assert!(ToxicKind::SlowClose { delay: MS }.can_grow());
    }
}
