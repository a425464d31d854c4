//! The measures: each walks the evidence once and fills distributions, counts and series.
//!
//! Start at [`delivery`] (publish, propagation, end-to-end, T50 to T-all), then [`recovery`] (detect, attempt gap,
//! reconnect, catch-up), [`herd`], [`staleness`] and [`failover`].

pub(crate) mod delivery;
pub(crate) mod failover;
pub(crate) mod herd;
pub(crate) mod recovery;
pub(crate) mod staleness;

use crate::evidence::Evidence;
use crate::figures::Figures;
use crate::result::{Counts, Series};

/// Where measures put what they find.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) figures: Figures,
    pub(crate) series: Series,
    pub(crate) counts: Counts,
}

/// Takes every measure.
pub(crate) fn take(evidence: &Evidence<'_>) -> Findings {
    let mut findings = Findings::default();
    delivery::take(evidence, &mut findings);
    recovery::take(evidence, &mut findings);
    herd::take(evidence, &mut findings);
    staleness::take(evidence, &mut findings);
    failover::take(evidence, &mut findings);
    findings
}
