//! The tables of measures.

use shakedown_check::result::{Figure, StatValue};
use shakedown_model::gate::{Measure, Scope, Stat};
use shakedown_model::time::nanos;

use super::{Column, Lines, Table};
use crate::input::ReportInput;
use crate::quantity::{TOO_FEW, count, stat, time};

/// The measures of phases that a glance needs, the headline first.
const OF_PHASES: [Measure; 5] =
    [Measure::EndToEnd, Measure::TAll, Measure::Publish, Measure::Failover, Measure::Staleness];
/// The measures of faults.
const OF_FAULTS: [Measure; 6] = [
    Measure::Detect,
    Measure::AttemptGap,
    Measure::Reconnect,
    Measure::CatchUp,
    Measure::HerdShare,
    Measure::WriteOutage,
];

pub(super) fn by_phase(out: &mut Lines, input: ReportInput<'_>) {
    out.title("By phase");
    let rows = OF_PHASES.iter().flat_map(|measure| phase_figures(input, *measure)).collect::<Vec<_>>();
    if rows.is_empty() {
        out.push("  nothing was measured");
        return;
    }
    table(out, input, "phase", &rows);
    let has_late = rows.iter().any(|figure| figure.censored > 0);
    let has_few = rows.iter().any(|figure| figure.stats.contains(&StatValue::TooFew));
    let timeout = time(nanos(input.plan.delivery_timeout));
    let mut notes = Vec::new();
    if has_late {
        notes.push(format!("> {timeout}: later than the time-out, still counted."));
    }
    if has_few {
        notes.push(format!("{TOO_FEW}: under 10 samples beyond it, or under 30 mutations."));
    }
    notes.push("Every measure is in the report.".to_owned());
    out.wrapped(2, &notes.join(" "));
}

/// The figures of each phase; where a measure has none, those of the whole run.
fn phase_figures<'a>(input: ReportInput<'a>, measure: Measure) -> Vec<&'a Figure> {
    let figures = input.figures(measure);
    let of_phases: Vec<&Figure> =
        figures.iter().copied().filter(|figure| matches!(figure.scope, Scope::Phase(_))).collect();
    let chosen = if of_phases.is_empty() { figures } else { of_phases };
    chosen.into_iter().filter(|figure| figure.count > 0).collect()
}

pub(super) fn by_fault(out: &mut Lines, input: ReportInput<'_>) {
    let mut rows: Vec<&Figure> = OF_FAULTS
        .iter()
        .flat_map(|measure| input.figures(*measure))
        .filter(|figure| matches!(figure.scope, Scope::Fault(_)) && figure.count > 0)
        .collect();
    let not_observed = input.not_observed().filter(|_| !input.judgement.faults.is_empty());
    if rows.is_empty() && not_observed.is_none() {
        return;
    }
    rows.sort_by_key(|figure| (figure.measure, figure.scope, figure.group));
    out.title("By fault");
    if !rows.is_empty() {
        table(out, input, "fault", &rows);
    }
    if let Some(note) = not_observed {
        out.wrapped(2, &note);
    }
}

fn table(out: &mut Lines, input: ReportInput<'_>, place: &'static str, figures: &[&Figure]) {
    let is_wide = out.look.columns() >= 100;
    let stats: Vec<Stat> = Stat::ALL.into_iter().filter(|s| is_wide || *s != Stat::P90).collect();
    let shows_late = is_wide && figures.iter().any(|figure| figure.censored > 0);
    let mut columns = vec![Column::text(place, 14), Column::text("group", 16)];
    columns.extend(stats.iter().map(|stat| Column::number(stat.name())));
    columns.push(Column::number("n"));
    if shows_late {
        columns.push(Column::number("later"));
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (index, figure) in figures.iter().enumerate() {
        if index == 0 || figures[index - 1].measure != figure.measure {
            rows.push(vec![figure.measure.name().to_owned()]);
        }
        let mut row = vec![input.scope_name(figure.scope), input.group_or_dash(figure.group)];
        row.extend(stats.iter().map(|stat| cell(figure, *stat)));
        row.push(count(figure.count));
        if shows_late {
            row.push(if figure.censored == 0 { String::new() } else { count(figure.censored) });
        }
        rows.push(row);
    }
    let lines = Table { columns, rows }.lines(out.look.columns());
    for (n, line) in lines.into_iter().enumerate() {
        let line = if n == 0 { out.look.dim(&line) } else { line };
        out.push(line);
    }
}

/// A share has one value only, shown as the largest.
fn cell(figure: &Figure, which: Stat) -> String {
    if figure.measure.is_share() && which != Stat::Max { String::new() } else { stat(figure, which) }
}
