//! A baseline as a person reads it.

use shakedown_check::result::StatValue;
use shakedown_model::baseline::{Baseline, BaselineFigure, BaselineValue, ScopeName};
use shakedown_model::gate::Stat;

use crate::quantity::{NO_SAMPLES, count, plain, stat_value};
use crate::terminal::table::{Column, Table};
use crate::terminal::{Look, wrap};

/// The baseline's origin, outline and figures, ending in a line break.
#[must_use]
pub fn text(baseline: &Baseline, look: Look) -> String {
    let room = look.columns();
    let machine = &baseline.machine;
    let mut lines = vec![look.bold(&plain(&baseline.scenario))];
    for (name, value) in [
        ("run", baseline.run.clone()),
        ("started", baseline.started.clone()),
        ("accepted", baseline.accepted.clone()),
        ("seed", baseline.seed.to_string()),
        ("plan", baseline.plan_digest.clone()),
        ("server", baseline.server.clone()),
        ("proxy", baseline.proxy.clone()),
        ("harness", baseline.harness.clone()),
        ("machine", format!("{} × {}, {} MiB", machine.cpus, machine.cpu_model, machine.memory_bytes >> 20)),
    ] {
        lines.push(format!("  {name:<9} {}", plain(&value)));
    }
    lines.push(String::new());
    for line in &baseline.outline {
        lines.extend(wrap(line, room - 2).into_iter().map(|line| format!("  {line}")));
    }
    lines.push(String::new());
    let mut columns = vec![Column::text("measure", 20), Column::text("in", 16), Column::text("group", 16)];
    columns.push(Column::number("n"));
    columns.extend(Stat::ALL.map(|stat| Column::number(stat.name())));
    let rows = baseline.figures.iter().map(row).collect();
    lines.extend(Table { columns, rows }.lines(room));
    lines.join("\n") + "\n"
}

fn row(figure: &BaselineFigure) -> Vec<String> {
    let scope = match &figure.scope {
        ScopeName::Run => "whole run".to_owned(),
        ScopeName::Phase(name) | ScopeName::Fault(name) => plain(name),
    };
    let group = figure.group.as_deref().map_or_else(|| NO_SAMPLES.to_owned(), plain);
    let mut cells = vec![figure.measure.name().to_owned(), scope, group, count(figure.count)];
    cells.extend(Stat::ALL.map(|stat| figure.stat(stat).map_or_else(|| NO_SAMPLES.to_owned(), shown)));
    cells
}

fn shown(value: BaselineValue) -> String {
    stat_value(match value {
        BaselineValue::Time(ns) => StatValue::Time(ns),
        BaselineValue::LaterThan(ns) => StatValue::LaterThan(ns),
        BaselineValue::Share(share) => StatValue::Share(share),
        BaselineValue::Count(count) => StatValue::Count(count),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shakedown_model::Seed;
    use shakedown_model::baseline::BASELINE_FORMAT;
    use shakedown_model::gate::Measure;
    use shakedown_model::manifest::Machine;

    use super::*;

    #[test]
    fn a_baseline_shows_its_figures_and_obeys_no_escape_sequence() {
        let figure = BaselineFigure {
            measure: Measure::TAll,
            scope: ScopeName::Phase("steady".into()),
            group: Some("leg\u{1b}[2Jacy".into()),
            count: 1234,
            censored: 0,
            mutations: 1234,
            stats: BTreeMap::from([(Stat::P90, BaselineValue::Time(70_000_000))]),
        };
        let baseline = Baseline {
            format: BASELINE_FORMAT,
            scenario: "s".into(),
            run: "r-1".into(),
            started: String::new(),
            accepted: String::new(),
            seed: Seed(7),
            plan_digest: "0123".into(),
            harness: "0.1.0".into(),
            server: "embedded".into(),
            proxy: "embedded".into(),
            machine: Machine::default(),
            anyway: false,
            outline: vec!["phase steady: 20s".into()],
            figures: vec![figure],
        };
        let text = text(&baseline, Look { width: 100, is_coloured: false });
        for part in ["r-1", "phase steady: 20s", "T-all", "1,234", "70 ms", "–"] {
            assert!(text.contains(part), "`{part}` is missing in:\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
    }
}
