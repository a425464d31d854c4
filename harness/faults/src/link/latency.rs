//! Latency and jitter: one `latency` toxic per direction. The embedded proxy spreads delays in other ways, too.

use std::time::Duration;

use shakedown_model::fault::Distribution;
use shakedown_model::plan::ProxyKind;

use super::{embedded_only, whole_millis};
use crate::fault::FaultError;
use crate::toxiproxy::ToxicKind;

pub(super) fn kind(
    proxy: ProxyKind,
    latency: Duration,
    jitter: Duration,
    distribution: Distribution,
) -> Result<ToxicKind, FaultError> {
    if distribution != Distribution::Uniform {
        embedded_only(proxy, "distribution")?;
    }
    Ok(ToxicKind::Latency {
        latency_ms: whole_millis("latency", latency)?,
        jitter_ms: whole_millis("jitter", jitter)?,
        distribution,
    })
}
