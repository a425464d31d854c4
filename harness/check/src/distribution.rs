//! One distribution: an HDR histogram of three digits beside what it cannot hold.
//!
//! Censored samples (known only to be later than some time) sort above every value. A sample beyond the histogram's
//! range is censored at the end of that range, so nothing is clamped. Distributions merge; percentiles never do.

use hdrhistogram::Histogram;
use shakedown_model::gate::{MUTATIONS_NEEDED, Measure, SAMPLES_BEYOND, Stat, rank};

use crate::result::StatValue;

/// The largest value that a histogram holds: a day in nanoseconds.
const RANGE_NS: u64 = 86_400 * 1_000_000_000;
/// The unit in which shares are kept.
const SHARE_UNITS: f64 = 1e6;

/// The samples of one measure, scope and group.
#[derive(Debug, Clone)]
pub(crate) struct Distribution {
    histogram: Histogram<u32>,
    max: u64,
    censored: u64,
    /// The smallest time that a censored sample is known to exceed.
    censored_beyond: u64,
    negative: u64,
    mutations: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        let histogram = Histogram::new(3).expect("three digits are within the histogram's range");
        Self { histogram, max: 0, censored: 0, censored_beyond: u64::MAX, negative: 0, mutations: 0 }
    }
}

impl Distribution {
    /// Adds a sample: nanoseconds, millionths or a count.
    pub(crate) fn record(&mut self, value: u64) {
        if value > RANGE_NS {
            return self.censor(RANGE_NS);
        }
        self.histogram.record(value).expect("the histogram grows and the value is within a day");
        self.max = self.max.max(value);
    }

    /// Adds a signed sample: one below zero is counted apart and stands as the smallest value.
    pub(crate) fn record_signed(&mut self, value: i64) {
        if let Ok(value) = u64::try_from(value) {
            self.record(value);
        } else {
            self.negative += 1;
            self.record(0);
        }
    }

    /// Adds a share between 0 and 1.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is between 0 and 1")]
    pub(crate) fn record_share(&mut self, share: f64) {
        self.record((share * SHARE_UNITS).round() as u64);
    }

    /// Adds a sample that is known only to be later than `beyond`.
    pub(crate) fn censor(&mut self, beyond: u64) {
        self.censored += 1;
        self.censored_beyond = self.censored_beyond.min(beyond);
    }

    /// Raises the maximum to a value that lies between samples of a series.
    pub(crate) fn raise_max(&mut self, value: u64) {
        self.max = self.max.max(value);
    }

    /// Says that the samples since the last call came from one more mutation.
    pub(crate) fn count_mutation(&mut self) {
        self.mutations += 1;
    }

    /// Adds every sample of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("the histogram grows");
        self.max = self.max.max(other.max);
        self.censored += other.censored;
        self.censored_beyond = self.censored_beyond.min(other.censored_beyond);
        self.negative += other.negative;
        self.mutations += other.mutations;
    }

    /// The histogram with each censored sample at the second value: at the time-out, or at the largest known value if
    /// that is later, so that they stay above all others.
    pub(crate) fn exported(&self) -> (Histogram<u32>, u64) {
        let mut histogram = self.histogram.clone();
        let beyond = if self.censored > 0 { self.censored_beyond.max(self.max) } else { 0 };
        if let Ok(censored) = u32::try_from(self.censored) {
            histogram.record_n(beyond, censored).expect("the histogram grows and the value is within a day");
        }
        (histogram, beyond)
    }

    /// How many samples, the censored ones included.
    pub(crate) fn count(&self) -> u64 {
        self.histogram.len() + self.censored
    }

    pub(crate) const fn censored(&self) -> u64 {
        self.censored
    }

    pub(crate) const fn negative(&self) -> u64 {
        self.negative
    }

    pub(crate) const fn mutations(&self) -> u64 {
        self.mutations
    }

    /// Whether more than 1 % of the samples are negative, so that the clockwork of the acks cannot be trusted.
    pub(crate) fn is_mostly_ordered(&self) -> bool {
        self.negative * 100 <= self.count()
    }

    /// One statistic, or that there are too few samples to tell.
    pub(crate) fn stat(&self, measure: Measure, stat: Stat) -> StatValue {
        let n = self.count();
        if n == 0 || (measure == Measure::Propagation && !self.is_mostly_ordered()) {
            return StatValue::TooFew;
        }
        if stat == Stat::Max {
            return self.value_at_rank(measure, n);
        }
        let rank = rank(stat.quantile(), n);
        let has_few_mutations = measure.pools_bursts() && self.mutations < u64::from(MUTATIONS_NEEDED);
        if n - rank < u64::from(SAMPLES_BEYOND) || has_few_mutations {
            return StatValue::TooFew;
        }
        self.value_at_rank(measure, rank)
    }

    fn value_at_rank(&self, measure: Measure, rank: u64) -> StatValue {
        let known = self.histogram.len();
        if rank > known {
            return StatValue::LaterThan(self.censored_beyond);
        }
        let value = if rank == known { self.max } else { self.known_at_rank(rank) };
        if measure.is_share() {
            StatValue::Share(as_f64(value) / SHARE_UNITS)
        } else if measure.is_count() {
            StatValue::Count(value)
        } else {
            StatValue::Time(value)
        }
    }

    fn known_at_rank(&self, rank: u64) -> u64 {
        // The histogram rounds a quantile's rank up; half a rank less lands on this one whatever the last digit does.
        let quantile = (as_f64(rank) - 0.5) / as_f64(self.histogram.len());
        self.histogram.value_at_quantile(quantile).min(self.max)
    }

    /// The percentile spectrum: (quantile, value), ascending, up to where values are known.
    pub(crate) fn spectrum(&self) -> Vec<(f64, u64)> {
        let (n, known) = (self.count(), self.histogram.len());
        let coarse = (1_u32..18).map(|i| f64::from(i) * 0.05);
        let fine = (10_u32..=80).map(|i| 1.0 - 10_f64.powf(-f64::from(i) / 10.0));
        let mut points: Vec<(f64, u64)> = coarse
            .chain(fine)
            // Ten digits read back from JSON as they were written.
            .map(|quantile| (quantile * 1e10).round() / 1e10)
            .map(|quantile| (quantile, rank(quantile, n)))
            .take_while(|(_, rank)| *rank < known)
            .map(|(quantile, rank)| (quantile, self.known_at_rank(rank)))
            .collect();
        if known > 0 && known == n {
            points.push((1.0, self.max));
        }
        points
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and times here stay below 2^53")]
pub(crate) const fn as_f64(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Distribution {
        let mut distribution = Distribution::default();
        for value in values {
            distribution.record(value);
        }
        distribution
    }

    #[test]
    fn a_quantile_needs_ten_samples_beyond_it_and_max_needs_one() {
        let cases = [
            (Stat::P50, 19, false),
            (Stat::P50, 20, true),
            (Stat::P90, 99, false),
            (Stat::P90, 100, true),
            (Stat::P99, 999, false),
            (Stat::P99, 1000, true),
            (Stat::P999, 9_999, false),
            (Stat::P999, 10_000, true),
            (Stat::Max, 1, true),
            (Stat::Max, 0, false),
        ];
        for (stat, n, is_told) in cases {
            let value = of(1..=n).stat(Measure::Reconnect, stat);
            assert_eq!(value != StatValue::TooFew, is_told, "{stat} of {n}: {value:?}");
        }
    }

    #[test]
    fn quantiles_are_exact_to_three_digits() {
        let distribution = of((1..=1000).map(|ms| ms * 1_000_000));
        for (stat, ms) in [(Stat::P50, 500.0), (Stat::P90, 900.0), (Stat::P99, 990.0), (Stat::Max, 1000.0)] {
            let StatValue::Time(ns) = distribution.stat(Measure::Detect, stat) else { panic!("{stat}") };
            assert!((as_f64(ns) / 1e6 - ms).abs() <= ms / 1000.0, "{stat} {ns}");
        }
        assert_eq!(distribution.stat(Measure::Detect, Stat::Max), StatValue::Time(1_000_000_000));
    }

    #[test]
    fn propagation_and_end_to_end_need_thirty_mutations() {
        let mut distribution = of(1..=100);
        for _ in 0..29 {
            distribution.count_mutation();
        }
        assert_eq!(distribution.stat(Measure::EndToEnd, Stat::P50), StatValue::TooFew);
        assert_eq!(distribution.stat(Measure::EndToEnd, Stat::Max), StatValue::Time(100));
        distribution.count_mutation();
        assert_eq!(distribution.stat(Measure::EndToEnd, Stat::P50), StatValue::Time(50));
    }

    #[test]
    fn censored_samples_sort_above_all() {
        let mut distribution = of(1..=80);
        for _ in 0..20 {
            distribution.censor(20_000);
        }
        assert_eq!(distribution.stat(Measure::Reconnect, Stat::P50), StatValue::Time(50));
        assert_eq!(distribution.stat(Measure::Reconnect, Stat::P90), StatValue::LaterThan(20_000));
        assert_eq!(distribution.stat(Measure::Reconnect, Stat::Max), StatValue::LaterThan(20_000));
        assert!(distribution.spectrum().iter().all(|(quantile, _)| *quantile < 0.8));
    }

    #[test]
    fn what_is_out_of_range_is_counted_and_not_clamped() {
        let mut distribution = of([5]);
        distribution.record(u64::MAX);
        assert_eq!((distribution.count(), distribution.censored()), (2, 1));
        assert_eq!(distribution.stat(Measure::Detect, Stat::Max), StatValue::LaterThan(RANGE_NS));
    }

    #[test]
    fn more_than_one_percent_negative_makes_propagation_unknown() {
        let mut distribution = of(1..=99);
        distribution.record_signed(-4);
        for _ in 0..30 {
            distribution.count_mutation();
        }
        assert_eq!(distribution.stat(Measure::Propagation, Stat::P50), StatValue::Time(49));
        distribution.record_signed(-4);
        assert_eq!(distribution.stat(Measure::Propagation, Stat::Max), StatValue::TooFew);
        assert_eq!(distribution.stat(Measure::Detect, Stat::Max), StatValue::Time(99));
    }

    #[test]
    fn merging_is_as_recording_into_one() {
        let (mut left, right, all) = (of(1..=500), of(501..=1000), of(1..=1000));
        left.merge(&right);
        for stat in Stat::ALL {
            assert_eq!(left.stat(Measure::Detect, stat), all.stat(Measure::Detect, stat));
        }
        assert_eq!(left.spectrum(), all.spectrum());
    }

    proptest! {
        // A histogram is large to make; few cases with many parts each find what many find.
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn merging_any_parts_loses_and_invents_nothing(parts in vec(vec((any::<bool>(), 0_u64..1 << 50), 0..40), 0..6)) {
            let (mut merged, mut whole) = (Distribution::default(), Distribution::default());
            for part in parts {
                let mut one = Distribution::default();
                for (is_censored, value) in part {
                    for distribution in [&mut one, &mut whole] {
                        if is_censored { distribution.censor(value) } else { distribution.record(value) }
                    }
                }
                merged.merge(&one);
            }
            prop_assert_eq!((merged.count(), merged.censored()), (whole.count(), whole.censored()));
            prop_assert_eq!(merged.spectrum(), whole.spectrum());
            for stat in Stat::ALL {
                prop_assert_eq!(merged.stat(Measure::Detect, stat), whole.stat(Measure::Detect, stat));
            }
        }
    }

    #[test]
    fn spectrum_ascends_and_ends_at_the_maximum() {
        let spectrum = of(1..=100_000).spectrum();
        assert!(spectrum.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
        assert_eq!(spectrum.last(), Some(&(1.0, 100_000)));
        assert!(of([]).spectrum().is_empty());
    }
}
