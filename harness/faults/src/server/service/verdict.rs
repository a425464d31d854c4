//! From the stretches without service to whether a fault of servers bit, in words with numbers: pure.

use std::time::Duration;

use shakedown_model::fault::{Bite, NodeService, Outage};
use shakedown_model::{NodeId, Offset};

/// Whether a fault that began at `applying` bit: every node that it befell was without some service.
pub(crate) fn bite(
    befell: &[NodeId],
    service: &[NodeService],
    applying: Offset,
    (is_whole, now): (bool, Offset),
) -> Bite {
    let is_hit = |node: &&NodeService| {
        let mut outages = node.write.iter().chain(&node.read).chain(&node.push);
        outages.any(|outage| outage.until.is_none_or(|until| until > applying))
    };
    let hit: Vec<NodeId> = service.iter().filter(is_hit).map(|node| node.node).collect();
    let spared: Vec<String> =
        befell.iter().filter(|node| !hit.contains(node)).map(|node| format!("node {node}")).collect();
    if !spared.is_empty() && !is_whole {
        return Bite::NotMeasured(format!("stopped before {} was seen without service", spared.join(", ")));
    }
    if !spared.is_empty() {
        let nodes = spared.join(", ");
        return Bite::Missed(format!("{nodes}: no write, read or push failed"));
    }
    let words: Vec<String> = service.iter().filter_map(|node| node_words(node, now)).collect();
    let befell: Vec<String> = befell.iter().map(ToString::to_string).collect();
    Bite::Bit(format!("befell node {}. {}", befell.join(", "), words.join("; ")))
}

fn node_words(node: &NodeService, now: Offset) -> Option<String> {
    let services =
        [("writes refused", &node.write), ("reads refused", &node.read), ("pushes silent", &node.push)];
    let words: Vec<String> =
        services.iter().filter_map(|(what, outages)| service_words(what, outages, now)).collect();
    (!words.is_empty()).then(|| format!("node {}: {}", node.node, words.join(", ")))
}

fn service_words(what: &str, outages: &[Outage], now: Offset) -> Option<String> {
    let last = outages.last()?;
    let total: Duration = outages.iter().map(|outage| outage.until.unwrap_or(now).since(outage.from)).sum();
    let times = if outages.len() == 1 { String::new() } else { format!(" in {} stretches", outages.len()) };
    let end = if last.until.is_none() { " and not served again" } else { "" };
    Some(format!("{what} {:.1} s{times}{end}", total.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Offset {
        Offset::from_millis(millis)
    }

    fn outage(from: u64, until: Option<u64>) -> Outage {
        Outage { from: at(from), until: until.map(at), failed: 3 }
    }

    fn spared(node: u16) -> NodeService {
        NodeService { node: NodeId(node), write: Vec::new(), read: Vec::new(), push: Vec::new() }
    }

    const END: (bool, Offset) = (true, Offset(60_000_000_000));

    #[test]
    fn the_three_times_of_each_node_are_told() {
        let first = NodeService {
            write: vec![outage(1000, Some(7100))],
            read: vec![outage(1000, Some(1300)), outage(2000, Some(2100))],
            push: vec![outage(1000, None)],
            ..spared(0)
        };
        let bite = bite(&[NodeId(0)], &[first, spared(1)], at(900), END);
        let text = "befell node 0. node 0: writes refused 6.1 s, reads refused 0.4 s in 2 stretches, \
                    pushes silent 59.0 s and not served again";
        assert_eq!(bite, Bite::Bit(text.into()));
    }

    #[test]
    fn a_node_that_served_all_the_while_was_missed() {
        let hit = NodeService { read: vec![outage(1000, Some(2000))], ..spared(0) };
        let both = [NodeId(0), NodeId(1)];
        let missed = bite(&both, &[hit.clone(), spared(1)], at(900), END);
        assert_eq!(missed, Bite::Missed("node 1: no write, read or push failed".into()));
        let open = bite(&both, &[hit.clone(), spared(1)], at(900), (false, at(1500)));
        assert!(matches!(open, Bite::NotMeasured(_)), "{open:?}");
        let before = bite(&[NodeId(0)], &[hit], at(3000), END);
        assert!(matches!(before, Bite::Missed(_)), "what ended before the onset is no bite: {before:?}");
    }
}
