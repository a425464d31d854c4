//! Latency and jitter: one `latency` toxic per direction, the same on the embedded proxy and on Toxiproxy.

use std::time::Duration;

use shakedown_model::fault::Stream;

use super::{Recipe, whole_millis};
use crate::fault::FaultError;
use crate::toxiproxy::{Direction, ToxicConfig, ToxicKind};

pub(crate) fn recipe(
    prefix: &str,
    stream: Stream,
    latency: Duration,
    jitter: Duration,
) -> Result<Recipe, FaultError> {
    Ok(Recipe::of_toxics(toxics(prefix, stream, latency, jitter)?))
}

pub(super) fn toxics(
    prefix: &str,
    stream: Stream,
    latency: Duration,
    jitter: Duration,
) -> Result<Vec<ToxicConfig>, FaultError> {
    let kind = ToxicKind::Latency {
        latency_ms: whole_millis("latency", latency)?,
        jitter_ms: whole_millis("jitter", jitter)?,
    };
    let toxic = |stream: &Direction| ToxicConfig {
        name: format!("{prefix}-latency-{}", stream.name()),
        stream: *stream,
        kind,
    };
    Ok(Direction::of(stream).iter().map(toxic).collect())
}
