//! Content that is whole and that no application can use. The schedule has the run's own mutator write it; the fault looks at
//! what came of that.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use shakedown_model::GroupId;
use shakedown_model::fault::Bite;
use tokio::time::{Instant, sleep};

use super::{Fault, FaultError, Mutator, Site, Watchers};

/// What was stored at the end is pushed within this time, even where watchers are in other processes.
const PUSHED_WITHIN: Duration = Duration::from_secs(1);
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// Invalid content, from its onset to its end.
pub(super) struct InvalidContent {
    mutator: Arc<dyn Mutator>,
    watchers: Arc<dyn Watchers>,
    groups: Vec<GroupId>,
    /// What had been stored, and given to applications, before the onset.
    before: Mutex<(u64, u64)>,
}

impl InvalidContent {
    pub(super) fn new(site: &Site, groups: Vec<GroupId>) -> Self {
        let (mutator, watchers) = (Arc::clone(&site.mutator), Arc::clone(&site.watchers));
        Self { mutator, watchers, groups, before: Mutex::default() }
    }

    fn so_far(&self) -> (u64, u64) {
        (self.mutator.invalid_stored(), self.watchers.befallen(&self.groups).invalid)
    }

    fn came(&self) -> (u64, u64) {
        let before = *self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.so_far();
        (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1))
    }
}

impl Fault for InvalidContent {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = self.so_far();
        Box::pin(ready(Ok(())))
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(ready(Ok(())))
    }

    /// It bit when some of it was stored and reached an application.
    fn seen(&self) -> BoxFuture<'_, Option<Bite>> {
        Box::pin(async {
            let deadline = Instant::now() + PUSHED_WITHIN;
            let (mut stored, mut given) = self.came();
            while stored > 0 && given == 0 && Instant::now() < deadline {
                sleep(LOOK_PERIOD).await;
                (stored, given) = self.came();
            }
            let words =
                format!("{stored} invalid versions were stored, and given to applications {given} times");
            Some(if stored > 0 && given > 0 { Bite::Bit(words) } else { Bite::Missed(words) })
        })
    }
}

#[cfg(test)]
mod tests {
    use shakedown_model::plan::ProxyKind;

    use super::*;
    use crate::testing::World;

    /// What is seen of versions stored, and of those given to an application so much later.
    async fn seen(stored: u64, given: u64, later: Duration) -> Bite {
        let (world, proxies) = World::new();
        *world.invalid_stored.lock().unwrap() = 5;
        world.befallen.lock().unwrap().invalid = 7;
        let fault = InvalidContent::new(&world.site(&proxies, ProxyKind::Embedded), vec![GroupId(0)]);
        fault.apply().await.unwrap();
        *world.invalid_stored.lock().unwrap() += stored;
        let push = async {
            sleep(later).await;
            world.befallen.lock().unwrap().invalid += given;
        };
        fault.heal().await.unwrap();
        let (bite, ()) = tokio::join!(fault.seen(), push);
        bite.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn it_bites_when_it_is_stored_and_reaches_an_application() {
        let words = |stored, given| {
            format!("{stored} invalid versions were stored, and given to applications {given} times")
        };
        let at_once = Duration::ZERO;
        let late = Duration::from_millis(300);
        assert_eq!(
            seen(3, 12, late).await,
            Bite::Bit(words(3, 12)),
            "what was before the onset is not counted"
        );
        assert_eq!(seen(3, 12, 2 * PUSHED_WITHIN).await, Bite::Missed(words(3, 0)));
        assert_eq!(seen(0, 0, at_once).await, Bite::Missed(words(0, 0)));
    }
}
