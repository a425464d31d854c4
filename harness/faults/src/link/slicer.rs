//! Slicer: chunks are cut into smaller ones, with a pause after each. Without a pause nothing takes longer.

use std::time::Duration;

use shakedown_model::fault::Stream;

use crate::canary::{ASK_BYTES, Expectation, MOST_ASK_BYTES};
use crate::fault::FaultError;
use crate::toxiproxy::ToxicKind;

pub(super) fn kind(average_size: u64, size_variation: u64, delay: Duration) -> Result<ToxicKind, FaultError> {
    let delay_us = u64::try_from(delay.as_micros()).ok();
    let delay_us = delay_us
        .filter(|micros| Duration::from_micros(*micros) == delay)
        .ok_or(FaultError::NotWholeMicros { attribute: "delay", value: delay })?;
    Ok(ToxicKind::Slicer { average_size, size_variation, delay_us })
}

pub(super) fn expectation(
    stream: Stream,
    average_size: u64,
    size_variation: u64,
    delay: Duration,
) -> Expectation {
    let pauses = |bytes: u64, slice: u64| u32::try_from(bytes / slice.max(1)).unwrap_or(u32::MAX);
    let least = pauses(ASK_BYTES, average_size.saturating_add(size_variation)).saturating_sub(1);
    let most = pauses(MOST_ASK_BYTES, average_size.saturating_sub(size_variation));
    Expectation::slower(stream, delay.saturating_mul(least), delay.saturating_mul(most))
}
