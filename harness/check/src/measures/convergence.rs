//! Convergence: from the last ack of a phase, or of the run, until every watcher of a group holds what it is to hold.
//!
//! One sample per phase and group, and one per run and group: per item the newest mutation of that stretch counts, and
//! of a gray release that is not promoted yet its gray watchers beside it. What one watcher does not hold within the
//! time-out censors the sample. A mutation that a read settled counts from when it was sent, the earliest that it can have
//! been stored, so that convergence never looks shorter for it. A stretch with a mutation that the record does not reach to judge has none.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_model::event::{Publish, PublishOutcome};
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::schedule::MutationKind;
use shakedown_model::{GroupId, ItemId, Offset};

use super::delivery::record_within;
use crate::figures::Figures;

/// The last mutation of an item in a stretch: its ack, or when it was sent if it has none, and when the last watcher held
/// it (`None` for never).
#[derive(Debug, Clone, Copy)]
struct Last {
    from: Offset,
    held: Option<Offset>,
}

/// The last mutations of every stretch.
#[derive(Debug, Default)]
pub(super) struct Convergence {
    /// By item, and whether it is a gray release.
    lasts: BTreeMap<(Scope, GroupId), BTreeMap<(ItemId, bool), Last>>,
    left_out: BTreeSet<Scope>,
}

impl Convergence {
    /// A mutation of a phase cannot be judged, so neither can the phase nor the run.
    pub(super) fn leave_out(&mut self, scope: Scope) {
        self.left_out.extend([scope, Scope::Run]);
    }

    /// The next mutation of an item, and when the last watcher of the group held it (`None` for never).
    pub(super) fn add(&mut self, (scope, group): (Scope, GroupId), publish: &Publish, held: Option<Offset>) {
        for scope in [scope, Scope::Run] {
            let lasts = self.lasts.entry((scope, group)).or_default();
            let is_gray = publish.kind == MutationKind::Gray;
            if !is_gray {
                lasts.remove(&(publish.item, true));
            }
            let from = if publish.outcome == PublishOutcome::Settled { publish.sent } else { publish.done };
            lasts.insert((publish.item, is_gray), Last { from, held });
        }
    }

    pub(super) fn finish(self, timeout_ns: u64, figures: &mut Figures) {
        for ((scope, group), lasts) in self.lasts {
            if self.left_out.contains(&scope) {
                continue;
            }
            let distribution = match scope {
                Scope::Run => figures.of_run(Measure::Convergence, Some(group)),
                scope => figures.entry(Measure::Convergence, scope, Some(group)),
            };
            let from = lasts.values().map(|last| last.from).max().unwrap_or_default();
            let held = lasts.values().map(|last| last.held).collect::<Option<Vec<_>>>();
            let latest = held.and_then(|held| held.into_iter().max());
            let time = latest.map(|latest| latest.signed_since(from));
            record_within(distribution, time, timeout_ns);
        }
    }
}
