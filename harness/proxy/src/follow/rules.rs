//! The toxics in force on one connection that act on what is followed, and their draws.

use std::sync::Arc;

use shakedown_model::Seed;
use shakedown_model::fault::ALL_PPM;

use crate::toxics::answers::{Answers, has};
use crate::toxics::{Counts, Kind, Mask, ToxicSet};

/// The toxics in force.
#[derive(Debug, Default)]
pub(super) struct Rules {
    set: Arc<ToxicSet>,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    /// Which toxic, whatever else comes and goes.
    id: u32,
    place: usize,
    draws: Seed,
    /// What it has drawn for on this connection.
    drawn: u64,
}

impl Rule {
    /// Whether it acts on the next thing that it could act on.
    fn draw(&mut self, set: &ToxicSet, share_ppm: u32) -> bool {
        let nth = self.drawn;
        self.drawn += 1;
        set.counts(self.place).could();
        self.draws.below(nth, u64::from(ALL_PPM)) < u64::from(share_ppm)
    }
}

/// A toxic that acts on something, and where that is counted; it may have gone meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Acting {
    set: Arc<ToxicSet>,
    pub(super) id: u32,
    place: usize,
}

impl Acting {
    pub(super) fn kind(&self) -> &Kind {
        self.set.kind(self.place)
    }

    /// How to answer; `None` for another toxic.
    pub(super) fn answers(&self) -> Option<&Answers> {
        match self.kind() {
            Kind::Answers(answers) => Some(answers),
            _ => None,
        }
    }

    pub(super) fn counts(&self) -> &Counts {
        self.set.counts(self.place)
    }
}

impl Rules {
    /// Goes over to the toxics of `set` that touch the connection; those that are new are returned.
    pub(super) fn adopt(&mut self, set: &Arc<ToxicSet>, mask: Mask, connection: Seed) -> Vec<Acting> {
        let before = std::mem::take(&mut self.rules);
        let mut fresh = Vec::new();
        for (id, place, name) in set.reading_http(mask) {
            let known = before.iter().find(|rule| rule.id == id);
            if known.is_none() {
                fresh.push(Acting { set: Arc::clone(set), id, place });
            }
            let drawn = known.map_or(0, |rule| rule.drawn);
            self.rules.push(Rule { id, place, draws: connection.child(name).child("calls"), drawn });
        }
        self.set = Arc::clone(set);
        fresh
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether the toxic of this number is in force.
    pub(super) fn has(&self, id: u32) -> bool {
        self.rules.iter().any(|rule| rule.id == id)
    }

    /// Whether any toxic is about answers.
    pub(super) fn spoils_answers(&self) -> bool {
        self.rules.iter().any(|rule| matches!(self.set.kind(rule.place), Kind::Answers(_)))
    }

    /// How a request or call is answered badly, if it is.
    pub(super) fn answer(&mut self, is_meant: impl Fn(&Answers) -> bool) -> Option<Acting> {
        let Self { set, rules } = self;
        rules.iter_mut().find_map(|rule| {
            let Kind::Answers(answers) = set.kind(rule.place) else { return None };
            let acts = is_meant(answers) && rule.draw(set, answers.share_ppm);
            acts.then(|| Acting { set: Arc::clone(set), id: rule.id, place: rule.place })
        })
    }

    /// Whether messages may be swallowed.
    pub(super) fn swallows_any(&self) -> bool {
        self.rules.iter().any(|rule| matches!(self.set.kind(rule.place), Kind::Swallowed(_)))
    }

    /// Whether this message is swallowed; it is counted then.
    pub(super) fn swallows(&mut self, message: &[u8]) -> bool {
        let Self { set, rules } = self;
        rules.iter_mut().any(|rule| {
            let Kind::Swallowed(swallowed) = set.kind(rule.place) else { return false };
            let is_meant = swallowed.messages.iter().any(|bytes| has(message, bytes));
            let acts = is_meant && rule.draw(set, swallowed.share_ppm);
            if acts {
                set.counts(rule.place).acted();
            }
            acts
        })
    }
}
