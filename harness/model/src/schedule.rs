//! When each mutation is due, and of which item: a pure function of the plan and its seed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::{Arrivals, Plan};
use crate::{ItemId, MutationId, Offset};

/// No mutation is due this long before a fault's onset, unless the phase asks for it.
pub const QUIET_BEFORE_FAULT: Duration = Duration::from_secs(1);

/// One planned mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMutation {
    /// Its number, by intended time.
    pub id: MutationId,
    /// When it is due.
    pub intended: Offset,
    /// Which item it changes.
    pub item: ItemId,
}

impl Plan {
    /// Every mutation of the run in the order of intended times.
    pub fn mutations(&self) -> impl Iterator<Item = PlannedMutation> + '_ {
        let items = self.seed.child("mutation-items");
        let count = u64::from(self.item_count());
        self.arrival_times().filter(|at| !self.is_quiet(*at)).zip(0_u32..).map(move |(intended, n)| {
            let item = u32::try_from(items.below(u64::from(n), count)).expect("below a u32 count");
            PlannedMutation { id: MutationId(n), intended, item: ItemId(item) }
        })
    }

    fn arrival_times(&self) -> impl Iterator<Item = Offset> + '_ {
        let gaps = self.seed.child("arrivals");
        let end = self.end();
        let mut at = 0.0_f64;
        let mut n = 0;
        std::iter::from_fn(move || {
            let gap = match self.arrivals {
                Arrivals::Constant { per_second } => 1.0 / per_second,
                Arrivals::Poisson { per_second } => -(1.0 - gaps.unit(n)).ln() / per_second,
            };
            n += 1;
            at += gap;
            let due = Offset::ZERO + Duration::try_from_secs_f64(at).ok()?;
            (due < end).then_some(due)
        })
    }

    fn is_quiet(&self, at: Offset) -> bool {
        self.faults.iter().any(|fault| {
            !self.phases[fault.phase.index()].mutates_before_faults
                && fault.from.saturating_sub(QUIET_BEFORE_FAULT) <= at
                && at < fault.from
        })
    }
}
