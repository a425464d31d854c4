//! A toxic of the plan: which file knows its kind, in which directions it is added, and what a canary must see.

use std::time::Duration;

use shakedown_model::fault::{ALL_PPM, Toxic, ToxicKind as Planned};
use shakedown_model::plan::ProxyKind;

use super::{Recipe, bandwidth, latency, limit_data, reset, slicer, slow_close, timeout};
use crate::canary::Expectation;
use crate::fault::FaultError;
use crate::toxiproxy::{Direction, ToxicConfig, ToxicKind};

pub(super) fn recipe(prefix: &str, proxy: ProxyKind, toxic: Toxic) -> Result<Recipe, FaultError> {
    let recipe = Recipe::of_toxics(toxics(prefix, proxy, toxic)?);
    Ok(match toxic.kind {
        // Closing would end all connections, whatever the share.
        Planned::ResetPeer { .. } if toxic.toxicity_ppm == ALL_PPM => reset::with_live(recipe, proxy),
        _ => recipe,
    })
}

/// One toxic per direction, under names that begin with `prefix`.
pub(crate) fn toxics(prefix: &str, proxy: ProxyKind, toxic: Toxic) -> Result<Vec<ToxicConfig>, FaultError> {
    let kind = kind(proxy, toxic.kind)?;
    let directions = match toxic.kind {
        Planned::ResetPeer { .. } => reset::directions(proxy),
        _ => Direction::of(toxic.stream),
    };
    let config = |stream: &Direction| ToxicConfig {
        name: format!("{prefix}-{}-{}", kind.name(), stream.name()),
        stream: *stream,
        toxicity_ppm: toxic.toxicity_ppm,
        kind,
    };
    Ok(directions.iter().map(config).collect())
}

fn kind(proxy: ProxyKind, planned: Planned) -> Result<ToxicKind, FaultError> {
    match planned {
        Planned::Latency { latency, jitter, distribution } => {
            latency::kind(proxy, latency, jitter, distribution)
        }
        Planned::Bandwidth { kilobytes_per_second } => Ok(bandwidth::kind(kilobytes_per_second)),
        Planned::SlowClose { delay } => slow_close::kind(delay),
        Planned::Timeout { timeout } => timeout::kind(timeout),
        Planned::ResetPeer { timeout } => reset::kind(timeout),
        Planned::Slicer { average_size, size_variation, delay } => {
            slicer::kind(average_size, size_variation, delay)
        }
        Planned::LimitData { bytes } => Ok(limit_data::kind(bytes)),
    }
}

/// What a canary must see within the fault's `window`.
pub(super) fn expectation(toxic: Toxic, window: Duration) -> Expectation {
    let Toxic { stream, toxicity_ppm, kind } = toxic;
    if toxicity_ppm < ALL_PPM {
        return Expectation::Nothing(
            "it acts on a share of the connections, and a canary has one on each proxy",
        );
    }
    match kind {
        Planned::Latency { latency, jitter, distribution } => {
            Expectation::delay(stream, latency, jitter, distribution)
        }
        Planned::Bandwidth { kilobytes_per_second } => bandwidth::expectation(stream, kilobytes_per_second),
        Planned::SlowClose { delay } => slow_close::expectation(stream, delay, window),
        Planned::Timeout { timeout } => timeout::expectation(timeout, window),
        Planned::ResetPeer { timeout } => reset::expectation(timeout),
        Planned::Slicer { average_size, size_variation, delay } => {
            slicer::expectation(stream, average_size, size_variation, delay)
        }
        Planned::LimitData { bytes } => limit_data::expectation(bytes, window),
    }
}
