//! Distributions for the tools of others: `.hgrm` percentile texts and one `.hlog`, as HdrHistogram has them.
//!
//! Both come from the histograms that judging made, merged and never re-measured. Samples that are known only to be
//! later than the time-out stand at the time-out, and both say how many. Times are in nanoseconds inside a log; its
//! column of maxima and the percentile texts are in milliseconds (`outputValueUnitRatio` 1000000). Shares are left out:
//! a herd share is one value.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use shakedown_check::result::HistogramRow;
use shakedown_model::Offset;
use shakedown_model::gate::{Measure, Scope};

use crate::input::ReportInput;
use crate::quantity::{as_f64, counted, plain, time};

/// Nanoseconds in a millisecond: the ratio between what is recorded and what is shown.
const UNIT_RATIO: f64 = 1e6;
/// Lines of a percentile text per halving of what lies beyond, as HdrHistogram's own tools have it.
const TICKS_PER_HALF: u32 = 5;

/// What HdrHistogram uses for three significant digits: 2 · 10³, rounded up to a power of two.
const SUB_BUCKETS: u32 = 2_048;

/// Why the exports could not be made.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// A histogram in `series.json` is damaged.
    #[error("the histogram of {0} in `series.json` is damaged; judge the run again: shakedown check RUN")]
    Damaged(String),
    /// The log could not be written.
    #[error("cannot write a histogram log: {0}")]
    Log(String),
}

/// One percentile text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Percentiles {
    /// The name of its file, such as `end-to-end.phase-1-steady.hgrm`.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// A percentile text for every measure in every phase, fault and the whole run, its groups merged.
///
/// # Errors
/// [`HistogramError::Damaged`].
pub fn percentiles(input: ReportInput<'_>) -> Result<Vec<Percentiles>, HistogramError> {
    let rows = &input.series.histograms;
    let has_run = |measure| rows.iter().any(|row| row.measure == measure && row.scope == Scope::Run);
    let mut merged: BTreeMap<(Measure, Scope), Merged> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.measure.is_share()) {
        let histogram = decoded(input, row)?;
        merged.entry((row.measure, row.scope)).or_default().add(&histogram, row);
        if row.scope != Scope::Run && !has_run(row.measure) {
            merged.entry((row.measure, Scope::Run)).or_default().add(&histogram, row);
        }
    }
    let file = |((measure, scope), merged): (&(Measure, Scope), &Merged)| Percentiles {
        name: format!("{measure}.{}.hgrm", scope_slug(input, *scope)),
        text: merged.text(input, *measure, *scope),
    };
    Ok(merged.iter().map(file).collect())
}

/// The log: an interval for every measure, phase or fault, and group, tagged `group.measure`.
///
/// # Errors
/// [`HistogramError`].
pub fn log(input: ReportInput<'_>) -> Result<Vec<u8>, HistogramError> {
    let mut intervals = Vec::new();
    for row in &input.series.histograms {
        // Phases and faults add up to the run, and a log has one unit.
        if row.scope != Scope::Run && !row.measure.is_share() && !row.measure.is_count() {
            intervals.push((interval(input, row.scope), tag(input, row), row));
        }
    }
    intervals.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let failed = |error: &dyn std::fmt::Display| HistogramError::Log(error.to_string());
    let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut writer = header(input, &intervals)
        .begin_log_with(&mut bytes, &mut serializer)
        .map_err(|error| failed(&error))?;
    for ((from, length), tag, row) in &intervals {
        writer
            .write_histogram(&decoded(input, row)?, *from, *length, Tag::new(tag))
            .map_err(|error| failed(&error))?;
    }
    Ok(bytes)
}

type Interval<'a> = ((Duration, Duration), String, &'a HistogramRow);

fn header(input: ReportInput<'_>, intervals: &[Interval<'_>]) -> IntervalLogWriterBuilder {
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[Histogram log format version 1.3]");
    builder.add_comment(&format!(
        "[{}, seed {}, by shakedown]",
        plain(&input.manifest.scenario),
        input.manifest.seed
    ));
    builder.add_comment(
        "[Nanoseconds inside; the maxima here, and outputValueUnitRatio 1000000, give milliseconds]",
    );
    builder.add_comment(
        "[Tags are GROUP.MEASURE; intervals are phases, and faults for what belongs to a fault]",
    );
    let censored: u64 = intervals.iter().map(|interval| interval.2.censored).sum();
    if censored > 0 {
        let timeout = time(shakedown_model::time::nanos(input.plan.delivery_timeout));
        let samples = counted(censored, "sample");
        builder.add_comment(&format!(
            "[{samples} known only to be late: at the time-out of {timeout}, or at the interval's largest value if that is later]"
        ));
    }
    if let Ok(started) = input.manifest.started.parse::<jiff::Timestamp>() {
        builder.with_start_time(started.into());
        builder.with_base_time(started.into());
    }
    builder.with_max_value_divisor(UNIT_RATIO);
    builder
}

/// When an interval began, and its length.
fn interval(input: ReportInput<'_>, scope: Scope) -> (Duration, Duration) {
    let (from, until) = match scope {
        Scope::Run => (Offset::ZERO, input.end()),
        Scope::Phase(phase) => input
            .plan
            .phases
            .get(phase.index())
            .map_or((Offset::ZERO, input.end()), |phase| (phase.from, phase.until.min(input.end()))),
        Scope::Fault(fault) => input
            .judgement
            .faults
            .iter()
            .find(|result| result.fault == fault)
            .map_or((Offset::ZERO, input.end()), |result| (result.from, result.until.min(input.end()))),
    };
    (from.since_start(), until.since(from))
}

/// `group.measure` without what would end a tag.
fn tag(input: ReportInput<'_>, row: &HistogramRow) -> String {
    match row.group {
        Some(group) => format!("{}.{}", slug(&input.group_name(group)), row.measure),
        None => row.measure.to_string(),
    }
}

fn decoded(input: ReportInput<'_>, row: &HistogramRow) -> Result<Histogram<u64>, HistogramError> {
    let damaged = || {
        let place = input.scope_name(row.scope);
        HistogramError::Damaged(format!("{} in {place} for {}", row.measure, input.group_or_dash(row.group)))
    };
    let bytes = STANDARD.decode(&row.v2).map_err(|_| damaged())?;
    Deserializer::new().deserialize(&mut &bytes[..]).map_err(|_| damaged())
}

/// The groups of one measure and scope together.
struct Merged {
    histogram: Histogram<u64>,
    parts: u64,
    censored: u64,
    censored_as: u64,
}

impl Default for Merged {
    fn default() -> Self {
        let histogram = Histogram::new(3).expect("three digits are within the histogram's range");
        Self { histogram, parts: 0, censored: 0, censored_as: 0 }
    }
}

impl Merged {
    fn add(&mut self, histogram: &Histogram<u64>, row: &HistogramRow) {
        self.histogram.add(histogram).expect("the histogram grows");
        self.parts += 1;
        self.censored += row.censored;
        self.censored_as = self.censored_as.max(row.censored_as);
    }

    /// As HdrHistogram's `outputPercentileDistribution` writes it, with what it holds in comments at the end.
    fn text(&self, input: ReportInput<'_>, measure: Measure, scope: Scope) -> String {
        let histogram = &self.histogram;
        let (ratio, unit) = if measure.is_count() { (1.0, "1") } else { (UNIT_RATIO, "ms") };
        let mut text = format!(
            "{:>12} {:>14} {:>10} {:>14}\n\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        );
        let mut line = |args: std::fmt::Arguments<'_>| {
            text.write_fmt(args).expect("a string takes all that is written");
            text.push('\n');
        };
        let mut total = 0;
        for step in histogram.iter_quantiles(TICKS_PER_HALF) {
            total += step.count_since_last_iteration();
            let (value, quantile) = (as_f64(step.value_iterated_to()) / ratio, step.quantile_iterated_to());
            if quantile < 1.0 {
                line(format_args!(
                    "{value:>12.3} {quantile:>2.12} {total:>10} {:>14.2}",
                    1.0 / (1.0 - quantile)
                ));
            } else {
                line(format_args!("{value:>12.3} {quantile:>2.12} {total:>10}"));
            }
        }
        let (mean, deviation) = (histogram.mean() / ratio, histogram.stdev() / ratio);
        line(format_args!("#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]"));
        line(format_args!(
            "#[Max     = {:>12.3}, Total count    = {:>12}]",
            as_f64(histogram.max()) / ratio,
            histogram.len()
        ));
        line(format_args!("#[Buckets = {:>12}, SubBuckets     = {:>12}]", histogram.buckets(), SUB_BUCKETS));
        let place = input.scope_name(scope);
        line(format_args!(
            "#[{measure} in {place}, unit {unit}, outputValueUnitRatio {ratio:.0}, {} merged]",
            counted(self.parts, "histogram")
        ));
        if self.censored > 0 {
            line(format_args!(
                "#[{} of them known only to be late: at the time-out, or at the largest value if that is later; at most {:.3} {unit}]",
                counted(self.censored, "sample"),
                as_f64(self.censored_as) / ratio
            ));
        }
        text
    }
}

/// `phase-1-steady`, `fault-0-cut` or `run`: the number keeps names apart whatever is left of them.
fn scope_slug(input: ReportInput<'_>, scope: Scope) -> String {
    match scope {
        Scope::Run => "run".to_owned(),
        Scope::Phase(phase) => format!("phase-{phase}-{}", slug(&input.phase_name(phase))),
        Scope::Fault(fault) => format!("fault-{fault}-{}", slug(&input.fault_name(fault))),
    }
}

/// A name in letters, digits and `-_` only, at most 40 of them.
fn slug(name: &str) -> String {
    let plain = name.chars().map(|c| if c.is_alphanumeric() || "-_".contains(c) { c } else { '-' });
    plain.take(40).collect()
}

#[cfg(test)]
mod tests;
