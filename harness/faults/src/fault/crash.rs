//! Watchers crash at the onset and start cold at the end, over their snapshots as they were or over spoiled ones.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_model::GroupId;
use shakedown_model::fault::{ALL_PPM, Befallen, Bite, SpoiledCache, WatcherFault};
use tokio::time::{Instant, sleep};

use super::{Fault, FaultError, Watchers};

/// Watchers start as soon as they are told; where they are in other processes, their word takes a while.
const BACK_WITHIN: Duration = Duration::from_secs(2);
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// A crash of groups of watchers.
pub(super) struct Crash {
    watchers: Arc<dyn Watchers>,
    groups: Vec<GroupId>,
    /// What becomes of the snapshots; `None` leaves them as they were.
    cache: Option<SpoiledCache>,
    before: Mutex<Befallen>,
}

impl Crash {
    pub(super) fn new(
        watchers: Arc<dyn Watchers>,
        groups: Vec<GroupId>,
        cache: Option<SpoiledCache>,
    ) -> Self {
        Self { watchers, groups, cache, before: Mutex::default() }
    }

    fn befallen(&self) -> Befallen {
        let before = *self.before.lock().unwrap_or_else(PoisonError::into_inner);
        self.watchers.befallen(&self.groups).since(before)
    }

    /// What befell them, once all are back or it has been waited for long enough.
    async fn all_back(&self) -> Befallen {
        let all = self.watchers.count(&self.groups);
        let deadline = Instant::now() + BACK_WITHIN;
        let mut before = 0;
        loop {
            let seen = self.befallen();
            // How many snapshots there are is not known here: all are spoiled once no more of them are.
            let is_spoiled = self.cache.is_none() || (seen.spoiled > 0 && seen.spoiled == before);
            before = seen.spoiled;
            let are_back = seen.crashed >= all && seen.started_cold >= all && is_spoiled;
            if are_back || Instant::now() >= deadline {
                return seen;
            }
            sleep(LOOK_PERIOD).await;
        }
    }
}

impl Fault for Crash {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let before = self.watchers.befallen(&self.groups);
            *self.before.lock().unwrap_or_else(PoisonError::into_inner) = before;
            match self.cache {
                None => self.watchers.crash(&self.groups).await,
                Some(cache) => {
                    let fault = WatcherFault::SpoiledCache { cache };
                    self.watchers.suffer(&self.groups, fault, ALL_PPM).await;
                }
            }
            Ok(())
        })
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            match self.cache {
                None => self.watchers.cold_start(&self.groups).await,
                Some(cache) => {
                    self.watchers.recover(&self.groups, WatcherFault::SpoiledCache { cache }).await;
                }
            }
            Ok(())
        })
    }

    /// It bit when watchers went down and every one of them came back cold; over spoiled snapshots, if any was spoiled.
    fn seen(&self) -> BoxFuture<'_, Option<Bite>> {
        Box::pin(async {
            let Befallen { crashed, started_cold, spoiled, .. } = self.all_back().await;
            let all = self.watchers.count(&self.groups);
            let mut words = format!("{crashed} of {all} watchers went down, {started_cold} started cold");
            if self.cache.is_some() {
                words = format!("{words}, {spoiled} snapshots were spoiled");
            }
            let is_spoiled = self.cache.is_none() || spoiled > 0;
            let has_bitten = crashed > 0 && started_cold >= crashed && is_spoiled;
            Some(if has_bitten { Bite::Bit(words) } else { Bite::Missed(words) })
        })
    }
}
