//! Randomness as a counted hash: every draw is a pure function of a named seed and a counter.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A seed from which named child seeds and counted draws are taken.
///
/// Draws have no hidden state: `seed.draw(n)` is the same number wherever and whenever it is asked for.
///
/// ```
/// use shakedown_model::Seed;
/// let arrivals = Seed(7).child("arrivals");
/// assert_eq!(arrivals.draw(3), Seed(7).child("arrivals").draw(3));
/// assert_ne!(arrivals.draw(3), arrivals.draw(4));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The child seed with this name.
    #[must_use]
    pub fn child(self, name: &str) -> Self {
        Self(xxh3_64_with_seed(name.as_bytes(), self.0))
    }

    /// The child seed with this number.
    #[must_use]
    pub fn nth(self, n: u64) -> Self {
        Self(xxh3_64_with_seed(&n.to_le_bytes(), self.0 ^ 0x9e37_79b9_7f4a_7c15))
    }

    /// Draw number `n`: 64 uniform bits.
    #[must_use]
    pub fn draw(self, n: u64) -> u64 {
        xxh3_64_with_seed(&n.to_le_bytes(), self.0)
    }

    /// Draw number `n` as a uniform number in `[0, 1)`.
    #[must_use]
    pub fn unit(self, n: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "the top 53 bits fit an f64 exactly")]
        let top = (self.draw(n) >> 11) as f64;
        top / 9_007_199_254_740_992.0
    }

    /// Draw number `n` as a uniform integer in `[0, bound)`; 0 when `bound` is 0.
    #[must_use]
    pub fn below(self, n: u64, bound: u64) -> u64 {
        let wide = u128::from(self.draw(n)) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_draws_are_uniform() {
        let seed = Seed(1).child("uniform");
        let mean = (0..10_000).map(|n| seed.unit(n)).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.01, "mean {mean}");
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let seed = Seed(2);
        let mut seen = [false; 7];
        for n in 0..1000 {
            seen[usize::try_from(seed.below(n, 7)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!(seed.below(0, 0), 0);
    }
}
