//! Every distribution of a run by measure, scope and group, and the figures made of them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
use shakedown_model::GroupId;
use shakedown_model::gate::{Measure, Scope, Stat};

use crate::distribution::Distribution;
use crate::result::{Figure, HistogramRow};

/// Distributions by key. Samples go to a phase or a fault; the run's own come from merging those, but for measures
/// that have samples of the whole run.
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

    /// The distribution of the whole run, for a measure whose samples of phases do not add up to it.
    pub(crate) fn of_run(&mut self, measure: Measure, group: Option<GroupId>) -> &mut Distribution {
        self.distributions.entry((measure, Scope::Run, group)).or_default()
    }

    /// Every distribution that was recorded, as HDR histograms.
    pub(crate) fn histograms(&self) -> Vec<HistogramRow> {
        let mut serializer = V2DeflateSerializer::new();
        let rows = self.distributions.iter().filter(|(_, distribution)| distribution.count() > 0);
        rows.map(|((measure, scope, group), distribution)| {
            let (histogram, censored_as) = distribution.exported();
            let mut bytes = Vec::new();
            serializer.serialize(&histogram, &mut bytes).expect("a vector takes all that is written");
            let (censored, v2) = (distribution.censored(), BASE64.encode(bytes));
            HistogramRow { measure: *measure, scope: *scope, group: *group, censored, censored_as, v2 }
        })
        .collect()
    }

    /// The figures, those of the whole run included, in the order of measures.
    pub(crate) fn finish(mut self) -> Vec<Figure> {
        let mut whole: BTreeMap<(Measure, Option<GroupId>), Distribution> = BTreeMap::new();
        for ((measure, _, group), distribution) in &self.distributions {
            if !adds_up(*measure) {
                continue;
            }
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

/// Whether the samples of phases or faults are those of the run: the run's convergence is a sample of its own.
const fn adds_up(measure: Measure) -> bool {
    !matches!(measure, Measure::Convergence)
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
    fn exported_histograms_hold_every_sample_and_late_ones_at_the_time_out() {
        let mut figures = Figures::default();
        let distribution = figures.entry(Measure::Reconnect, Scope::Phase(PhaseId(1)), Some(GroupId(0)));
        (1..=90).for_each(|ms| distribution.record(ms * 1_000_000));
        (0..10).for_each(|_| distribution.censor(20_000_000_000));
        let rows = figures.histograms();
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.censored, row.censored_as), (10, 20_000_000_000));
        let bytes = BASE64.decode(&row.v2).unwrap();
        let histogram: hdrhistogram::Histogram<u64> =
            hdrhistogram::serialization::Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
        assert_eq!(histogram.len(), 100);
        assert!(histogram.equivalent(histogram.value_at_quantile(0.5), 50_000_000));
        assert!(histogram.equivalent(histogram.value_at_quantile(0.95), 20_000_000_000));
    }

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
