//! The turns of one watcher's life: subscribed, lost, crashed, started cold.

use shakedown_model::Offset;

/// A turn of a watcher's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Subscribed,
    Lost,
    Crash,
    ColdStart,
}

/// One watcher's turns, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Life {
    turns: Vec<(Offset, Turn)>,
    first_subscribed: Option<Offset>,
    /// From each crash to the next subscription.
    downs: Vec<(Offset, Offset)>,
}

impl Life {
    /// Adds the next turn.
    pub(crate) fn push(&mut self, at: Offset, turn: Turn) {
        self.turns.push((at, turn));
        let is_down = self.downs.last().is_some_and(|(_, until)| *until == Offset::NEVER);
        match turn {
            Turn::Subscribed => {
                self.first_subscribed.get_or_insert(at);
                if let Some((_, until)) = self.downs.last_mut().filter(|_| is_down) {
                    *until = at;
                }
            }
            Turn::Crash if !is_down => self.downs.push((at, Offset::NEVER)),
            Turn::Crash | Turn::ColdStart | Turn::Lost => {}
        }
    }

    pub(crate) fn turns(&self) -> &[(Offset, Turn)] {
        &self.turns
    }

    /// When it was subscribed for the first time.
    pub(crate) const fn first_subscribed(&self) -> Option<Offset> {
        self.first_subscribed
    }

    /// From each crash on purpose to the next subscription ([`Offset::NEVER`] when there is none).
    pub(crate) fn downs(&self) -> &[(Offset, Offset)] {
        &self.downs
    }

    /// Whether it was crashed on purpose at `at` and not subscribed again.
    pub(crate) fn is_down(&self, at: Offset) -> bool {
        self.downs.iter().any(|(from, until)| *from <= at && at < *until)
    }

    /// Whether it is down at the end of the record.
    pub(crate) fn ends_down(&self) -> bool {
        self.is_down(Offset(Offset::NEVER.0 - 1))
    }

    /// Whether a mutation intended at `at` counts it in: subscribed before, and not crashed on purpose.
    pub(crate) fn expects(&self, at: Offset) -> bool {
        self.first_subscribed.is_some_and(|first| first < at) && !self.is_down(at)
    }

    /// Whether it was subscribed and had noticed no loss just before `at`.
    pub(crate) fn is_connected(&self, at: Offset) -> bool {
        self.turns.iter().rfind(|(turned, _)| *turned < at).is_some_and(|(_, turn)| *turn == Turn::Subscribed)
    }

    /// Whether it crashed on purpose from `from` to `until`, both included, so that it may have forgotten.
    pub(crate) fn crashed_between(&self, from: Offset, until: Offset) -> bool {
        self.downs.iter().any(|(crashed, _)| from <= *crashed && *crashed <= until)
    }

    /// The first crash after `at` ([`Offset::NEVER`] when there is none).
    pub(crate) fn next_crash(&self, at: Offset) -> Offset {
        self.downs.iter().map(|(from, _)| *from).find(|from| *from > at).unwrap_or(Offset::NEVER)
    }

    /// The last crash at or before `at`.
    pub(crate) fn last_crash(&self, at: Offset) -> Option<Offset> {
        self.downs.iter().map(|(from, _)| *from).rfind(|from| *from <= at)
    }

    /// The stretches in which it was alive and subscribed once: from the first subscription of each life to the next
    /// crash ([`Offset::NEVER`] when there is none).
    pub(crate) fn stretches(&self) -> Vec<(Offset, Offset)> {
        let Some(first) = self.first_subscribed else { return Vec::new() };
        let mut stretches = Vec::with_capacity(self.downs.len() + 1);
        let mut from = first;
        for (crashed, back) in &self.downs {
            if from < *crashed {
                stretches.push((from, *crashed));
            }
            from = (*back).max(first);
        }
        if from < Offset::NEVER {
            stretches.push((from, Offset::NEVER));
        }
        stretches
    }
}
