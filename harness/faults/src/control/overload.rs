//! Overload: users call the nodes straight, each one call after the other, as fast as they are answered.
//!
//! The load is closed: a server that slows down is asked less. Its figures are times from a call to its answer, and stand
//! in the fault's verdict.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use shakedown_model::fault::{Bite, Overload};
use shakedown_model::{NodeId, Seed};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::figures::Calls;
use super::{ControlPlane, lock};
use crate::fault::{Fault, FaultError};

/// A user that failed pauses, so that a server that is gone does not take a core.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// What the users' calls came to.
#[derive(Debug, Default)]
struct Figures {
    reads: Calls,
    publishes: Calls,
    logins: Calls,
}

/// Users at work.
pub(super) struct Load {
    control: Arc<dyn ControlPlane>,
    load: Overload,
    figures: Arc<Mutex<Figures>>,
    users: Mutex<JoinSet<()>>,
    /// From the first call to the end of the last.
    window: Mutex<(Option<Instant>, Duration)>,
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    Publish,
    Login,
}

impl Load {
    pub(super) fn new(control: Arc<dyn ControlPlane>, load: Overload) -> Self {
        Self { control, load, figures: Arc::default(), users: Mutex::default(), window: Mutex::default() }
    }

    fn begin(&self) {
        let nodes = self.control.nodes();
        let mut users = lock(&self.users);
        lock(&self.window).0 = Some(Instant::now());
        for user in 0..self.load.users {
            let (control, figures) = (Arc::clone(&self.control), Arc::clone(&self.figures));
            let (load, node) = (self.load, nodes[user as usize % nodes.len()]);
            users.spawn(async move { work(&*control, &figures, load, (user, node)).await });
        }
    }
}

/// One user's calls, until it is stopped.
async fn work(
    control: &dyn ControlPlane,
    figures: &Mutex<Figures>,
    load: Overload,
    (user, node): (u32, NodeId),
) {
    let draws = Seed(u64::from(user)).child("user");
    let weights = u64::from(load.reads) + u64::from(load.publishes) + u64::from(load.logins);
    for nth in 0_u64.. {
        let kind = match draws.below(nth, weights) {
            ticket if ticket < u64::from(load.reads) => Kind::Read,
            ticket if ticket < u64::from(load.reads) + u64::from(load.publishes) => Kind::Publish,
            _ => Kind::Login,
        };
        let asked = Instant::now();
        // Users read different items at different times.
        let number = draws.draw(nth);
        let result = match kind {
            Kind::Read => control.read(node, number).await,
            Kind::Publish => control.publish(node, number).await,
            Kind::Login => control.login(node).await,
        };
        let (took, has_failed) = (asked.elapsed(), result.is_err());
        {
            let mut figures = lock(figures);
            let calls = match kind {
                Kind::Read => &mut figures.reads,
                Kind::Publish => &mut figures.publishes,
                Kind::Login => &mut figures.logins,
            };
            calls.take(took, result);
        }
        let pause = if has_failed { load.pause.max(AFTER_FAILURE) } else { load.pause };
        if pause.is_zero() {
            tokio::task::yield_now().await;
        } else {
            sleep(pause).await;
        }
    }
}

impl Fault for Load {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        self.begin();
        Box::pin(ready(Ok(())))
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let mut users = std::mem::take(&mut *lock(&self.users));
            users.shutdown().await;
            {
                let (began, lasted) = &mut *lock(&self.window);
                *lasted = began.map_or(Duration::ZERO, |began| began.elapsed());
            }
            self.control.clean().await;
            Ok(())
        })
    }

    fn seen(&self) -> BoxFuture<'_, Option<Bite>> {
        let figures = lock(&self.figures);
        let within = lock(&self.window).1;
        let kinds =
            [("reads", &figures.reads), ("publishes", &figures.publishes), ("logins", &figures.logins)];
        let words: Vec<_> = kinds.iter().filter_map(|(what, calls)| calls.words(what, within)).collect();
        let has_answers = kinds.iter().any(|(_, calls)| calls.answered() > 0);
        let words = if words.is_empty() { "nobody was answered".to_owned() } else { words.join("; ") };
        let words = format!("{} users: {words}", self.load.users);
        Box::pin(ready(Some(if has_answers { Bite::Bit(words) } else { Bite::Missed(words) })))
    }
}
