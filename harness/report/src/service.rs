//! Service during faults of servers, as rows: per fault each node, then the times in which no node served.

use std::time::Duration;

use shakedown_check::result::{FaultResult, StatValue};
use shakedown_model::fault::Outage;
use shakedown_model::gate::{Measure, Scope, Stat};

use crate::input::ReportInput;
use crate::quantity::{plain, stat_value};

/// What stands where there was service all the while.
const NONE: &str = "none";

/// The heads of the columns.
pub(crate) const HEAD: [&str; 5] = ["fault", "node", "writes refused", "reads refused", "pushes silent"];

/// The rows, none for a run without faults of servers.
pub(crate) fn rows(input: ReportInput<'_>) -> Vec<[String; 5]> {
    input.judgement.faults.iter().flat_map(|fault| of_fault(input, fault)).collect()
}

fn of_fault(input: ReportInput<'_>, fault: &FaultResult) -> Vec<[String; 5]> {
    let name = plain(&fault.name);
    let mut rows: Vec<[String; 5]> = fault
        .service
        .iter()
        .map(|node| {
            let [write, read, push] = [&node.write, &node.read, &node.push].map(|o| words(input, o));
            [name.clone(), node.node.to_string(), write, read, push]
        })
        .collect();
    if rows.len() > 1 {
        let measures = [Measure::WriteOutage, Measure::ReadOutage, Measure::PushOutage];
        let [write, read, push] = measures.map(|measure| at_no_node(input, fault, measure));
        rows.push([name, "all at once".to_owned(), write, read, push]);
    }
    rows
}

fn words(input: ReportInput<'_>, outages: &[Outage]) -> String {
    let (Some(first), Some(last)) = (outages.first(), outages.last()) else { return NONE.to_owned() };
    let end = input.end();
    let total: Duration = outages.iter().map(|outage| outage.until.unwrap_or(end).since(outage.from)).sum();
    let times = if outages.len() == 1 { String::new() } else { format!(" in {} stretches", outages.len()) };
    let open = if last.until.is_none() { ", not served again" } else { "" };
    format!("{:.1} s{times} from {:.1} s{open}", total.as_secs_f64(), first.from.as_secs_f64())
}

/// The longest time in which no node served.
fn at_no_node(input: ReportInput<'_>, fault: &FaultResult, measure: Measure) -> String {
    let figures = input.figures(measure);
    let figure = figures.into_iter().find(|figure| figure.scope == Scope::Fault(fault.fault));
    match figure.map(|figure| figure.stat(Stat::Max)) {
        Some(StatValue::Time(0)) | None => NONE.to_owned(),
        Some(value) => stat_value(value),
    }
}

#[cfg(test)]
mod tests {
    use shakedown_model::fault::NodeService;
    use shakedown_model::{NodeId, Offset};

    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn each_node_has_its_three_times_and_the_cluster_has_its_own() {
        let mut fixture = Fixture::rough_run();
        assert!(rows(fixture.input()).is_empty(), "no fault of servers");
        let outage = |from, until: Option<u64>| Outage {
            from: Offset::from_millis(from),
            until: until.map(Offset::from_millis),
            failed: 3,
        };
        let node =
            |node, write| NodeService { node: NodeId(node), write, read: Vec::new(), push: Vec::new() };
        fixture.judgement.faults[0].service = vec![
            node(0, vec![outage(30_000, Some(36_100)), outage(40_000, Some(40_500))]),
            node(1, vec![outage(30_200, None)]),
        ];
        let rows = rows(fixture.input());
        assert_eq!(rows[0][1..], ["0", "6.6 s in 2 stretches from 30.0 s", NONE, NONE]);
        assert!(rows[1][2].ends_with(" from 30.2 s, not served again"), "{rows:?}");
        assert_eq!((rows.len(), rows[2][1].as_str()), (3, "all at once"));
    }
}
