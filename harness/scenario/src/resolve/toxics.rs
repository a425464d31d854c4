//! Toxics: every value within its bounds, and nothing that the chosen proxy cannot do.

use std::time::Duration;

use shakedown_model::fault::{ALL_PPM, Distribution, Stream, Toxic, ToxicKind};
use shakedown_model::plan::{ProxyKind, ProxySpec};

use super::{given, positive};
use crate::field::Share;
use crate::problem::Findings;
use crate::raw::{RawLatency, RawLinkToxic, RawSlicer};
use crate::source::Spanned;

/// The toxic that was written; `None` when a value that it needs is ill-formed.
pub(super) fn toxic(raw: &RawLinkToxic, proxy: &ProxySpec, found: &mut Findings) -> Option<Toxic> {
    let (stream, share, kind) = match raw {
        RawLinkToxic::Latency(raw) => {
            (raw.stream.as_ref(), raw.toxicity.as_ref(), latency(raw, proxy, found))
        }
        RawLinkToxic::Bandwidth(raw) => {
            let rate = raw.rate.as_ref()?;
            if rate.value.0 == 0 {
                found
                    .error("scenario::zero", rate.span, "`rate` cannot be zero")
                    .help("give it a rate above zero; to hold every byte is the fault `blackhole`");
            }
            let kind = ToxicKind::Bandwidth { kilobytes_per_second: rate.value.0 };
            (raw.stream.as_ref(), raw.toxicity.as_ref(), kind)
        }
        RawLinkToxic::SlowClose(raw) => {
            let delay = raw.delay.as_ref()?;
            positive(Some(delay), "delay", found);
            whole_millis(Some(delay), found);
            (raw.stream.as_ref(), raw.toxicity.as_ref(), ToxicKind::SlowClose { delay: delay.value })
        }
        RawLinkToxic::Timeout(raw) => {
            whole_millis(raw.timeout.as_ref(), found);
            let timeout = given(raw.timeout.as_ref(), Duration::ZERO);
            (raw.stream.as_ref(), raw.toxicity.as_ref(), ToxicKind::Timeout { timeout })
        }
        RawLinkToxic::ResetPeer(raw) => {
            whole_millis(raw.timeout.as_ref(), found);
            let timeout = given(raw.timeout.as_ref(), Duration::ZERO);
            (None, raw.toxicity.as_ref(), ToxicKind::ResetPeer { timeout })
        }
        RawLinkToxic::Slicer(raw) => (raw.stream.as_ref(), raw.toxicity.as_ref(), slicer(raw, found)?),
        RawLinkToxic::LimitData(raw) => {
            let bytes = raw.bytes.as_ref()?;
            if bytes.value.0 == 0 {
                found
                    .error("scenario::zero", bytes.span, "`bytes` cannot be zero")
                    .help("give it a size above zero; to end every connection is the fault `reset`");
            }
            let kind = ToxicKind::LimitData { bytes: bytes.value.0 as u64 };
            (raw.stream.as_ref(), raw.toxicity.as_ref(), kind)
        }
    };
    let stream = given(stream, Stream::Downstream);
    Some(Toxic { stream, toxicity_ppm: toxicity(share, found), kind })
}

fn latency(raw: &RawLatency, proxy: &ProxySpec, found: &mut Findings) -> ToxicKind {
    positive(raw.latency.as_ref(), "latency", found);
    whole_millis(raw.latency.as_ref(), found);
    whole_millis(raw.jitter.as_ref(), found);
    let latency = given(raw.latency.as_ref(), Duration::ZERO);
    let jitter = given(raw.jitter.as_ref(), Duration::ZERO);
    let distribution = given(raw.distribution.as_ref(), Distribution::Uniform);
    if let Some(field) = raw.distribution.as_ref() {
        if distribution != Distribution::Uniform && proxy.kind == ProxyKind::Toxiproxy {
            found
                .error("scenario::not_supported", field.span, "Toxiproxy spreads delays uniformly only")
                .help("write `distribution: uniform`, or choose `proxy: { kind: embedded }`");
        } else if jitter.is_zero() && raw.jitter.is_none() {
            found
                .warn("scenario::unused", field.span, "there is no jitter that could spread")
                .help("give `jitter`, or remove `distribution`");
        }
    }
    if let Some(field) = raw
        .jitter
        .as_ref()
        .filter(|_| distribution == Distribution::Uniform && jitter > latency && raw.latency.is_some())
    {
        found
            .warn("scenario::lopsided_jitter", field.span, "the jitter is larger than the latency")
            .help("delays below zero count as zero, so the middle of the delays is above `latency`");
    }
    ToxicKind::Latency { latency, jitter, distribution }
}

fn slicer(raw: &RawSlicer, found: &mut Findings) -> Option<ToxicKind> {
    let average = raw.average_size.as_ref()?;
    if average.value.0 == 0 {
        found
            .error("scenario::zero", average.span, "`average_size` cannot be zero")
            .help("give it a size above zero");
    }
    let variation = raw.size_variation.as_ref().map_or(0, |variation| variation.value.0);
    if let Some(field) = raw.size_variation.as_ref().filter(|_| variation >= average.value.0.max(1)) {
        found
            .error("scenario::out_of_range", field.span, "`size_variation` is below `average_size`")
            .help("lower `size_variation`, or raise `average_size`");
    }
    let delay = given(raw.delay.as_ref(), Duration::ZERO);
    if let Some(field) = raw.delay.as_ref().filter(|_| !delay.as_nanos().is_multiple_of(1000)) {
        found
            .error("scenario::not_supported", field.span, "a slicer pauses for whole microseconds only")
            .help("round it to microseconds");
    }
    Some(ToxicKind::Slicer { average_size: average.value.0 as u64, size_variation: variation as u64, delay })
}

fn toxicity(share: Option<&Spanned<Share>>, found: &mut Findings) -> u32 {
    ppm(share, ("toxicity", "toxic"), found)
}

/// The share of this name in parts per million, all where none is given; `whole` is what a share of zero makes useless.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share lies between 0 and 1, so its millionths fit"
)]
pub(super) fn ppm(share: Option<&Spanned<Share>>, (name, whole): (&str, &str), found: &mut Findings) -> u32 {
    let Some(share) = share else { return ALL_PPM };
    let ppm = (share.value.0 * f64::from(ALL_PPM)).round() as u32;
    if ppm == 0 {
        found
            .error("scenario::zero", share.span, format!("`{name}` cannot be zero"))
            .help(format!("give it a share above zero, or remove the {whole}"));
    }
    ppm
}

/// The proxy's API counts in milliseconds.
pub(super) fn whole_millis(field: Option<&Spanned<Duration>>, found: &mut Findings) {
    let is_fine = |time: Duration| time.as_nanos().is_multiple_of(1_000_000);
    if let Some(field) = field.filter(|field| !is_fine(field.value)) {
        found
            .error("scenario::not_supported", field.span, "a proxy counts in whole milliseconds")
            .help("round it to milliseconds");
    }
}
