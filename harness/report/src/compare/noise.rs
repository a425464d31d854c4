//! Is a difference more than chance? Decided per mutation, never per watcher: the watchers of one mutation are one burst.
//!
//! The rule: both runs' mutations are resampled 1,000 times, in blocks of neighbours because neighbours resemble each
//! other (circular block bootstrap, Politis and Romano 1992; the block is the cube root of their number). A difference
//! is within noise when the middle 99 % of the resampled differences include zero. Draws are seeded, so that the same
//! two runs always compare alike. What no rule over two runs can see is the machine's own drift between them.

use shakedown_model::Seed;
use shakedown_model::gate::{SAMPLES_BEYOND, Stat, rank};

/// How often each run is resampled.
const RESAMPLES: usize = 1000;
/// Resampled differences left out at each end: 0.5 %.
const TAIL: usize = RESAMPLES / 200;

/// What can be said about a difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Noise {
    /// It may well be chance.
    Within,
    /// The 99 % interval of the difference, in nanoseconds, does not include zero.
    Beyond(f64, f64),
    /// One of the runs has too few mutations for this statistic.
    TooFew,
    /// The measure is not one value per mutation, so its samples do not tell.
    NotJudged,
}

/// Judges the difference `b − a` of one statistic over values per mutation, in the order of the mutations; a value
/// later than the time-out is infinite.
pub(crate) fn judge(a: &[f64], b: &[f64], stat: Stat) -> Noise {
    let is_told = |n: usize| n >= rank_of(stat, n) + usize::from(SAMPLES_BEYOND);
    if stat == Stat::Max || !is_told(a.len()) || !is_told(b.len()) {
        return Noise::TooFew;
    }
    let seed = Seed(0).child("compare");
    let (of_a, of_b) = (resampled(a, stat, seed.child("a")), resampled(b, stat, seed.child("b")));
    let mut differences: Vec<f64> = of_a.iter().zip(&of_b).map(|(a, b)| minus(*b, *a)).collect();
    differences.sort_unstable_by(f64::total_cmp);
    let (low, high) = (differences[TAIL], differences[RESAMPLES - 1 - TAIL]);
    if low <= 0.0 && high >= 0.0 { Noise::Within } else { Noise::Beyond(low, high) }
}

/// Two values later than the time-out do not differ, as far as is known.
fn minus(b: f64, a: f64) -> f64 {
    if a.is_infinite() && b.is_infinite() { 0.0 } else { b - a }
}

/// The statistic of each resample.
fn resampled(values: &[f64], stat: Stat, seed: Seed) -> Vec<f64> {
    let n = values.len();
    let block = (1..=n).find(|block| block.pow(3) >= n).unwrap_or(1);
    let mut draw = 0;
    let mut sample = Vec::with_capacity(n + block);
    let nth = rank_of(stat, n) - 1;
    (0..RESAMPLES)
        .map(|_| {
            sample.clear();
            while sample.len() < n {
                let start = usize::try_from(seed.below(draw, n as u64)).expect("below a usize");
                draw += 1;
                sample.extend((0..block).map(|k| values[(start + k) % n]));
            }
            sample.truncate(n);
            *sample.select_nth_unstable_by(nth, f64::total_cmp).1
        })
        .collect()
}

/// The rank of a statistic among so many values.
fn rank_of(stat: Stat, n: usize) -> usize {
    usize::try_from(rank(stat.quantile(), n as u64)).expect("at most as many as there are")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` values around `middle`, with a spread of 20.
    fn values(n: u64, middle: f64, seed: u64) -> Vec<f64> {
        let draws = Seed(seed);
        (0..n).map(|i| middle + 20.0 * (draws.unit(i) - 0.5)).collect()
    }

    #[test]
    fn the_same_thing_twice_is_within_noise_and_a_shift_is_not() {
        let a = values(60, 100.0, 1);
        assert_eq!(judge(&a, &a, Stat::P50), Noise::Within);
        let Noise::Beyond(low, high) = judge(&a, &values(60, 120.0, 2), Stat::P50) else {
            panic!("a shift of 20")
        };
        assert!(low > 5.0 && high < 35.0 && low < 20.0 && high > 20.0, "{low} {high}");
        assert!(matches!(judge(&values(60, 120.0, 2), &a, Stat::P50), Noise::Beyond(_, high) if high < 0.0));
    }

    #[test]
    fn false_alarms_are_rare() {
        let alarms = (0..100)
            .filter(|n| {
                let (a, b) = (values(40, 100.0, 2 * n), values(40, 100.0, 2 * n + 1));
                matches!(judge(&a, &b, Stat::P50), Noise::Beyond(..))
            })
            .count();
        assert!(alarms <= 5, "{alarms} of 100 pairs of the same thing were told apart");
    }

    #[test]
    fn neighbours_that_resemble_each_other_widen_the_interval() {
        // Each run drifts slowly up and down; a resampling of single values would take that for evidence.
        let wave = |shift: f64| -> Vec<f64> {
            (0..64).map(|i| 100.0 + 10.0 * (f64::from(i) / 10.0 + shift).sin()).collect()
        };
        assert_eq!(judge(&wave(0.0), &wave(0.6), Stat::P50), Noise::Within);
    }

    #[test]
    fn too_few_mutations_do_not_tell() {
        assert_eq!(judge(&values(19, 1e2, 1), &values(60, 9e2, 2), Stat::P50), Noise::TooFew);
        assert_eq!(judge(&values(60, 1e2, 1), &values(60, 9e2, 2), Stat::P90), Noise::TooFew);
        assert_eq!(judge(&values(60, 1e2, 1), &values(60, 9e2, 2), Stat::Max), Noise::TooFew);
        assert!(matches!(judge(&values(100, 1e2, 1), &values(100, 9e2, 2), Stat::P90), Noise::Beyond(..)));
    }

    #[test]
    fn later_than_the_time_out_is_worse_than_any_value_and_alike() {
        let late = vec![f64::INFINITY; 40];
        assert_eq!(judge(&late, &late, Stat::P50), Noise::Within);
        assert!(matches!(judge(&values(40, 1e2, 1), &late, Stat::P50), Noise::Beyond(low, _) if low > 0.0));
    }
}
