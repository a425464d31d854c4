//! The tables of measures.

use shakedown_check::result::Figure;
use shakedown_model::gate::{Measure, Scope, Stat};

use super::{Column, Lines, Table};
use crate::input::ReportInput;
use crate::quantity::{count, stat, time};

/// The measures of phases that a glance needs, the headline first.
const OF_PHASES: [Measure; 6] = [
    Measure::EndToEnd,
    Measure::Propagation,
    Measure::TAll,
    Measure::Publish,
    Measure::Failover,
    Measure::Staleness,
];
/// The measures of faults.
const OF_FAULTS: [Measure; 5] =
    [Measure::Detect, Measure::AttemptGap, Measure::Reconnect, Measure::CatchUp, Measure::HerdShare];

pub(super) fn by_phase(out: &mut Lines, input: ReportInput<'_>) {
    out.title("By phase");
    let rows = OF_PHASES.iter().flat_map(|measure| phase_figures(input, *measure)).collect::<Vec<_>>();
    if rows.is_empty() {
        out.push("  nothing was measured");
        return;
    }
    table(out, input, "phase", &rows);
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
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|figure| (figure.scope, figure.measure, figure.group));
    out.title("By fault");
    table(out, input, "fault", &rows);
}

fn table(out: &mut Lines, input: ReportInput<'_>, place: &'static str, figures: &[&Figure]) {
    let is_wide = out.look.columns() >= 100;
    let stats: Vec<Stat> = Stat::ALL.into_iter().filter(|s| is_wide || *s != Stat::P90).collect();
    let has_late = figures.iter().any(|figure| figure.censored > 0);
    let mut columns = vec![Column::text("measure", 12), Column::text(place, 12), Column::text("group", 14)];
    columns.extend(stats.iter().map(|stat| Column::number(stat.name())));
    columns.push(Column::number("n"));
    if has_late && is_wide {
        columns.push(Column::number("later"));
    }
    let mut last = None;
    let mut rows = Vec::new();
    for figure in figures {
        let measure = if last == Some(figure.measure) { "" } else { figure.measure.name() };
        last = Some(figure.measure);
        let mut row =
            vec![measure.to_owned(), input.scope_name(figure.scope), input.group_or_dash(figure.group)];
        row.extend(stats.iter().map(|s| {
            if figure.measure.is_share() && *s != Stat::Max { String::new() } else { stat(figure, *s) }
        }));
        row.push(count(figure.count));
        if has_late && is_wide {
            row.push(if figure.censored == 0 { String::new() } else { count(figure.censored) });
        }
        rows.push(row);
    }
    let lines = Table { columns, rows }.lines();
    for (n, line) in lines.into_iter().enumerate() {
        let line = if n == 0 { out.look.dim(&line) } else { line };
        out.push(line);
    }
    if has_late {
        let timeout = time(shakedown_model::time::nanos(input.plan.delivery_timeout));
        out.wrapped(2, &format!("\"> {timeout}\": later than the time-out, kept in the distribution; \"n too small\": fewer than 10 samples beyond, or too few mutations"));
    }
}
