//! The table.

use std::fmt::Write as _;

use crate::Options;
use crate::round::Round;

type Measure = (&'static str, fn(&Round) -> f64);

const MEASURES: [Measure; 14] = [
    ("echo without a proxy, p50, us", |round| round.direct_p50_us),
    ("echo without a proxy, p99, us", |round| round.direct_p99_us),
    ("added latency, p50, us", |round| round.added_p50_us),
    ("added latency, p99, us", |round| round.added_p99_us),
    ("memory per idle connection, KiB", |round| round.idle_kib),
    ("latency toxic answered after, ms", |round| round.latency_holds_ms),
    ("connections not delayed then", |round| round.not_held),
    ("delayed bytes late by, p50, us", |round| round.late_p50_us),
    ("delayed bytes late by, p99, us", |round| round.late_p99_us),
    ("timers over 1 ms late, percent", |round| round.timers_late_percent),
    ("cut of all answered after, ms", |round| round.cut_answered_ms),
    ("all connections ended after, ms", |round| round.cut_ms),
    ("slowest echo beside that cut, ms", |round| round.beside_cut_ms),
    ("of them seen as a reset", |round| round.seen_as_reset),
];

/// One line per measure, one column per proxy: the median over the rounds, the least and the greatest.
pub(crate) fn render(options: &Options, names: &[&str], rounds: &[Vec<Round>]) -> String {
    let Options { connections, in_flight, requests, bytes, rounds: of, .. } = options;
    let mut text = format!(
        "{connections} connections, {in_flight} in flight, {requests} echoes of {bytes} bytes, median of {of} rounds\n"
    );
    let mut line = |what: &str, cells: &[String]| {
        let cells: String = cells.iter().fold(String::new(), |line, cell| format!("{line} {cell:>28}"));
        writeln!(text, "{what:<34}{cells}").expect("writing to a String cannot fail");
    };
    line("", &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    for (what, measure) in MEASURES {
        line(
            what,
            &rounds.iter().map(|rounds| cell(rounds.iter().map(measure).collect())).collect::<Vec<_>>(),
        );
    }
    text
}

fn cell(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    match values[..] {
        [first, ..] if !first.is_nan() => {
            let last = values[values.len() - 1];
            format!("{:.1} ({first:.1} to {last:.1})", values[values.len() / 2])
        }
        _ => "-".to_owned(),
    }
}
