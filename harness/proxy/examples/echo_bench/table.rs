//! The table.

use std::fmt::Write as _;

use crate::Options;
use crate::round::Round;

/// A row: what it is called, its value in a round, and whether less of it is better.
struct Measure {
    name: &'static str,
    of: fn(&Round) -> f64,
    is_cost: bool,
}

const fn cost(name: &'static str, of: fn(&Round) -> f64) -> Measure {
    Measure { name, of, is_cost: true }
}

const fn remark(name: &'static str, of: fn(&Round) -> f64) -> Measure {
    Measure { name, of, is_cost: false }
}

const MEASURES: [Measure; 21] = [
    remark("echo without a proxy, p50, us", |round| round.direct_p50_us),
    remark("echo without a proxy, p99, us", |round| round.direct_p99_us),
    cost("added latency, p50, us", |round| round.added_p50_us),
    cost("added latency, p99, us", |round| round.added_p99_us),
    remark("busy echo without a proxy, p50, us", |round| round.direct_busy_p50_us),
    remark("busy echo without a proxy, p99, us", |round| round.direct_busy_p99_us),
    cost("busy: added latency, p50, us", |round| round.added_busy_p50_us),
    cost("busy: added latency, p99, us", |round| round.added_busy_p99_us),
    remark("bulk without a proxy, ms", |round| round.direct_bulk_ms),
    cost("bulk through it, ms", |round| round.bulk_ms),
    cost("memory per idle connection, KiB", |round| round.idle_kib),
    cost("latency toxic answered after, ms", |round| round.latency_holds_ms),
    cost("its removal answered after, ms", |round| round.latency_gone_ms),
    remark("connections not delayed then", |round| round.not_held),
    cost("delayed bytes late by, p50, us", |round| round.late_p50_us),
    cost("delayed bytes late by, p99, us", |round| round.late_p99_us),
    remark("timers over 1 ms late, percent", |round| round.timers_late_percent),
    cost("cut of all answered after, ms", |round| round.cut_answered_ms),
    cost("all connections ended after, ms", |round| round.cut_ms),
    cost("slowest echo beside that cut, ms", |round| round.beside_cut_ms),
    remark("of them seen as a reset", |round| round.seen_as_reset),
];

/// One line per measure, one column per proxy: the median over the rounds, the least and the greatest. With two proxies
/// a last column has the ratio of the first to the second within each round.
pub(crate) fn render(options: &Options, names: &[&str], rounds: &[Vec<Round>]) -> String {
    let Options { connections, in_flight, requests, bytes, bulk, rounds: of, .. } = options;
    let mut text = format!(
        "{connections} connections, {requests} echoes of {bytes} bytes (busy: {in_flight} at once), bulk of {bulk} MiB, \
         median of {of} rounds (least to greatest)\n"
    );
    let mut line = |what: &str, cells: &[String]| {
        let cells: String = cells.iter().fold(String::new(), |line, cell| format!("{line} {cell:>28}"));
        writeln!(text, "{what:<34}{cells}").expect("writing to a String cannot fail");
    };
    let mut head: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    if let [ours, theirs] = names {
        head.push(format!("{ours} / {theirs}"));
    }
    line("", &head);
    for measure in &MEASURES {
        let mut cells: Vec<String> =
            rounds.iter().map(|rounds| cell(rounds.iter().map(measure.of).collect(), 1)).collect();
        if let [ours, theirs] = rounds {
            let ratios = ours.iter().zip(theirs).map(|(a, b)| (measure.of)(a) / (measure.of)(b)).collect();
            cells.push(if measure.is_cost { cell(ratios, 2) } else { String::new() });
        }
        line(measure.name, &cells);
    }
    text
}

fn cell(mut values: Vec<f64>, decimals: usize) -> String {
    values.sort_by(f64::total_cmp);
    match values[..] {
        [first, ..] if !first.is_nan() => {
            let (median, last) = (values[values.len() / 2], values[values.len() - 1]);
            format!("{median:.decimals$} ({first:.decimals$} to {last:.decimals$})")
        }
        _ => "-".to_owned(),
    }
}
