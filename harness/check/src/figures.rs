//! Every distribution of a run by measure, scope and group, and the figures made of them.

use std::collections::BTreeMap;

use shakedown_model::GroupId;
use shakedown_model::gate::{Measure, Scope, Stat};

use crate::distribution::Distribution;
use crate::result::Figure;

/// Distributions by key. Samples go to a phase or a fault; the run's own come from merging those.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    distributions: BTreeMap<(Measure, Scope, Option<GroupId>), Distribution>,
}

impl Figures {
    /// The distribution of a key, empty at first.
    pub(crate) fn entry(
        &mut self,
        measure: Measure,
        scope: Scope,
        group: Option<GroupId>,
    ) -> &mut Distribution {
        debug_assert!(scope != Scope::Run, "the run's distributions are merged, not recorded");
        self.distributions.entry((measure, scope, group)).or_default()
    }

    /// The figures, those of the whole run included, in the order of measures.
    pub(crate) fn finish(mut self) -> Vec<Figure> {
        let mut whole: BTreeMap<(Measure, Option<GroupId>), Distribution> = BTreeMap::new();
        for ((measure, _, group), distribution) in &self.distributions {
            whole.entry((*measure, *group)).or_default().merge(distribution);
        }
        for ((measure, group), distribution) in whole {
            self.distributions.insert((measure, Scope::Run, group), distribution);
        }
        self.distributions
            .iter()
            .map(|((measure, scope, group), d)| figure(*measure, *scope, *group, d))
            .collect()
    }
}

fn figure(measure: Measure, scope: Scope, group: Option<GroupId>, distribution: &Distribution) -> Figure {
    Figure {
        measure,
        scope,
        group,
        count: distribution.count(),
        censored: distribution.censored(),
        negative: distribution.negative(),
        mutations: distribution.mutations(),
        stats: Stat::ALL.map(|stat| distribution.stat(measure, stat)),
        spectrum: distribution.spectrum(),
    }
}

#[cfg(test)]
mod tests {
    use shakedown_model::PhaseId;

    use super::*;
    use crate::result::StatValue;

    #[test]
    fn the_run_merges_phases_and_never_their_percentiles() {
        let mut figures = Figures::default();
        for value in 1..=1000 {
            figures.entry(Measure::Failover, Scope::Phase(PhaseId(1)), Some(GroupId(0))).record(value);
        }
        for value in 1..=9000 {
            figures
                .entry(Measure::Failover, Scope::Phase(PhaseId(2)), Some(GroupId(0)))
                .record(value.min(10));
        }
        let figures = figures.finish();
        let run = figures.iter().find(|figure| figure.scope == Scope::Run).unwrap();
        assert_eq!((figures.len(), run.count), (3, 10_000));
        // The phases' medians are 500 and 10; that of all samples together is 10.
        assert_eq!(run.stat(Stat::P50), StatValue::Time(10));
    }
}
