//! The raster: watchers by mutations, with the path and the latency of each.

use std::collections::BTreeMap;

use shakedown_model::event::{Path, Publish};
use shakedown_model::{MutationId, WatcherId};

use crate::evidence::Evidence;
use crate::result::{Raster, RasterRow};

/// The most mutations and the most watchers that it shows.
const COLUMNS: usize = 400;
const ROWS: usize = 300;
/// Where the watcher was not in the denominator, and where it was not delivered in time.
const OUTSIDE: u8 = b'.';
const UNDELIVERED: u8 = b'!';

/// The raster while it is filled.
#[derive(Debug)]
pub(super) struct Rastering {
    columns: BTreeMap<MutationId, usize>,
    /// By watcher.
    rows: Vec<Option<usize>>,
    raster: Raster,
    letters: Vec<Vec<u8>>,
}

impl Rastering {
    /// A raster of these mutations, which come by intended time.
    pub(super) fn new(evidence: &Evidence<'_>, mutations: &[(MutationId, &Publish)]) -> Self {
        let chosen = mutations.iter().step_by(mutations.len().div_ceil(COLUMNS).max(1));
        let columns: Vec<_> = chosen.map(|(mutation, publish)| (*mutation, publish.intended)).collect();
        let watchers = evidence.index.slots.watchers();
        // Each group rounds its share up, so that a small one is not thinned away.
        let step = watchers.div_ceil(ROWS.saturating_sub(evidence.plan.groups.len()).max(1)).max(1);
        let mut rows = vec![None; watchers];
        let mut shown = Vec::new();
        for (group, _) in evidence.groups() {
            for watcher in evidence.watchers_of(group).step_by(step).take(ROWS - shown.len()) {
                rows[watcher.index()] = Some(shown.len());
                let micros = vec![0; columns.len()];
                shown.push(RasterRow { watcher, group, paths: String::new(), micros });
            }
        }
        Self {
            letters: vec![vec![OUTSIDE; columns.len()]; shown.len()],
            columns: (0..).zip(&columns).map(|(nth, (mutation, _))| (*mutation, nth)).collect(),
            rows,
            raster: Raster {
                columns,
                rows: shown,
                mutations: mutations.len() as u64,
                watchers: watchers as u64,
            },
        }
    }

    /// The column of a mutation, if it is shown.
    pub(super) fn column(&self, mutation: MutationId) -> Option<usize> {
        self.columns.get(&mutation).copied()
    }

    /// How a watcher came to hold the mutation of a column, and its end-to-end latency; `None` for not in time.
    pub(super) fn add(&mut self, column: usize, watcher: WatcherId, came: Option<(Path, u64)>) {
        let Some(row) = self.rows[watcher.index()] else { return };
        self.letters[row][column] = match came {
            // Every letter of a path is ASCII.
            Some((path, _)) => u8::try_from(Raster::letter(path)).unwrap_or(OUTSIDE),
            None => UNDELIVERED,
        };
        self.raster.rows[row].micros[column] = came.map_or(0, |(_, ns)| (ns / 1_000).max(1));
    }

    /// The raster, unless there is nothing in it.
    pub(super) fn finish(mut self) -> Option<Raster> {
        for (row, letters) in self.raster.rows.iter_mut().zip(self.letters) {
            row.paths = letters.into_iter().map(char::from).collect();
        }
        (!self.raster.columns.is_empty() && !self.raster.rows.is_empty()).then_some(self.raster)
    }
}
