//! Outages of service around faults of servers: the longest time in which no node wrote, read or pushed.
//!
//! A client of a cluster goes to another node, so what counts is when no node served. The times of each node are in
//! the fault's result. A fault through which one node or another always served has the value zero.
//!
//! A stretch counts from when the fault began to be applied: the probe that failed first may have been sent before, and
//! was waiting for its answer.

use shakedown_model::Offset;
use shakedown_model::fault::{FaultWindow, NodeService, Outage};
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::time::nanos;

use super::Findings;
use crate::evidence::Evidence;

/// The outages of one service of a node.
type OutagesOf = fn(&NodeService) -> &[Outage];

/// What the service of a node lacked, by the measure that it belongs to.
const SERVICES: [(Measure, OutagesOf); 3] = [
    (Measure::WriteOutage, |node| &node.write),
    (Measure::ReadOutage, |node| &node.read),
    (Measure::PushOutage, |node| &node.push),
];

/// Takes the outages of every fault of servers.
pub(crate) fn take(evidence: &Evidence<'_>, findings: &mut Findings) {
    for (id, _, window) in evidence.cuts() {
        if window.service.is_empty() {
            continue;
        }
        for (measure, of) in SERVICES {
            let all = at_no_node(window, of, evidence.horizon);
            let figure = findings.figures.entry(measure, Scope::Fault(id), None);
            match all.iter().max_by_key(|(from, until)| until.unwrap_or(evidence.horizon).since(*from)) {
                None => figure.record(0),
                Some((from, Some(until))) => figure.record(nanos(until.since(*from))),
                Some((from, None)) => figure.censor(nanos(evidence.horizon.since(*from))),
            }
        }
    }
}

/// The stretches in which no node served, ascending; one that was not seen to end is open.
fn at_no_node(window: &FaultWindow, of: OutagesOf, horizon: Offset) -> Vec<(Offset, Option<Offset>)> {
    let spans = |node: &NodeService| -> Vec<(Offset, Option<Offset>)> {
        let of_fault = of(node).iter().filter(|one| one.until.is_none_or(|until| until > window.applying));
        of_fault.map(|outage| (outage.from.max(window.applying), outage.until)).collect()
    };
    let end = |until: Option<Offset>| until.unwrap_or(horizon);
    window
        .service
        .iter()
        .map(spans)
        .reduce(|all, node| {
            let pairs = all.iter().flat_map(|one| node.iter().map(move |other| (*one, *other)));
            let both = pairs.map(|((a, b), (c, d))| (a.max(c), if end(b) <= end(d) { b } else { d }));
            both.filter(|(from, until)| *from < end(*until)).collect()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use shakedown_model::fault::Bite;
    use shakedown_model::{FaultId, NodeId};

    use super::*;

    fn at(seconds: u64) -> Offset {
        Offset::from_secs(seconds)
    }

    fn node(node: u16, write: &[(u64, Option<u64>)]) -> NodeService {
        let outage =
            |(from, until): &(u64, Option<u64>)| Outage { from: at(*from), until: until.map(at), failed: 1 };
        let write = write.iter().map(outage).collect();
        NodeService { node: NodeId(node), write, read: Vec::new(), push: Vec::new() }
    }

    fn all(nodes: &[&[(u64, Option<u64>)]]) -> Vec<(Offset, Option<Offset>)> {
        let service = (0..).zip(nodes).map(|(n, write)| node(n, write)).collect();
        let window = FaultWindow {
            fault: FaultId(0),
            applying: at(1),
            applied: None,
            healing: None,
            healed: None,
            bite: Bite::NotMeasured(String::new()),
            trouble: None,
            service,
        };
        at_no_node(&window, |node| &node.write, at(100))
    }

    #[test]
    fn a_cluster_is_without_service_while_every_node_is() {
        // The killed leader is away for long, the others until one of them leads.
        let found = all(&[&[(10, Some(50))], &[(10, Some(16))], &[(11, Some(18))]]);
        assert_eq!(found, [(at(11), Some(at(16)))]);
        assert!(all(&[&[(10, Some(20))], &[(20, Some(30))]]).is_empty(), "one after the other");
        assert!(all(&[&[(10, Some(20))], &[]]).is_empty(), "the other served all the while");
    }

    #[test]
    fn stretches_that_never_end_are_open() {
        assert_eq!(all(&[&[(10, None)], &[(5, Some(8)), (20, None)]]), [(at(20), None)]);
        assert_eq!(all(&[&[(10, None)], &[(20, Some(30))]]), [(at(20), Some(at(30)))]);
    }

    #[test]
    fn a_stretch_begins_with_the_fault_at_the_earliest() {
        // The fault began at 1 s. The probe that it left without an answer was sent before.
        assert_eq!(all(&[&[(0, Some(6))]]), [(at(1), Some(at(6)))]);
        assert!(all(&[&[(0, Some(1))]]).is_empty(), "over before");
    }

    #[test]
    fn one_node_is_the_whole_service() {
        let stretches = [(1, Some(2)), (4, Some(9))];
        assert_eq!(all(&[&stretches]), [(at(1), Some(at(2))), (at(4), Some(at(9)))]);
    }
}
