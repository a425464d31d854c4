//! Waiting until an offset, more precisely than tokio's timer wheel of 1 ms.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use shakedown_model::Offset;
use shakedown_record::Clock;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Waits until an offset; a wait may be given up at any time.
pub(super) trait Timer {
    async fn until(&mut self, at: Offset);
}

/// A timerfd on absolute `CLOCK_MONOTONIC`.
pub(super) struct FdTimer {
    clock: Clock,
    /// `CLOCK_MONOTONIC` at offset zero.
    zero: Duration,
    fd: AsyncFd<OwnedFd>,
}

impl FdTimer {
    /// A timer of the current runtime.
    pub(super) fn new(clock: Clock) -> io::Result<Self> {
        let fd =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK.union(TimerfdFlags::CLOEXEC))?;
        // The thread may be held up between the two readings; it can only make `zero` later, so the earliest counts.
        let zero = (0..16).map(|_| {
            let now = clock.now();
            monotonic().saturating_sub(now.since_start())
        });
        let zero = zero.min().expect("there are 16 readings");
        #[expect(
            deprecated,
            reason = "the successor is an unsafe function; an owned fd that is never replaced keeps its contract"
        )]
        let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
        Ok(Self { clock, zero, fd })
    }

    async fn expire(&self, at: Offset) -> io::Result<()> {
        let due = self.zero + at.since_start();
        let never_again = Timespec { tv_sec: 0, tv_nsec: 0 };
        let spec = Itimerspec { it_interval: never_again, it_value: timespec(due) };
        timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &spec)?;
        loop {
            let mut ready = self.fd.readable().await?;
            let mut expirations = [0_u8; 8];
            match ready.try_io(|fd| Ok(rustix::io::read(fd, &mut expirations)?)) {
                Ok(read) => return read.map(drop),
                Err(_not_ready) => {}
            }
        }
    }
}

impl Timer for FdTimer {
    async fn until(&mut self, at: Offset) {
        while self.clock.now() < at {
            if let Err(error) = self.expire(at).await {
                tracing::warn!(%error, "the mutator's timerfd failed; waiting on the coarse timer");
                tokio::time::sleep_until(self.clock.instant(at)).await;
            }
        }
    }
}

fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(
        u64::try_from(now.tv_sec).expect("the monotonic clock is not negative"),
        u32::try_from(now.tv_nsec).expect("nanoseconds of a second fit"),
    )
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_until_the_offset_and_not_less() {
        let clock = Clock::start();
        let mut timer = FdTimer::new(clock).unwrap();
        for n in 1..=20 {
            let due = clock.now() + Duration::from_micros(700 * n);
            timer.until(due).await;
            assert!(clock.now() >= due);
        }
    }

    #[tokio::test]
    async fn an_abandoned_wait_does_not_disturb_the_next() {
        let clock = Clock::start();
        let mut timer = FdTimer::new(clock).unwrap();
        let far = tokio::time::timeout(Duration::from_millis(2), timer.until(Offset::from_secs(3600))).await;
        assert!(far.is_err());
        timer.until(clock.now() + Duration::from_millis(2)).await;
        timer.until(Offset::ZERO).await;
    }
}
