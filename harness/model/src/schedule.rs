//! When each mutation is due, of which item and what it does: a pure function of the plan and its seed.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::{ALL_PPM, FaultAction, FaultPlan};
use crate::plan::{Arrivals, Plan, TracePoint};
use crate::{ItemId, MutationId, Offset};

/// No mutation is due this long before a fault's onset, unless the phase asks for it.
pub const QUIET_BEFORE_FAULT: Duration = Duration::from_secs(1);

/// What a mutation does to its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MutationKind {
    /// Replaces the content, or creates it where there is none.
    Write,
    /// Deletes the item.
    Delete,
    /// Publishes content for the gray watchers alone (`betaIps`); the others keep what they hold.
    Gray,
    /// Ends a gray release: new content for all, then the gray one is taken away. Acked when both are.
    Promote,
    /// Takes a gray release back: the gray content is taken away, so that gray watchers have what the others have, and then
    /// there is new content for all. Acked when both are done.
    Rollback,
    /// Replaces the content, or creates it, with content that is whole and that no application can use.
    Invalid,
}

impl MutationKind {
    /// Whether it is new content for all watchers, which takes the gray content away, if there is any: a promotion, a
    /// rollback, and a write that comes instead of one.
    #[must_use]
    pub const fn writes_for_all(self) -> bool {
        matches!(self, Self::Write | Self::Promote | Self::Rollback | Self::Invalid)
    }

    /// Whether it is the planned end of a gray release: two calls, new content for all and the gray one taken away.
    #[must_use]
    pub const fn ends_gray(self) -> bool {
        matches!(self, Self::Promote | Self::Rollback)
    }
}

/// One planned mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMutation {
    /// Its number, by intended time.
    pub id: MutationId,
    /// When it is due.
    pub intended: Offset,
    /// Which item it changes.
    pub item: ItemId,
    /// What it does.
    pub kind: MutationKind,
}

impl Plan {
    /// Every mutation of the run in the order of intended times.
    pub fn mutations(&self) -> impl Iterator<Item = PlannedMutation> + '_ {
        let mut items = ItemStates::new(self);
        let mut arrivals = self.arrival_times().filter(|arrival| !self.is_quiet(arrival.at)).peekable();
        let mut arrived = 0_u64;
        let mut id = 0_u32;
        std::iter::from_fn(move || {
            loop {
                let due = match (items.next_ending(), arrivals.peek()) {
                    (Some(ending), Some(arrival)) if ending <= arrival.at => items.end_gray(),
                    (Some(_), None) => items.end_gray(),
                    (_, Some(_)) => {
                        let arrival = arrivals.next()?;
                        arrived += 1;
                        items.change(arrival, arrived - 1)
                    }
                    (None, None) => return None,
                };
                if let Some((intended, item, kind)) = due {
                    id += 1;
                    return Some(PlannedMutation { id: MutationId(id - 1), intended, item, kind });
                }
            }
        })
    }

    fn arrival_times(&self) -> Box<dyn Iterator<Item = Arrival> + '_> {
        let end = self.end();
        let until_end = move |arrival: &Arrival| arrival.at < end;
        match &self.mutator.arrivals {
            Arrivals::Constant { per_second } => {
                let gap = 1.0 / per_second;
                Box::new(spaced(move |_| gap).take_while(until_end))
            }
            Arrivals::Poisson { per_second } => {
                let gaps = self.seed.child("arrivals");
                Box::new(spaced(move |n| -(1.0 - gaps.unit(n)).ln() / per_second).take_while(until_end))
            }
            Arrivals::Burst { count, every, over } => {
                let (count, every) = (*count, (*every).max(Duration::from_millis(1)));
                let step = *over / count.saturating_sub(1).max(1);
                let bursts = (1_u32..).map_while(move |n| every.checked_mul(n).map(|start| (n, start)));
                let burst = move |(n, start): (u32, Duration)| {
                    (0..count).map(move |k| Arrival {
                        at: Offset::ZERO + start + step * k,
                        item: ItemChoice::InBurst(u64::from(n), k),
                    })
                };
                let in_time = move |(_, start): &(u32, Duration)| Offset::ZERO + *start < end;
                Box::new(bursts.take_while(in_time).flat_map(burst).filter(until_end))
            }
            Arrivals::Trace(points) => {
                let mut points = points.clone();
                points.sort_by_key(|point| point.at);
                let arrival = |point: TracePoint| Arrival {
                    at: point.at,
                    item: point.item.map_or(ItemChoice::Drawn, ItemChoice::Named),
                };
                Box::new(points.into_iter().map(arrival).take_while(until_end))
            }
        }
    }

    /// Whether the nth arrival, when it is a write, writes what no application can use: a fault of config that is planned for
    /// then, and not toothless, says how often.
    fn is_invalid(&self, at: Offset, n: u64) -> bool {
        let share_ppm = |fault: &FaultPlan| match fault.action {
            FaultAction::InvalidContent { share_ppm } if fault.defect.is_none() => Some(share_ppm),
            _ => None,
        };
        let in_force = self.faults.iter().filter(|fault| fault.from <= at && at < fault.until);
        let most = in_force.filter_map(share_ppm).max().unwrap_or_default();
        most > 0 && self.seed.child("invalid-content").below(n, u64::from(ALL_PPM)) < u64::from(most)
    }

    fn is_quiet(&self, at: Offset) -> bool {
        self.quiet_until(at).is_some()
    }

    /// The end of the quiet second that `at` lies in, if it does.
    fn quiet_until(&self, at: Offset) -> Option<Offset> {
        self.faults
            .iter()
            .find(|fault| {
                !self.phases[fault.phase.index()].mutates_before_faults
                    && fault.from.saturating_sub(QUIET_BEFORE_FAULT) <= at
                    && at < fault.from
            })
            .map(|fault| fault.from)
    }
}

/// Arrivals with these gaps in seconds between them.
fn spaced(mut gap: impl FnMut(u64) -> f64) -> impl Iterator<Item = Arrival> {
    let mut at = 0.0_f64;
    (0..).map_while(move |n| {
        at += gap(n);
        let due = Offset::ZERO + Duration::try_from_secs_f64(at).ok()?;
        Some(Arrival { at: due, item: ItemChoice::Drawn })
    })
}

#[derive(Debug, Clone, Copy)]
struct Arrival {
    at: Offset,
    item: ItemChoice,
}

#[derive(Debug, Clone, Copy)]
enum ItemChoice {
    Drawn,
    Named(ItemId),
    /// The `k`th of a burst: items in a row from one that is drawn per burst.
    InBurst(u64, u32),
}

/// What each item looks like once the mutations so far are through.
struct ItemStates<'a> {
    plan: &'a Plan,
    count: u32,
    /// Ends of gray releases that are due: when, and of which item.
    endings: BTreeSet<(Offset, ItemId)>,
    /// How many there were.
    ended: u64,
    in_gray: BTreeSet<ItemId>,
    deleted: BTreeSet<ItemId>,
}

type Due = (Offset, ItemId, MutationKind);

impl<'a> ItemStates<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            count: plan.item_count(),
            endings: BTreeSet::new(),
            ended: 0,
            in_gray: BTreeSet::new(),
            deleted: BTreeSet::new(),
        }
    }

    fn next_ending(&self) -> Option<Offset> {
        self.endings.first().map(|(at, _)| *at)
    }

    fn end_gray(&mut self) -> Option<Due> {
        let (at, item) = self.endings.pop_first()?;
        self.in_gray.remove(&item);
        let draws = self.plan.seed.child("gray-endings");
        let is_taken_back =
            draws.below(self.ended, u64::from(ALL_PPM)) < u64::from(self.plan.mutator.gray.rollback_ppm);
        self.ended += 1;
        Some((at, item, if is_taken_back { MutationKind::Rollback } else { MutationKind::Promote }))
    }

    /// What an arrival does; nothing where every item is in a gray release, or the one that it names is.
    fn change(&mut self, arrival: Arrival, n: u64) -> Option<Due> {
        let item = self.free_item(arrival.item, n)?;
        let kind = match self.kind(arrival.at, item, n) {
            MutationKind::Write if self.plan.is_invalid(arrival.at, n) => MutationKind::Invalid,
            kind => kind,
        };
        match kind {
            MutationKind::Write | MutationKind::Promote | MutationKind::Rollback | MutationKind::Invalid => {
                self.deleted.remove(&item);
            }
            MutationKind::Delete => {
                self.deleted.insert(item);
            }
            MutationKind::Gray => {
                let due = arrival.at + self.plan.mutator.gray.hold;
                self.endings.insert((self.plan.quiet_until(due).unwrap_or(due), item));
                self.in_gray.insert(item);
            }
        }
        Some((arrival.at, item, kind))
    }

    /// The chosen item or, while that is in a gray release, the next one that is not.
    fn free_item(&self, choice: ItemChoice, n: u64) -> Option<ItemId> {
        let (draws, bound) = (self.plan.seed.child("mutation-items"), u64::from(self.count.max(1)));
        let first = match choice {
            ItemChoice::Named(item) => return (!self.in_gray.contains(&item)).then_some(item),
            ItemChoice::Drawn => draws.below(n, bound),
            ItemChoice::InBurst(burst, k) => draws.below(burst, bound) + u64::from(k),
        };
        (0..bound)
            .map(|step| ItemId(u32::try_from((first + step) % bound).expect("below a u32 count")))
            .find(|item| !self.in_gray.contains(item))
    }

    fn kind(&self, at: Offset, item: ItemId, n: u64) -> MutationKind {
        let kinds = self.plan.mutator.kinds;
        let (delete, gray) = (u64::from(kinds.delete), u64::from(kinds.gray));
        let all = u64::from(kinds.write) + delete + gray;
        if delete + gray == 0 || self.deleted.contains(&item) {
            return MutationKind::Write;
        }
        let draw = self.plan.seed.child("mutation-kinds").below(n, all);
        let is_held_in_time = at + self.plan.mutator.gray.hold < self.plan.end();
        if draw < delete {
            MutationKind::Delete
        } else if draw < delete + gray && is_held_in_time {
            MutationKind::Gray
        } else {
            MutationKind::Write
        }
    }
}

#[cfg(test)]
mod tests;
