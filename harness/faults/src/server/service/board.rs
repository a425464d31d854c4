//! What became of every probe, and the stretches without service that follow: pure.

use std::time::Duration;

use shakedown_model::fault::{NodeService, Outage};
use shakedown_model::{NodeId, Offset};

/// Which service is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Write,
    Read,
    Push,
}

impl Service {
    pub(super) const ALL: [Self; 3] = [Self::Write, Self::Read, Self::Push];
}

/// A probe that ended.
#[derive(Debug, Clone, Copy)]
struct Probe {
    /// When it was sent; for a push, the ack of the write, or when nobody listened any more.
    sent: Offset,
    /// When it was served.
    served: Option<Offset>,
}

/// A write that a node has yet to push.
#[derive(Debug, Clone, Copy)]
struct Due {
    item: usize,
    sent: Offset,
    acked: Offset,
}

#[derive(Debug, Default)]
struct NodeBoard {
    probes: [Vec<Probe>; 3],
    /// Whether somebody listens; nothing is due to be pushed else.
    is_listened_to: bool,
    /// When each item's last push was heard.
    heard: Vec<Option<Offset>>,
    due: Vec<Due>,
}

/// The probes of a fault.
#[derive(Debug)]
pub(super) struct Board {
    ids: Vec<NodeId>,
    nodes: Vec<NodeBoard>,
    /// A push is in time up to so long after the ack.
    within: Duration,
}

impl Board {
    pub(super) fn new(ids: Vec<NodeId>, within: Duration) -> Self {
        let node = |_| NodeBoard { heard: vec![None; ids.len()], ..NodeBoard::default() };
        let nodes = ids.iter().map(node).collect();
        Self { ids, nodes, within }
    }

    /// A write or read ended; `answered` when it was served.
    pub(super) fn asked(&mut self, node: NodeId, service: Service, sent: Offset, answered: Option<Offset>) {
        let Some(item) = self.place(node) else { return };
        self.nodes[item].probes[service as usize].push(Probe { sent, served: answered });
        let (Service::Write, Some(acked)) = (service, answered) else { return };
        for node in self.nodes.iter_mut().filter(|node| node.is_listened_to) {
            // The push may come before the ack does.
            match node.heard[item].filter(|heard| *heard >= sent) {
                Some(heard) => node.pushed(acked, Some(heard.max(acked))),
                None => node.due.push(Due { item, sent, acked }),
            }
        }
    }

    /// A node is listened to from now on.
    pub(super) fn listens(&mut self, node: NodeId) {
        if let Some(place) = self.place(node) {
            self.nodes[place].is_listened_to = true;
        }
    }

    /// A node pushed that the item of `of` changed. A push names no version: it serves every write sent before it.
    pub(super) fn heard(&mut self, node: NodeId, of: NodeId, at: Offset) {
        let (Some(place), Some(item)) = (self.place(node), self.place(of)) else { return };
        let node = &mut self.nodes[place];
        node.heard[item] = Some(at);
        let within = self.within;
        for due in node.due.extract_if(.., |due| due.item == item && due.sent <= at).collect::<Vec<_>>() {
            let in_time = at.since(due.acked) <= within;
            node.pushed(due.acked, in_time.then_some(at.max(due.acked)));
        }
    }

    /// Nobody could listen at a node at this instant. What was due to be pushed is not pushed any more.
    pub(super) fn deaf(&mut self, node: NodeId, at: Offset) {
        if let Some(place) = self.place(node) {
            let node = &mut self.nodes[place];
            node.is_listened_to = false;
            std::mem::take(&mut node.due).iter().for_each(|due| node.pushed(due.acked, None));
            node.pushed(at, None);
        }
    }

    /// Gives up what was not pushed in time.
    pub(super) fn look(&mut self, now: Offset) {
        let within = self.within;
        for node in &mut self.nodes {
            let late: Vec<_> = node.due.extract_if(.., |due| now.since(due.acked) > within).collect();
            late.iter().for_each(|due| node.pushed(due.acked, None));
        }
    }

    /// Whether the newest probe of every service of every node was sent after `since` and served.
    pub(super) fn is_serving(&self, since: Offset) -> bool {
        let newest = |probes: &Vec<Probe>| probes.iter().max_by_key(|probe| probe.sent).copied();
        let serves = |probe: Probe| probe.sent >= since && probe.served.is_some();
        self.nodes.iter().flat_map(|node| &node.probes).all(|probes| newest(probes).is_some_and(serves))
    }

    /// The stretches without service, by node.
    pub(super) fn service(&self) -> Vec<NodeService> {
        let of = |(id, node): (&NodeId, &NodeBoard)| {
            let [write, read, push] = Service::ALL.map(|service| stretches(&node.probes[service as usize]));
            NodeService { node: *id, write, read, push }
        };
        self.ids.iter().zip(&self.nodes).map(of).collect()
    }

    fn place(&self, node: NodeId) -> Option<usize> {
        self.ids.iter().position(|id| *id == node)
    }
}

impl NodeBoard {
    fn pushed(&mut self, sent: Offset, served: Option<Offset>) {
        self.probes[Service::Push as usize].push(Probe { sent, served });
    }
}

/// Probes that failed one after another, in the order in which they were sent, with nothing served between.
fn stretches(probes: &[Probe]) -> Vec<Outage> {
    let mut probes = probes.to_vec();
    probes.sort_by_key(|probe| probe.sent);
    let mut stretches: Vec<Outage> = Vec::new();
    for Probe { sent, served } in probes {
        let open = stretches.last_mut().filter(|stretch| stretch.until.is_none());
        match (served, open) {
            (None, Some(stretch)) => stretch.failed += 1,
            (None, None) => stretches.push(Outage { from: sent, until: None, failed: 1 }),
            (Some(at), Some(stretch)) => stretch.until = Some(at),
            (Some(_), None) => {}
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId(0);
    const B: NodeId = NodeId(1);

    fn at(millis: u64) -> Offset {
        Offset::from_millis(millis)
    }

    fn board() -> Board {
        let mut board = Board::new(vec![A, B], Duration::from_secs(2));
        board.listens(A);
        board.listens(B);
        board
    }

    fn outage(from: u64, until: Option<u64>, failed: u32) -> Outage {
        Outage { from: at(from), until: until.map(at), failed }
    }

    #[test]
    fn a_stretch_is_from_the_first_failure_sent_to_the_first_answer_after_it() {
        let mut board = board();
        board.asked(A, Service::Read, at(100), Some(at(105)));
        // The answers come in another order than the probes went.
        board.asked(A, Service::Read, at(400), Some(at(460)));
        board.asked(A, Service::Read, at(200), None);
        board.asked(A, Service::Read, at(300), None);
        board.asked(A, Service::Read, at(500), None);
        let service = board.service();
        assert_eq!(service[0].read, [outage(200, Some(460), 2), outage(500, None, 1)]);
        assert!(service[0].write.is_empty() && service[1].read.is_empty());
    }

    #[test]
    fn a_write_that_is_not_pushed_in_time_is_silence_of_that_node_alone() {
        let mut board = board();
        board.asked(A, Service::Write, at(1000), Some(at(1010)));
        board.heard(A, A, at(1090));
        board.look(at(3000));
        assert!(board.service()[1].push.is_empty(), "it is not over yet");
        board.look(at(3011));
        board.asked(A, Service::Write, at(4000), Some(at(4010)));
        board.heard(B, A, at(4100));
        let service = board.service();
        assert!(service[0].push.is_empty(), "{service:?}");
        assert_eq!(service[1].push, [outage(1010, Some(4100), 1)]);
    }

    #[test]
    fn a_push_may_come_before_the_ack_but_not_before_the_write() {
        let mut board = board();
        board.heard(B, A, at(900));
        board.asked(A, Service::Write, at(1000), Some(at(1300)));
        board.heard(A, A, at(1100));
        board.heard(B, A, at(1100));
        board.heard(B, A, at(5000));
        board.asked(A, Service::Write, at(2000), Some(at(2300)));
        let service = board.service();
        assert!(service[0].push.is_empty() && service[1].push.is_empty(), "{service:?}");
        board.look(at(9000));
        assert_eq!(board.service()[0].push, [outage(2300, None, 1)], "the second was pushed by B alone");
    }

    #[test]
    fn a_push_that_comes_late_is_a_failure() {
        let mut board = board();
        board.asked(A, Service::Write, at(1000), Some(at(1010)));
        board.heard(B, A, at(3500));
        assert_eq!(board.service()[1].push, [outage(1010, None, 1)]);
    }

    #[test]
    fn a_node_that_nobody_can_listen_to_is_silent_until_it_pushes() {
        let mut board = board();
        board.deaf(B, at(1000));
        board.asked(A, Service::Write, at(1100), Some(at(1110)));
        board.deaf(B, at(1200));
        board.listens(B);
        board.asked(A, Service::Write, at(2000), Some(at(2010)));
        board.heard(B, A, at(2100));
        assert_eq!(board.service()[1].push, [outage(1000, Some(2100), 2)]);
        board.asked(A, Service::Write, at(3000), Some(at(3010)));
        board.deaf(B, at(3050));
        assert_eq!(board.service()[1].push[1], outage(3010, None, 2), "it will not be pushed any more");
    }

    #[test]
    fn all_serve_again_once_the_newest_probes_do() {
        let mut board = board();
        assert!(!board.is_serving(Offset::ZERO));
        for node in [A, B] {
            board.asked(node, Service::Read, at(5000), Some(at(5001)));
            board.asked(node, Service::Write, at(5000), Some(at(5001)));
            board.heard(A, node, at(5100));
            board.heard(B, node, at(5100));
        }
        assert!(board.is_serving(at(4000)));
        assert!(!board.is_serving(at(5001)), "nothing is newer than that");
        board.asked(B, Service::Read, at(5100), None);
        assert!(!board.is_serving(at(4000)));
    }
}
