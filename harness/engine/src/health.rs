//! The harness about itself: how late its own tasks run and read, and what it uses.

mod receive_lag;

use std::time::Duration;

use shakedown_model::event::Event;
use shakedown_model::manifest::SelfSample;
use shakedown_model::time::nanos;
use shakedown_record::{Clock, Recorder};
use tokio::task::JoinSet;

use self::receive_lag::ReceiveProbe;
use crate::machine;

pub use self::receive_lag::ReceiveProbeError;

/// The scheduler's lag is sampled this often.
const LAG_PERIOD: Duration = Duration::from_millis(10);
/// A clock tick of `/proc` (USER_HZ is 100 on every Linux that matters).
const TICKS_PER_SECOND: f64 = 100.0;

/// Samples how late the runtime that it is called on is, until what it gives is dropped: the scheduler and the receive
/// queue.
pub(crate) fn sample_lateness(clock: Clock, recorder: Recorder) -> Result<JoinSet<()>, ReceiveProbeError> {
    let mut samplers = JoinSet::new();
    samplers.spawn(ReceiveProbe::start(clock)?.sample(recorder.clone()));
    samplers.spawn(sample_lag(clock, recorder));
    Ok(samplers)
}

/// Samples the scheduler's lag for ever: how late a task runs that was due at an absolute instant.
///
/// Runs on the runtime that the watchers run on. A period that was missed altogether shows as one large lag, and
/// the periods inside it are sampled as late as they ran, so that a stall weighs as long as it lasted.
async fn sample_lag(clock: Clock, recorder: Recorder) {
    let mut due = clock.now() + LAG_PERIOD;
    loop {
        tokio::time::sleep_until(clock.instant(due)).await;
        let now = clock.now();
        recorder.record(Event::Lag { due, late_ns: nanos(now.since(due)) });
        due = due + LAG_PERIOD;
    }
}

/// Measures what the process used between two samples.
#[derive(Debug)]
pub(crate) struct SelfSampler {
    clock: Clock,
    last_at: f64,
    own_ticks: u64,
    machine_ticks: (u64, u64),
    overflows: u64,
}

impl SelfSampler {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            last_at: clock.now().as_secs_f64(),
            own_ticks: machine::own_cpu_ticks(),
            machine_ticks: machine::machine_cpu_ticks(),
            overflows: machine::listen_overflows(),
        }
    }

    pub(crate) fn sample(&mut self, subscribed: u32) -> SelfSample {
        let at = self.clock.now();
        let seconds = (at.as_secs_f64() - self.last_at).max(1e-3);
        let own = machine::own_cpu_ticks();
        let (stolen, all) = machine::machine_cpu_ticks();
        let steal =
            ratio(stolen.saturating_sub(self.machine_ticks.0), all.saturating_sub(self.machine_ticks.1));
        #[expect(clippy::cast_precision_loss, reason = "ticks of one second are few")]
        let cpu_cores = own.saturating_sub(self.own_ticks) as f64 / TICKS_PER_SECOND / seconds;
        let overflows = machine::listen_overflows();
        let listen_overflows = overflows.saturating_sub(self.overflows);
        self.overflows = overflows;
        self.last_at = at.as_secs_f64();
        self.own_ticks = own;
        self.machine_ticks = (stolen, all);
        SelfSample {
            at,
            rss_bytes: machine::resident_bytes(),
            cpu_cores,
            steal_share: steal,
            open_files: machine::open_files(),
            subscribed,
            listen_overflows,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "ticks of one second are few")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lag_is_sampled_every_10_ms() {
        let clock = Clock::start();
        let (recorder, history) = Recorder::in_memory();
        tokio::time::timeout(Duration::from_secs(1), sample_lag(clock, recorder)).await.unwrap_err();
        let samples = history.events().len();
        assert!((99..=100).contains(&samples), "{samples}");
    }
}
