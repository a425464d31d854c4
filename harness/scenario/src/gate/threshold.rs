//! What a gate compares with: a time, a share, a count, or what the accepted baseline had and a margin.

use shakedown_model::gate::{Margin, Measure, Threshold};
use shakedown_model::time::nanos;

use crate::problem::nearest;
use crate::quantity::{self, Wrong};

/// The word for the accepted run's value of the same figure.
const BASELINE: &str = "baseline";
/// What JSON Schema can say about it.
pub(super) const PATTERN: &str =
    r"([0-9]+(\.[0-9]+)? *(us|ms|s|m|%)?|baseline( *[+-] *[0-9]+(\.[0-9]+)? *(us|ms|s|m|%|pp)?)?)";

/// The largest share that a margin may add: a hundred times the baseline.
const MOST_PERCENT: f64 = 10_000.0;

/// What a measure is measured in.
pub(super) fn unit_of(measure: Measure) -> &'static str {
    if measure.is_share() {
        "a share"
    } else if measure.is_count() {
        "a count"
    } else {
        "a time"
    }
}

/// Reads the value of a gate on `measure`.
pub(super) fn read(text: &str, measure: Measure) -> Result<Threshold, Wrong> {
    if let Some(margin) = text.strip_prefix(BASELINE) {
        return read_margin(margin.trim(), measure).map(Threshold::Baseline);
    }
    if let Some(word) = text.split_whitespace().next().filter(|word| word.starts_with(char::is_alphabetic)) {
        let help = nearest(word, [BASELINE]);
        let example = example(measure);
        return Err(wrong(format!("{help}; or write a fixed value such as `{example}`")));
    }
    if measure.is_share() {
        quantity::share(text).map(Threshold::Share)
    } else if measure.is_count() {
        count(text).map(Threshold::Count)
    } else {
        quantity::time(text).map(Threshold::Time)
    }
}

fn read_margin(text: &str, measure: Measure) -> Result<Margin, Wrong> {
    if text.is_empty() {
        return Ok(Margin::Relative(0.0));
    }
    let is_less = text.starts_with('-');
    let Some(size) = text.strip_prefix(['+', '-']).map(str::trim) else {
        return Err(wrong(format!("write `baseline + {}`, or `baseline` alone", margin_example(measure))));
    };
    let signed = |value: f64| if is_less { -value } else { value };
    if let Some(percent) = size.strip_suffix('%') {
        let percent = number(percent).ok_or_else(|| wrong("write a margin such as `baseline + 10%`"))?;
        let is_fit = if is_less { percent < 100.0 } else { percent <= MOST_PERCENT };
        return if is_fit {
            Ok(Margin::Relative(signed(percent / 100.0)))
        } else {
            Err(Wrong {
                code: "scenario::out_of_range",
                help: format!("a margin lies above -100% and is at most {MOST_PERCENT}%"),
            })
        };
    }
    if measure.is_share() {
        let points = size.strip_suffix("pp").and_then(number);
        return points.map(|points| Margin::Absolute(signed(points / 100.0))).ok_or_else(|| {
            wrong("a margin on a share is `10%` of it, or in points of a hundred: `baseline + 5pp`")
        });
    }
    if measure.is_count() {
        return count(size).map(|count| Margin::Absolute(signed(count)));
    }
    let by = quantity::time(size)?;
    let by = i64::try_from(nanos(by)).expect("no time of a scenario is longer than a day");
    Ok(Margin::Nanos(if is_less { -by } else { by }))
}

fn count(text: &str) -> Result<f64, Wrong> {
    number(text).ok_or_else(|| wrong("a count is a number without a unit, such as `12`"))
}

/// A number that is not negative.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.parse::<f64>().ok().filter(|number| is_plain && number.is_finite())
}

fn wrong(help: impl Into<String>) -> Wrong {
    Wrong { code: "scenario::wrong_unit", help: help.into() }
}

const fn example(measure: Measure) -> &'static str {
    if measure.is_share() {
        "20%"
    } else if measure.is_count() {
        "12"
    } else {
        "300ms"
    }
}

const fn margin_example(measure: Measure) -> &'static str {
    if measure.is_count() { "3" } else { "10%" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_measure_has_its_unit() {
        let ms = |ms| Threshold::Time(Duration::from_millis(ms));
        let cases = [
            (Measure::EndToEnd, "300ms", ms(300)),
            (Measure::Convergence, "2 s", ms(2_000)),
            (Measure::HerdShare, "20%", Threshold::Share(0.2)),
            (Measure::AttemptsPerWatcher, "12", Threshold::Count(12.0)),
            (Measure::AttemptsPerWatcher, "2.5", Threshold::Count(2.5)),
            (Measure::TAll, "baseline", Threshold::Baseline(Margin::Relative(0.0))),
            (Measure::TAll, "baseline + 10%", Threshold::Baseline(Margin::Relative(0.1))),
            (Measure::TAll, "baseline+150%", Threshold::Baseline(Margin::Relative(1.5))),
            (Measure::TAll, "baseline - 5%", Threshold::Baseline(Margin::Relative(-0.05))),
            (Measure::TAll, "baseline + 5ms", Threshold::Baseline(Margin::Nanos(5_000_000))),
            (Measure::TAll, "baseline - 5 ms", Threshold::Baseline(Margin::Nanos(-5_000_000))),
            (Measure::HerdShare, "baseline + 5pp", Threshold::Baseline(Margin::Absolute(0.05))),
            (Measure::HerdShare, "baseline + 5%", Threshold::Baseline(Margin::Relative(0.05))),
            (Measure::AttemptsPerWatcher, "baseline - 2", Threshold::Baseline(Margin::Absolute(-2.0))),
        ];
        for (measure, text, expected) in cases {
            assert_eq!(read(text, measure), Ok(expected), "{measure} {text}");
        }
    }

    #[test]
    fn what_does_not_fit_says_what_would() {
        let cases = [
            (Measure::EndToEnd, "20%", "`20s`"),
            (Measure::AttemptsPerWatcher, "12s", "without a unit"),
            (Measure::AttemptsPerWatcher, "", "without a unit"),
            (Measure::HerdShare, "12", "`12%`"),
            (Measure::TAll, "basline + 10%", "did you mean `baseline`?"),
            (Measure::TAll, "baseline 10%", "`baseline + 10%`"),
            (Measure::TAll, "baseline + ", "250ms"),
            (Measure::TAll, "baseline + 5", "`5s` or `5ms`"),
            (Measure::TAll, "baseline + x%", "`baseline + 10%`"),
            (Measure::TAll, "baseline - 100%", "above -100%"),
            (Measure::HerdShare, "baseline + 5ms", "`baseline + 5pp`"),
            (Measure::AttemptsPerWatcher, "baseline + 5ms", "without a unit"),
        ];
        for (measure, text, help) in cases {
            let wrong = read(text, measure).unwrap_err();
            assert!(wrong.help.contains(help), "{measure} {text}: {}", wrong.help);
        }
    }
}
