//! The limit that some SDKs put on queries of one item: so many per second, with a burst of as many.
//!
//! Java and Go keep such a limiter per process and key (nacos-facts.md §3.2); a watcher is one process. Only what was
//! asked within the last second is remembered.

use std::time::Duration;

use shakedown_model::Offset;

use crate::bucket;

const SECOND: Duration = Duration::from_secs(1);

/// What the limiter of one watcher remembers.
#[derive(Debug, Clone)]
pub(crate) struct Limiter {
    /// The client waits until then.
    waits_until: Offset,
    /// Items with the instant at which the limiter will have forgotten all their queries.
    recent: Vec<(u16, Offset)>,
}

impl Limiter {
    pub(crate) const fn new() -> Self {
        Self { waits_until: Offset::NEVER, recent: Vec::new() }
    }

    /// When to try again, if a query is held back.
    pub(crate) const fn waits_until(&self) -> Offset {
        self.waits_until
    }

    /// Whether the item with this index may be queried now. If so it counts; if not, the client waits.
    pub(crate) fn admit(&mut self, index: u16, per_second: u8, now: Offset) -> bool {
        self.waits_until = Offset::NEVER;
        self.recent.retain(|(_, free)| *free > now);
        let step = SECOND / u32::from(per_second.max(1));
        let known = self.recent.iter().position(|(known, _)| *known == index);
        let from = known.map_or(now, |at| self.recent[at].1);
        match (bucket::take(from, step, SECOND, now), known) {
            (Err(next), _) => {
                self.waits_until = next;
                return false;
            }
            (Ok(full_at), Some(at)) => self.recent[at].1 = full_at,
            (Ok(full_at), None) => self.recent.push((index, full_at)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_at_once_then_one_each_200_ms() {
        let mut limiter = Limiter::new();
        let at = Offset::from_secs(9);
        assert!((0..5).all(|_| limiter.admit(3, 5, at)));
        assert!(!limiter.admit(3, 5, at));
        assert_eq!(limiter.waits_until(), at + Duration::from_millis(200));
        assert!(limiter.admit(4, 5, at), "each item has its own");
        let next = at + Duration::from_millis(200);
        assert!(limiter.admit(3, 5, next));
        assert!(!limiter.admit(3, 5, next));
        assert!((0..5).all(|_| limiter.admit(3, 5, next + SECOND)), "a second of rest forgives all");
    }
}
