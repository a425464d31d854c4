//! What a running node is told to do wrong, by others than its own thread, and how often it did.
//!
//! Looked at for every call, so that without trouble it costs one atomic load. What is done once, at the onset, is sent
//! to the node's thread as a message and counted here.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use shakedown_model::Seed;
use shakedown_model::fault::{
    ALL_PPM, AnswerTrouble, BadAnswer, CallKind, NodeTrouble, StreamTrouble, TroubleCount,
};

/// The troubles of one node.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    is_any: AtomicBool,
    /// By the number that whoever began it gave it.
    list: Mutex<Vec<(u64, Arc<Active>)>>,
}

/// A trouble in force.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) trouble: NodeTrouble,
    of: AtomicU64,
    acted: AtomicU64,
}

impl Active {
    /// Takes down something on which it could act; whether it does. Shares are drawn evenly by number.
    pub(crate) fn draw(&self, share_ppm: u32) -> bool {
        let nth = self.of.fetch_add(1, Ordering::Relaxed);
        let acts = Seed(0).child("trouble").below(nth, u64::from(ALL_PPM)) < u64::from(share_ppm);
        if acts {
            self.acted.fetch_add(1, Ordering::Relaxed);
        }
        acts
    }

    /// Takes down that it acted on so many.
    pub(crate) fn count(&self, acted: u64) {
        self.acted.fetch_add(acted, Ordering::Relaxed);
        self.of.fetch_add(acted, Ordering::Relaxed);
    }
}

impl Troubles {
    /// From now on; ends one of the same number.
    pub(crate) fn begin(&self, number: u64, trouble: NodeTrouble) -> Arc<Active> {
        let active = Arc::new(Active { trouble, of: AtomicU64::new(0), acted: AtomicU64::new(0) });
        let mut list = self.list();
        list.retain(|(other, _)| *other != number);
        list.push((number, Arc::clone(&active)));
        self.is_any.store(true, Ordering::Release);
        active
    }

    /// No more; what it was and how often it acted, if it was in force.
    pub(crate) fn end(&self, number: u64) -> Option<(Arc<Active>, TroubleCount)> {
        let mut list = self.list();
        let at = list.iter().position(|(other, _)| *other == number)?;
        let (_, active) = list.swap_remove(at);
        self.is_any.store(!list.is_empty(), Ordering::Release);
        let count = TroubleCount {
            acted: active.acted.load(Ordering::Relaxed),
            of: active.of.load(Ordering::Relaxed),
        };
        Some((active, count))
    }

    /// How a call of this kind is to be answered badly, if it is.
    pub(crate) fn answer(&self, kind: CallKind) -> Option<BadAnswer> {
        if !self.is_any.load(Ordering::Acquire) {
            return None;
        }
        self.list().iter().find_map(|(_, active)| match active.trouble {
            NodeTrouble::Answers(AnswerTrouble { to, share_ppm, bad }) if to.has(kind) => {
                active.draw(share_ppm).then_some(bad)
            }
            _ => None,
        })
    }

    /// Whether the acknowledgement of a push is not to be seen.
    pub(crate) fn swallows_ack(&self) -> bool {
        self.is_any.load(Ordering::Acquire)
            && self.list().iter().any(|(_, active)| match active.trouble {
                NodeTrouble::Stream { what: StreamTrouble::SwallowedAck, share_ppm } => {
                    active.draw(share_ppm)
                }
                _ => false,
            })
    }

    /// Whether what a client holds is to be compared with the MD5 of something else.
    pub(crate) fn drifts(&self) -> bool {
        self.is_any.load(Ordering::Acquire)
            && self.list().iter().any(|(_, active)| match active.trouble {
                NodeTrouble::DriftedMd5 { share_ppm } => active.draw(share_ppm),
                _ => false,
            })
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Arc<Active>)>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use shakedown_model::fault::Calls;

    use super::*;

    fn answers(share_ppm: u32) -> NodeTrouble {
        let to = Calls::default().with(CallKind::Read);
        NodeTrouble::Answers(AnswerTrouble { to, share_ppm, bad: BadAnswer::Status(503) })
    }

    #[test]
    fn a_trouble_acts_on_its_share_of_its_calls_while_it_is_in_force() {
        let troubles = Troubles::default();
        assert_eq!(troubles.answer(CallKind::Read), None);
        troubles.begin(7, answers(250_000));
        let hit = (0..4000).filter(|_| troubles.answer(CallKind::Read).is_some()).count();
        assert!((900..1100).contains(&hit), "{hit} of 4,000");
        assert_eq!(troubles.answer(CallKind::Write), None, "another kind of call");
        let (_, count) = troubles.end(7).unwrap();
        assert_eq!((count.acted, count.of), (hit as u64, 4000));
        assert_eq!(troubles.answer(CallKind::Read), None);
        assert!(troubles.end(7).is_none());
    }

    #[test]
    fn two_troubles_are_in_force_side_by_side() {
        let troubles = Troubles::default();
        let swallowed = NodeTrouble::Stream { what: StreamTrouble::SwallowedAck, share_ppm: ALL_PPM };
        troubles.begin(1, answers(ALL_PPM));
        troubles.begin(2, swallowed);
        assert!(troubles.swallows_ack() && troubles.answer(CallKind::Read).is_some());
        troubles.end(1);
        assert!(troubles.swallows_ack() && troubles.answer(CallKind::Read).is_none());
    }
}
