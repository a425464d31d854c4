//! The measures: each walks the evidence once and fills distributions, counts and series.
//!
//! Start at [`delivery`] (publish, propagation, end-to-end, notify, fetch, T50 to T-all, convergence, paths), then
//! [`recovery`] (detect, attempt gap, reconnect, catch-up), [`attempts`], [`herd`], [`staleness`], [`failover`], [`fetch_rate`],
//! [`service`] (outages of the servers) and [`own_share`] (what the harness itself took).

pub(crate) mod attempts;
mod convergence;
pub(crate) mod delivery;
pub(crate) mod failover;
mod fetch_rate;
pub(crate) mod herd;
pub(crate) mod own_share;
mod paths;
mod raster;
pub(crate) mod recovery;
pub(crate) mod service;
pub(crate) mod staleness;

use crate::evidence::Evidence;
use crate::figures::Figures;
use crate::result::{Counts, Series};
use paths::Paths;

/// Where measures put what they find.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) figures: Figures,
    pub(crate) paths: Paths,
    pub(crate) series: Series,
    pub(crate) counts: Counts,
}

/// Takes every measure.
pub(crate) fn take(evidence: &Evidence<'_>) -> Findings {
    let mut findings = Findings::default();
    delivery::take(evidence, &mut findings);
    recovery::take(evidence, &mut findings);
    attempts::take(evidence, &mut findings);
    herd::take(evidence, &mut findings);
    staleness::take(evidence, &mut findings);
    failover::take(evidence, &mut findings);
    fetch_rate::take(evidence, &mut findings);
    service::take(evidence, &mut findings);
    findings
}
