//! The canary on one proxy: its connections and what it has seen.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{Expectation, Probe, ProbeConnection, ProbeError};
use crate::proxies::ProxyAddress;

/// A connection that breaks within this time of the onset was broken by the fault; one that has no answer for this
/// long is silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
const BASELINE_ASKS: usize = 5;
const DELAY_ASKS: usize = 20;
/// The pause before another connection is tried, where one failed before the onset.
const ARM_PAUSE: Duration = Duration::from_millis(50);
/// The pause between asks of a connection that is waited upon to break.
const BREAK_PAUSE: Duration = Duration::from_millis(20);

/// What a connection did under a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It broke, or was refused, after this time.
    Broke(Duration),
    /// It answered, the last time after this time.
    Answered(Duration),
    /// It had no answer for this time.
    Silent(Duration),
    /// The probe itself failed.
    Odd(String),
}

/// The canary on one proxy.
pub(super) struct Watch {
    probe: Arc<dyn Probe>,
    pub(super) target: ProxyAddress,
    live: Option<Box<dyn ProbeConnection>>,
    /// Why there is no live connection or no baseline.
    pub(super) not_ready: String,
    pub(super) baseline: Vec<Duration>,
    pub(super) during: Vec<Duration>,
    pub(super) unanswered: u32,
    pub(super) on_live: Option<Seen>,
    pub(super) on_new: Option<Seen>,
    pub(super) on_end: Option<Seen>,
}

impl Watch {
    pub(super) fn new(probe: Arc<dyn Probe>, target: ProxyAddress) -> Self {
        Self {
            probe,
            target,
            live: None,
            not_ready: "no time before the onset".into(),
            baseline: Vec::new(),
            during: Vec::new(),
            unanswered: 0,
            on_live: None,
            on_new: None,
            on_end: None,
        }
    }

    /// Whether there was a connection that answered before the onset.
    pub(super) fn is_armed(&self) -> bool {
        !self.baseline.is_empty()
    }

    /// Takes a connection and its baseline, again and again until `deadline`: a fault before may just be healing.
    pub(super) async fn arm(&mut self, deadline: Instant) {
        loop {
            match timeout_at(deadline, self.probe.connect(&self.target)).await {
                Err(_) => self.not_ready = "no connection before the onset".into(),
                Ok(Err(error)) => self.not_ready = error.to_string(),
                Ok(Ok(connection)) => self.live = self.take_baseline(connection, deadline).await,
            }
            if self.is_armed() || Instant::now() + ARM_PAUSE >= deadline {
                return;
            }
            sleep(ARM_PAUSE).await;
        }
    }

    /// The connection, unless it failed or is left with an unanswered question.
    async fn take_baseline(
        &mut self,
        mut connection: Box<dyn ProbeConnection>,
        deadline: Instant,
    ) -> Option<Box<dyn ProbeConnection>> {
        for _ in 0..BASELINE_ASKS {
            let asked = Instant::now();
            match timeout_at(deadline, connection.ask()).await {
                Ok(Ok(())) => self.baseline.push(asked.elapsed()),
                Ok(Err(error)) => {
                    self.not_ready = error.to_string();
                    self.baseline.clear();
                    return None;
                }
                Err(_) => {
                    self.not_ready = "no answer before the onset".into();
                    return None;
                }
            }
        }
        Some(connection)
    }

    /// Watches for as long as it takes to tell; `window` is what the fault will last.
    pub(super) async fn observe(&mut self, expectation: Expectation, window: Duration) {
        match expectation {
            Expectation::Delay { most, .. } => self.observe_delay(most, window).await,
            Expectation::Cut { new_within } => self.observe_cut(new_within).await,
            Expectation::Silence
            | Expectation::SilenceOnNew
            | Expectation::RefusedNew { .. }
            | Expectation::LiveLost => self.ask_each_once(PATIENCE.min(window / 2)).await,
            Expectation::LateEnd { added } => self.observe_end(added + PATIENCE).await,
            Expectation::Nothing(_) => {}
        }
    }

    async fn observe_end(&mut self, patience: Duration) {
        let began = Instant::now();
        self.on_end = Some(match timeout(patience, self.probe.end(&self.target)).await {
            Err(_) => Seen::Silent(began.elapsed()),
            Ok(Err(error)) => seen_error(error, began),
            Ok(Ok(())) => Seen::Answered(began.elapsed()),
        });
    }

    async fn observe_delay(&mut self, most: Duration, window: Duration) {
        let pause = (window / 40).clamp(Duration::from_millis(10), Duration::from_millis(500));
        let patience = most + PATIENCE;
        while self.during.len() < DELAY_ASKS {
            let mut connection = match self.live.take() {
                Some(connection) => connection,
                None => match timeout(patience, self.probe.connect(&self.target)).await {
                    Ok(Ok(connection)) => connection,
                    Ok(Err(_)) | Err(_) => {
                        self.unanswered += 1;
                        sleep(pause).await;
                        continue;
                    }
                },
            };
            let asked = Instant::now();
            if let Ok(Ok(())) = timeout(patience, connection.ask()).await {
                self.during.push(asked.elapsed());
                self.live = Some(connection);
            } else {
                self.unanswered += 1;
            }
            sleep(pause).await;
        }
    }

    async fn observe_cut(&mut self, new_within: Duration) {
        let patience = new_within + PATIENCE;
        if let Some(connection) = self.live.take() {
            self.on_live = Some(until_broken(connection, Instant::now(), patience).await);
        }
        let began = Instant::now();
        self.on_new = Some(match timeout(patience, self.probe.connect(&self.target)).await {
            Err(_) => Seen::Silent(began.elapsed()),
            Ok(Err(error)) => seen_error(error, began),
            Ok(Ok(connection)) if new_within.is_zero() => ask_once(connection, began, patience).await,
            Ok(Ok(connection)) => until_broken(connection, began, patience).await,
        });
    }

    /// Asks a live connection and a new one, at the same time.
    async fn ask_each_once(&mut self, patience: Duration) {
        let began = Instant::now();
        let live = self.live.take();
        let on_live = async {
            match live {
                Some(connection) => Some(ask_once(connection, began, patience).await),
                None => None,
            }
        };
        let on_new = async {
            match timeout(patience, self.probe.connect(&self.target)).await {
                Err(_) => Seen::Silent(began.elapsed()),
                Ok(Err(error)) => seen_error(error, began),
                Ok(Ok(connection)) => ask_once(connection, began, patience).await,
            }
        };
        (self.on_live, self.on_new) = {
            let (live, new) = tokio::join!(on_live, on_new);
            (live, Some(new))
        };
    }
}

async fn ask_once(mut connection: Box<dyn ProbeConnection>, began: Instant, patience: Duration) -> Seen {
    match timeout_at(began + patience, connection.ask()).await {
        Err(_) => Seen::Silent(began.elapsed()),
        Ok(Err(error)) => seen_error(error, began),
        Ok(Ok(())) => Seen::Answered(began.elapsed()),
    }
}

/// Asks until the connection breaks or `patience` has passed since `began`.
async fn until_broken(mut connection: Box<dyn ProbeConnection>, began: Instant, patience: Duration) -> Seen {
    let mut answered = None;
    while began.elapsed() < patience {
        match timeout_at(began + patience, connection.ask()).await {
            Err(_) => break,
            Ok(Err(error)) => return seen_error(error, began),
            Ok(Ok(())) => answered = Some(began.elapsed()),
        }
        sleep(BREAK_PAUSE).await;
    }
    answered.map_or_else(|| Seen::Silent(began.elapsed()), Seen::Answered)
}

fn seen_error(error: ProbeError, began: Instant) -> Seen {
    match error {
        ProbeError::Refused | ProbeError::Broken(_) => Seen::Broke(began.elapsed()),
        ProbeError::Odd(why) => Seen::Odd(why),
    }
}
