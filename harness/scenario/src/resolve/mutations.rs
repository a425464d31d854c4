//! How config changes: arrivals, kinds, gray releases, and traces read from beside the scenario.

use std::path::Path;

use shakedown_model::plan::{Arrivals, COHORTS, GraySpec, Kinds, MutatorSpec, Plan, PublishBy, TracePoint};

use super::toxics::ppm;
use super::{given, positive};
use crate::field::{PerSecond, Record as _, Share};
use crate::problem::Findings;
use crate::quantity::show_time;
use crate::raw::{RawArrivals, RawBurst, RawGray, RawKinds, RawMutations};
use crate::source::{Span, Spanned};
use crate::trace;

/// The highest rate that arrivals may have; a Nacos node stores about 1,000 publishes a second.
const MAX_RATE: f64 = 10_000.0;
/// The most mutations of a run, so that a plan stays within memory.
const MAX_MUTATIONS: f64 = 5e6;
/// The largest trace file, in bytes.
const MAX_TRACE: u64 = 8 << 20;

/// How config changes; `beside` is the folder of the scenario.
pub(super) fn mutator(
    raw: Option<&RawMutations>,
    plan: &Plan,
    beside: &Path,
    found: &mut Findings,
) -> MutatorSpec {
    let mut mutator = plan.mutator.clone();
    let Some(raw) = raw else { return mutator };
    if let Some(kinds) = &raw.kinds {
        mutator.kinds = self::kinds(&kinds.value, kinds.span, found);
    }
    if let Some(gray) = &raw.gray {
        mutator.gray = self::gray(&gray.value, found);
        if mutator.kinds.gray == 0 {
            found
                .warn("scenario::unused", gray.span, "no mutation is a gray release: this is not used")
                .help("write `kinds: { write: 95, gray: 5 }`, or remove `gray`");
        }
    }
    if let Some(kinds) = raw.kinds.as_ref().filter(|_| mutator.kinds.gray > 0)
        && mutator.gray.hold >= plan.end().since_start()
    {
        let (hold, end) = (show_time(mutator.gray.hold), show_time(plan.end().since_start()));
        let span =
            raw.gray.as_ref().and_then(|gray| gray.value.hold.as_ref()).map_or(kinds.span, |hold| hold.span);
        found
            .error(
                "scenario::too_long",
                span,
                format!("a gray release is held for {hold}, and the run lasts {end}"),
            )
            .help("shorten `gray.hold`, or lengthen the phases: each release ends within the run");
    }
    mutator.cas = given(raw.cas.as_ref(), false);
    mutator.by = given(raw.by.as_ref(), PublishBy::Http);
    if let Some(arrivals) = raw.arrivals.as_ref() {
        let draws = Draws { plan, beside, has_gray: mutator.kinds.gray > 0 };
        if let Some(arrivals) = draws.arrivals(&arrivals.value, found) {
            mutator.arrivals = arrivals;
        }
    }
    mutator
}

fn kinds(raw: &RawKinds, span: Span, found: &mut Findings) -> Kinds {
    let kinds = Kinds {
        write: given(raw.write.as_ref(), 0),
        delete: given(raw.delete.as_ref(), 0),
        gray: given(raw.gray.as_ref(), 0),
    };
    let has_finding = [("write", &raw.write), ("delete", &raw.delete), ("gray", &raw.gray)]
        .into_iter()
        .any(|(key, weight)| weight.is_none() && raw.has(key));
    if kinds.write == 0 && kinds.delete == 0 && kinds.gray == 0 && !has_finding {
        found
            .error("scenario::zero", span, "no kind of mutation has a weight")
            .help("write weights such as `{ write: 90, delete: 5, gray: 5 }`");
    }
    kinds
}

fn gray(raw: &RawGray, found: &mut Findings) -> GraySpec {
    positive(raw.hold.as_ref(), "hold", found);
    let default = GraySpec::default();
    let cohorts = raw.share.as_ref().map_or(default.cohorts, |share| cohorts(share, found));
    let rollback_ppm =
        raw.rolled_back.as_ref().map_or(0, |share| ppm(Some(share), ("rolled-back", "key"), found));
    GraySpec { cohorts, hold: given(raw.hold.as_ref(), default.hold), rollback_ppm }
}

/// The cohorts that a share comes to.
fn cohorts(share: &Spanned<Share>, found: &mut Findings) -> u8 {
    let step = 100 / u32::from(COHORTS);
    let wanted = share.value.0 * f64::from(COHORTS);
    let nearest =
        (1..COHORTS).min_by(|a, b| (f64::from(*a) - wanted).abs().total_cmp(&(f64::from(*b) - wanted).abs()));
    let nearest = nearest.expect("there are several cohorts");
    if wanted < 0.5 || wanted > f64::from(COHORTS) - 0.5 {
        let text =
            format!("a gray release goes to at least {step}% and at most {}% of the watchers", 100 - step);
        found.error("scenario::out_of_range", share.span, text).help(format!(
            "watchers are dealt to {COHORTS} cohorts, each with an address of its own, because a server keeps few addresses: \
             write a share in steps of {step}%"
        ));
    }
    nearest
}

/// What arrivals are compared with.
struct Draws<'a> {
    plan: &'a Plan,
    beside: &'a Path,
    has_gray: bool,
}

impl Draws<'_> {
    fn arrivals(&self, raw: &RawArrivals, found: &mut Findings) -> Option<Arrivals> {
        match raw {
            RawArrivals::Constant(rate) => {
                self.rate(rate, found);
                Some(Arrivals::Constant { per_second: rate.value.0 })
            }
            RawArrivals::Poisson(rate) => {
                self.rate(rate, found);
                Some(Arrivals::Poisson { per_second: rate.value.0 })
            }
            RawArrivals::Burst(burst) => self.burst(&burst.value, burst.span, found),
            RawArrivals::Trace(file) => {
                let points = self.trace(&file.value, file.span, found)?;
                Some(Arrivals::Trace(points))
            }
        }
    }

    fn rate(&self, rate: &Spanned<PerSecond>, found: &mut Findings) {
        positive(Some(rate), "arrivals", found);
        if rate.value.0 > MAX_RATE || rate.value.0 * self.plan.end().as_secs_f64() > MAX_MUTATIONS {
            too_many(rate.span, found);
        }
    }

    fn burst(&self, raw: &RawBurst, span: Span, found: &mut Findings) -> Option<Arrivals> {
        positive(raw.count.as_ref(), "count", found);
        positive(raw.every.as_ref(), "every", found);
        let over = given(raw.over.as_ref(), std::time::Duration::ZERO);
        let (count, every) = (raw.count.as_ref()?.value, raw.every.as_ref()?.value);
        if let Some(field) = raw.over.as_ref().filter(|_| over >= every) {
            found
                .error(
                    "scenario::out_of_range",
                    field.span,
                    "a burst lasts until the next one begins, or longer",
                )
                .help("lower `over`, or raise `every`");
        }
        let end = self.plan.end();
        if every >= end.since_start() && !end.since_start().is_zero() && !every.is_zero() {
            let (every, end) = (show_time(every), show_time(end.since_start()));
            found
                .error(
                    "scenario::too_long",
                    span,
                    format!("the first burst would begin after {every}, and the run lasts {end}"),
                )
                .help("lower `every`, or lengthen the phases");
        } else if f64::from(count) / every.as_secs_f64() * end.as_secs_f64() > MAX_MUTATIONS
            || f64::from(count) / every.as_secs_f64() > MAX_RATE
        {
            too_many(span, found);
        }
        Some(Arrivals::Burst { count, every, over })
    }

    fn trace(&self, file: &Path, span: Span, found: &mut Findings) -> Option<Vec<TracePoint>> {
        let path = self.beside.join(file);
        let shown = path.display();
        let text = match read(&path) {
            Ok(text) => text,
            Err(why) => {
                found
                    .error("scenario::unreadable", span, format!("cannot read the trace `{shown}`: {why}"))
                    .help("give the path of a CSV file, relative to the folder of the scenario");
                return None;
            }
        };
        let points = match trace::parse(&text, self.plan.item_count()) {
            Ok(points) => points,
            Err(problems) => {
                for trace::BadLine { line, message, help } in problems {
                    found
                        .error(
                            "scenario::bad_trace",
                            span,
                            format!("trace `{shown}`, line {line}: {message}"),
                        )
                        .help(help);
                }
                return None;
            }
        };
        if self.has_gray && points.iter().any(|point| point.item.is_some()) {
            found
                .error("scenario::conflict", span, "this trace names items, and gray releases hold theirs for a while")
                .help("leave the items out of the trace, or `gray` out of `kinds`: a mutation of a held item would be skipped");
        }
        let end = self.plan.end();
        let late = points.iter().filter(|point| point.at >= end).count();
        if late == points.len() {
            found
                .error(
                    "scenario::too_long",
                    span,
                    format!("every arrival of the trace lies after the run's end, {end}"),
                )
                .help("lengthen the phases: offsets of a trace count from the run's start");
        } else if late > 0 {
            let all = points.len();
            found
                .warn(
                    "scenario::unused",
                    span,
                    format!("{late} of {all} arrivals of the trace lie after the run's end, {end}"),
                )
                .help("lengthen the phases: offsets of a trace count from the run's start");
        }
        Some(points)
    }
}

fn read(path: &Path) -> Result<String, String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is not a file".to_owned());
    }
    if meta.len() > MAX_TRACE {
        return Err("it is larger than 8 MiB".to_owned());
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

fn too_many(span: Span, found: &mut Findings) {
    found
        .error("scenario::too_big", span, "these are too many mutations")
        .help(format!("at most {MAX_RATE}/s, and at most {MAX_MUTATIONS} in a run"));
}
