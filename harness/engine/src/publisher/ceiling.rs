//! The most publishes per second that a run may make at servers that somebody else runs.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Keeps publishes below a rate, bursts included: in any window of `burst / rate` seconds, which is one second for whole
/// rates, at most `burst` publishes begin.
#[derive(Debug)]
pub(crate) struct Ceiling {
    burst: usize,
    window: Duration,
    /// When the latest `burst` publishes began or will, the oldest first.
    turns: Mutex<VecDeque<Instant>>,
}

impl Ceiling {
    /// A ceiling of `per_second` publishes, above zero.
    pub(crate) fn new(per_second: f64) -> Self {
        let whole = per_second.floor().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is at most 10,000/s"
        )]
        let burst = whole as usize;
        Self { burst, window: Duration::from_secs_f64(whole / per_second), turns: Mutex::default() }
    }

    /// Waits until one more publish may begin. Turns are given in the order in which they are asked for; one that is not
    /// waited for to its end is lost.
    pub(crate) async fn turn(&self) {
        let at = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let full = turns.len() >= self.burst;
            let oldest = if full { turns.pop_front() } else { None };
            let at = oldest.map_or(now, |oldest| (oldest + self.window).max(now));
            turns.push_back(at);
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of `count` publishes began that all wanted to at once, in milliseconds.
    async fn begun(ceiling: &Ceiling, count: usize) -> Vec<u128> {
        let start = Instant::now();
        let turns = (0..count).map(|_| async {
            ceiling.turn().await;
            start.elapsed().as_millis()
        });
        futures_util::future::join_all(turns).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_spread_so_that_no_second_has_more_than_the_ceiling() {
        assert_eq!(begun(&Ceiling::new(3.0), 8).await, [0, 0, 0, 1000, 1000, 1000, 2000, 2000]);
        assert_eq!(begun(&Ceiling::new(0.5), 3).await, [0, 2000, 4000]);
        assert_eq!(begun(&Ceiling::new(2.5), 4).await, [0, 0, 800, 800]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_window_slides_and_what_is_below_the_ceiling_does_not_wait() {
        let ceiling = Ceiling::new(2.0);
        let start = Instant::now();
        for due in [0, 600, 700, 1200, 1650] {
            tokio::time::sleep_until(start + Duration::from_millis(due)).await;
            ceiling.turn().await;
        }
        // The third waits for the first one's second to end (1000), the fifth for the third one's (2000).
        assert_eq!(start.elapsed(), Duration::from_millis(2000));
    }
}
