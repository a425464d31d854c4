//! Real clients beside those that imitate them, as rows: per fault each measure, then what counts over the whole run.

use shakedown_check::result::{
    FidelityMeasure, FidelityPair, FidelityRow, FidelitySide, FidelityVerdict, StatValue,
};
use shakedown_model::event::ReadSource;

use crate::input::{ReportInput, path_name};
use crate::quantity::{count, counted, stat_value, time};

/// The heads of the columns.
pub(crate) const HEAD: [&str; 7] =
    ["under", "what", "real", "simulated", "n real, simulated", "difference", "verdict"];

/// The rows of one pair.
pub(crate) fn rows(input: ReportInput<'_>, pair: &FidelityPair) -> Vec<[String; 7]> {
    pair.rows.iter().map(|row| cells(input, row)).collect()
}

fn cells(input: ReportInput<'_>, row: &FidelityRow) -> [String; 7] {
    let fault = row.fault.map_or_else(
        || "whole run".to_owned(),
        |fault| input.scope_name(shakedown_model::gate::Scope::Fault(fault)),
    );
    [
        fault,
        measure(row.measure),
        side(row.real),
        side(row.simulated),
        format!("{}, {}", count(samples(row.real)), count(samples(row.simulated))),
        difference(row),
        verdict(row.verdict).to_owned(),
    ]
}

/// What is compared, in words.
pub(crate) fn measure(measure: FidelityMeasure) -> String {
    match measure {
        FidelityMeasure::Losses => "clients that lost their connection".to_owned(),
        FidelityMeasure::Detect => "detect".to_owned(),
        FidelityMeasure::AttemptGap(1) => "pause before attempt 1, from the loss".to_owned(),
        FidelityMeasure::AttemptGap(n) => format!("pause before attempt {n}"),
        FidelityMeasure::AttemptInterval(n) => format!("attempt {} to attempt {n}", n - 1),
        FidelityMeasure::AttemptLength(n) => format!("length of attempt {n}"),
        FidelityMeasure::Reconnect => "reconnect".to_owned(),
        FidelityMeasure::CatchUp => "catch-up".to_owned(),
        FidelityMeasure::ReadTime => "answer to a read".to_owned(),
        FidelityMeasure::ReadSource(source) => format!("answers {}", source_words(source)),
        FidelityMeasure::Late => "changes later than the time-out".to_owned(),
        FidelityMeasure::Duplicates => "calls with the same version again".to_owned(),
        FidelityMeasure::Path(path) => format!("deliveries by {}", path_name(path)),
    }
}

const fn source_words(source: ReadSource) -> &'static str {
    match source {
        ReadSource::Live => "of the server",
        ReadSource::Memory => "from memory",
        ReadSource::Snapshot => "from the snapshot",
        ReadSource::Failover => "from the failover file",
        ReadSource::Nothing => "that did not come",
    }
}

fn side(side: FidelitySide) -> String {
    match side {
        FidelitySide::Times { count: 0, .. } | FidelitySide::Share { of: 0, .. } => "none".to_owned(),
        FidelitySide::Times { median_ns, least_ns, most_ns, .. } => {
            let median = stat_value(StatValue::Time(median_ns));
            if least_ns == most_ns {
                median
            } else {
                format!("{median} ({} to {})", time(least_ns), time(most_ns))
            }
        }
        FidelitySide::Share { count, of } => shakedown_check::words::share(part(count, of)),
    }
}

fn part(count: u64, of: u64) -> f64 {
    crate::quantity::as_f64(count) / crate::quantity::as_f64(of.max(1))
}

const fn samples(side: FidelitySide) -> u64 {
    match side {
        FidelitySide::Times { count, .. } => count,
        FidelitySide::Share { of, .. } => of,
    }
}

fn difference(row: &FidelityRow) -> String {
    let unit = if matches!(row.real, FidelitySide::Share { .. }) { " points" } else { " %" };
    row.difference.map_or_else(|| "–".to_owned(), |difference| format!("{:+.1}{unit}", difference * 100.0))
}

/// A verdict in words.
pub(crate) const fn verdict(verdict: FidelityVerdict) -> &'static str {
    match verdict {
        FidelityVerdict::Within => "within 10 %",
        FidelityVerdict::Differs => "differs",
        FidelityVerdict::Irregular => "irregular",
        FidelityVerdict::TooFew => shakedown_check::words::TOO_FEW,
    }
}

/// The pair's names: `real-go beside go, as nacos-go-2`.
pub(crate) fn title(input: ReportInput<'_>, pair: &FidelityPair) -> String {
    let (real, simulated) = (input.group_name(pair.real), input.group_name(pair.simulated));
    format!("{real} beside {simulated}, as {}", crate::quantity::plain(&pair.like))
}

/// How many rows came to which verdict.
pub(crate) fn tally(pair: &FidelityPair) -> String {
    let of = |wanted| pair.rows.iter().filter(|row| row.verdict == wanted).count() as u64;
    let words = [
        FidelityVerdict::Within,
        FidelityVerdict::Differs,
        FidelityVerdict::Irregular,
        FidelityVerdict::TooFew,
    ]
    .map(|wanted| format!("{} {}", count(of(wanted)), verdict(wanted)));
    format!("{}: {}", counted(pair.rows.len() as u64, "comparison"), words.join(", "))
}

/// What the table says in a sentence.
pub(crate) const HOW_TO_READ: &str = "Both sides are judged by the same definitions, by what the proxy saw of their \
    connections and by what the application was given: medians, with the shortest and the longest. Irregular means that \
    the real clients differ among themselves by more than 10 %, and that the simulated median lies within what they did.";

#[cfg(test)]
mod tests {
    use shakedown_check::result::FidelityAttempt;
    use shakedown_model::{FaultId, GroupId, WatcherId};

    use super::*;
    use crate::charts::Chart;
    use crate::fixture::Fixture;

    const SECOND: u64 = 1_000_000_000;

    fn compared() -> Fixture {
        let mut fixture = Fixture::rough_run();
        let times = |median_ns| FidelitySide::Times {
            count: 3,
            median_ns,
            least_ns: median_ns,
            most_ns: median_ns + SECOND,
        };
        let row = |measure, difference, verdict| FidelityRow {
            measure,
            fault: Some(FaultId(0)),
            real: times(2 * SECOND),
            simulated: times(3 * SECOND),
            difference,
            verdict,
        };
        let share = FidelityRow {
            fault: None,
            real: FidelitySide::Share { count: 1, of: 4 },
            simulated: FidelitySide::Share { count: 0, of: 0 },
            ..row(FidelityMeasure::Duplicates, None, FidelityVerdict::TooFew)
        };
        fixture.judgement.fidelity = vec![FidelityPair {
            real: GroupId(1),
            simulated: GroupId(0),
            like: "nacos-go-2".into(),
            rows: vec![
                row(FidelityMeasure::AttemptGap(2), Some(0.5), FidelityVerdict::Differs),
                row(FidelityMeasure::Reconnect, Some(0.0), FidelityVerdict::Within),
                share,
            ],
            notes: vec!["a <note>".into()],
        }];
        fixture.series.fidelity = [true, false]
            .into_iter()
            .flat_map(|is_real| {
                (1..=5).map(move |number| FidelityAttempt {
                    pair: 0,
                    is_real,
                    fault: FaultId(0),
                    watcher: WatcherId(0),
                    number,
                    gap_ns: u64::from(number) * SECOND,
                    length_ns: Some(3 * SECOND),
                })
            })
            .collect();
        fixture
    }

    #[test]
    fn a_row_says_what_both_did_and_what_it_comes_to() {
        let fixture = compared();
        let input = fixture.input();
        let pair = &input.judgement.fidelity[0];
        let rows = rows(input, pair);
        assert_eq!(rows[0][1..4], ["pause before attempt 2", "2 s (2 s to 3 s)", "3 s (3 s to 4 s)"]);
        assert_eq!(rows[0][4..], ["3, 3", "+50.0 %", "differs"]);
        assert_eq!(rows[2][2..], ["25 %", "none", "4, 0", "–", "n too small"]);
        assert_eq!(tally(pair), "3 comparisons: 1 within 10 %, 1 differs, 0 irregular, 1 n too small");
    }

    #[test]
    fn page_markdown_and_terminal_show_it_and_the_chart_has_a_dot_per_attempt() {
        let fixture = compared();
        let page = crate::html::page(fixture.input());
        assert!(
            page.contains("id=\"fidelity-table\"")
                && page.contains("id=\"fidelity\"")
                && page.contains("a &lt;note&gt;"),
            "the section is missing"
        );
        let markdown = crate::markdown::summary(fixture.input());
        assert!(markdown.contains("pause before attempt 2") && !markdown.contains("<note>"), "{markdown}");
        let look = crate::terminal::Look { width: 100, is_coloured: false };
        let summary = crate::terminal::summary(fixture.input(), look);
        assert!(summary.contains("as nacos-go-2") && summary.contains("pause before attempt 2"), "{summary}");
        let drawn = |fixture: &Fixture| Chart::Fidelity.svg(fixture.input()).len();
        let mut fewer = compared();
        fewer.series.fidelity.truncate(9);
        assert!(drawn(&fewer) < drawn(&fixture), "one dot less");
        assert!(Chart::Fidelity.why_empty(Fixture::rough_run().input()).is_some());
    }

    #[test]
    fn a_run_without_pairs_has_no_section() {
        let page = crate::html::page(Fixture::rough_run().input());
        assert!(!page.contains("fidelity-table"));
    }
}
