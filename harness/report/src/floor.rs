//! The floor: bare fan-outs as rows, and what was measured as multiples of them.

use std::fmt::Write as _;

use shakedown_check::result::{Figure, StatValue};
use shakedown_check::words::{count, time};
use shakedown_model::floor::{Chain, Floor};
use shakedown_model::gate::{Measure, Scope, Stat};

use crate::input::ReportInput;
use crate::quantity::{as_f64, stat};
use crate::terminal::table::{Column, Table};

/// What is set beside its floor: the times from a change to watchers.
const MEASURES: [Measure; 3] = [Measure::EndToEnd, Measure::Propagation, Measure::TAll];
const STATS: [Stat; 3] = [Stat::P50, Stat::P99, Stat::Max];

/// The heads of [`rows`]' columns.
pub(crate) const HEAD: [&str; 6] = ["measure", "in", "group", "p50", "p99", "max"];
/// The heads of [`bare_rows`]' columns.
pub(crate) const BARE_HEAD: [&str; 8] =
    ["bare fan-out", "connections", "content", "p50", "p99", "max", "last, median", "n"];

/// Each floor of the run.
pub(crate) fn bare_rows(floors: &[Floor]) -> Vec<[String; 8]> {
    floors
        .iter()
        .map(|floor| {
            let [p50, p99, max] = STATS.map(|which| time(floor.stat_ns(which)));
            let shape = floor.shape;
            let content = format!("{} B", count(shape.payload_bytes.into()));
            let connections = count(shape.connections.into());
            let last = time(floor.last_ns);
            [shape.chain.to_string(), connections, content, p50, p99, max, last, count(floor.count)]
        })
        .collect()
}

/// What the phases of the run measured, each value with how many times its floor it is; nothing without floors.
pub(crate) fn rows(input: ReportInput<'_>) -> Vec<[String; 6]> {
    let figures = MEASURES.into_iter().flat_map(|measure| input.figures(measure));
    figures
        .filter(|figure| matches!(figure.scope, Scope::Phase(_)) && figure.count > 0)
        .filter_map(|figure| {
            let floor = floor_of(input, figure)?;
            let [p50, p99, max] = STATS.map(|which| cell(figure, which, floor));
            let name = figure.measure.name().to_owned();
            Some([name, input.scope_name(figure.scope), input.group_or_dash(figure.group), p50, p99, max])
        })
        .collect()
}

/// The floor of the chain that the figure's group speaks.
fn floor_of<'a>(input: ReportInput<'a>, figure: &Figure) -> Option<&'a Floor> {
    let group = input.plan.groups.get(figure.group?.index())?;
    let chain = Chain::of(group.client.protocol);
    let is_simulated = group.client.driver.is_none();
    input.manifest.floors.iter().find(|floor| is_simulated && floor.shape.chain == chain)
}

fn cell(figure: &Figure, which: Stat, floor: &Floor) -> String {
    let value = stat(figure, which);
    // T-all is the time of the last watcher, so its floor is that of the last connection, whichever its statistic.
    let bare = if figure.measure == Measure::TAll { floor.last_ns } else { floor.stat_ns(which) };
    match figure.stat(which) {
        StatValue::Time(ns) => format!("{value} = {}", multiple(ns, bare)),
        StatValue::LaterThan(_) | StatValue::Share(_) | StatValue::Count(_) | StatValue::TooFew => value,
    }
}

/// How many times the floor, to two digits.
fn multiple(ns: u64, floor_ns: u64) -> String {
    let times = as_f64(ns) / as_f64(floor_ns.max(1));
    if times < 9.95 { format!("{times:.1}×") } else { format!("{times:.0}×") }
}

/// The floors as a table for a terminal of `width` columns.
#[must_use]
pub fn table(floors: &[Floor], width: usize) -> String {
    let [chain, rest @ ..] = BARE_HEAD;
    let mut columns = vec![Column::text(chain, 30)];
    columns.extend(rest.map(Column::number));
    let rows = bare_rows(floors).into_iter().map(Vec::from).collect();
    let mut text = String::new();
    for line in (Table { columns, rows }).lines(width) {
        writeln!(text, "{}", line.trim_end()).expect("a string takes all that is written");
    }
    text
}

#[cfg(test)]
mod tests {
    use shakedown_model::floor::FloorShape;

    use super::*;
    use crate::fixture::Fixture;

    fn floor(chain: Chain) -> Floor {
        let shape = FloorShape { chain, connections: 1_200, payload_bytes: 512 };
        let stats_ns = [1_000_000, 2_000_000, 4_000_000, 4_000_000, 5_000_000];
        Floor { shape, rounds: 7, count: 8_400, stats_ns, last_ns: 4_500_000 }
    }

    #[test]
    fn without_floors_nothing_is_a_multiple() {
        assert!(rows(Fixture::rough_run().input()).is_empty());
    }

    #[test]
    fn each_group_is_set_beside_the_floor_of_its_own_chain() {
        let mut fixture = Fixture::rough_run();
        fixture.manifest.floors = vec![floor(Chain::GrpcPush)];
        let rows = rows(fixture.input());
        let groups = &fixture.plan.groups;
        let name = |row: &[String; 6]| groups.iter().position(|group| group.name == row[2]).unwrap();
        assert!(!rows.is_empty());
        assert!(rows.iter().all(|row| Chain::of(groups[name(row)].client.protocol) == Chain::GrpcPush));
        assert!(rows.iter().flat_map(|row| &row[3..]).any(|cell| cell.ends_with('×')), "{rows:?}");
    }

    #[test]
    fn multiples_are_of_the_same_statistic_and_have_two_digits() {
        assert_eq!(multiple(2_500_000, 1_000_000), "2.5×");
        assert_eq!(multiple(253_000_000, 10_000_000), "25×");
        assert_eq!(multiple(5, 0), "5.0×");
        let text = table(&[floor(Chain::LongPoll)], 120);
        assert!(
            text.contains("long poll, three messages") && text.contains("1,200") && text.contains("8,400")
        );
    }
}
