//! Servers that can be moved and asked, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_model::NodeId;
use shakedown_model::fault::{CertificateTrouble, NodeTrouble, TroubleCount};
use tokio::time::sleep;

use crate::canary::ProbeError;
use crate::server::service::{Listener, ServiceProbe};
use crate::server::{Handshakes, NoSession, NodeMove, ServersHand};

/// How long a node takes to be ready.
pub(crate) const START: Duration = Duration::from_secs(5);
/// How long a node takes to end when it is asked to.
const STOP: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    Down,
    Paused,
}

/// Two nodes of one store; node 1 leads.
pub(crate) struct FakeServers {
    nodes: Arc<Nodes>,
    /// What was done, in order.
    pub(crate) moves: Mutex<Vec<(NodeId, NodeMove)>>,
    /// Moves are said to be done, and are not.
    pub(crate) moves_are_void: Mutex<bool>,
    /// What nodes were told to do wrong, and when they were told that it is over.
    pub(crate) troubles: Mutex<Vec<(NodeId, u64, Option<NodeTrouble>)>>,
    /// What is wrong with the TLS in front of each, and how many sessions were asked for.
    pub(crate) fronts: Mutex<[(Option<CertificateTrouble>, Handshakes); 2]>,
}

struct Nodes {
    states: Mutex<[State; 2]>,
    /// The items that changed, in order.
    changes: Mutex<Vec<NodeId>>,
}

impl Default for FakeServers {
    fn default() -> Self {
        let nodes = Nodes { states: Mutex::new([State::Up; 2]), changes: Mutex::default() };
        Self {
            nodes: Arc::new(nodes),
            moves: Mutex::default(),
            moves_are_void: Mutex::default(),
            troubles: Mutex::default(),
            fronts: Mutex::default(),
        }
    }
}

impl FakeServers {
    fn set(&self, node: NodeId, state: State) {
        if !*self.moves_are_void.lock().unwrap() {
            self.nodes.states.lock().unwrap()[node.index()] = state;
        }
    }

    /// Whether every node is as it was at first.
    pub(crate) fn all_up(&self) -> bool {
        *self.nodes.states.lock().unwrap() == [State::Up; 2]
    }
}

impl Nodes {
    fn state(&self, node: NodeId) -> State {
        self.states.lock().unwrap()[node.index()]
    }

    async fn answer(&self, node: NodeId) -> Result<(), ProbeError> {
        loop {
            sleep(STEP).await;
            match self.state(node) {
                State::Up => return Ok(()),
                State::Down => return Err(ProbeError::Refused),
                State::Paused => {}
            }
        }
    }
}

impl ServersHand for FakeServers {
    fn nodes(&self) -> Vec<NodeId> {
        vec![NodeId(0), NodeId(1)]
    }

    fn take(&self, node: NodeId, what: NodeMove) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            self.moves.lock().unwrap().push((node, what));
            match what {
                NodeMove::Kill | NodeMove::Disconnect => self.set(node, State::Down),
                NodeMove::Stop => {
                    self.set(node, State::Down);
                    sleep(STOP).await;
                }
                NodeMove::Start | NodeMove::StartUpgraded => {
                    sleep(START).await;
                    self.set(node, State::Up);
                }
                NodeMove::Pause => self.set(node, State::Paused),
                NodeMove::Resume | NodeMove::Connect => self.set(node, State::Up),
            }
            Ok(())
        })
    }

    fn begin_trouble(&self, node: NodeId, number: u64, trouble: NodeTrouble) -> Result<(), String> {
        self.troubles.lock().unwrap().push((node, number, Some(trouble)));
        Ok(())
    }

    fn end_trouble(&self, node: NodeId, number: u64) -> Result<TroubleCount, String> {
        let mut troubles = self.troubles.lock().unwrap();
        let was_told = troubles.iter().any(|told| (told.0, told.1) == (node, number) && told.2.is_some());
        troubles.push((node, number, None));
        let acted = if *self.moves_are_void.lock().unwrap() || !was_told { 0 } else { 3 };
        Ok(TroubleCount { acted, of: 5 })
    }

    fn set_certificate(
        &self,
        node: NodeId,
        trouble: Option<CertificateTrouble>,
        _cuts: bool,
    ) -> Result<(), String> {
        if !*self.moves_are_void.lock().unwrap() {
            self.fronts.lock().unwrap()[node.index()].0 = trouble;
        }
        Ok(())
    }

    fn handshakes(&self, node: NodeId) -> Handshakes {
        self.fronts.lock().unwrap()[node.index()].1
    }

    fn shake_hands(&self, node: NodeId) -> BoxFuture<'_, Result<(), NoSession>> {
        Box::pin(async move {
            sleep(STEP).await;
            let mut fronts = self.fronts.lock().unwrap();
            let (trouble, count) = &mut fronts[node.index()];
            count.all += 1;
            count.failed += u64::from(trouble.is_some());
            trouble.map_or(Ok(()), |trouble| Err(NoSession::Refused(trouble)))
        })
    }

    fn leader(&self) -> BoxFuture<'_, Result<NodeId, String>> {
        Box::pin(async { Ok(NodeId(1)) })
    }
}

impl ServiceProbe for FakeServers {
    fn write(&self, node: NodeId, _nth: u64) -> BoxFuture<'_, Result<(), ProbeError>> {
        Box::pin(async move {
            self.nodes.answer(node).await?;
            self.nodes.changes.lock().unwrap().push(node);
            Ok(())
        })
    }

    fn read(&self, node: NodeId) -> BoxFuture<'_, Result<(), ProbeError>> {
        Box::pin(self.nodes.answer(node))
    }

    fn listen(&self, node: NodeId) -> BoxFuture<'_, Result<Box<dyn Listener>, ProbeError>> {
        Box::pin(async move {
            self.nodes.answer(node).await?;
            let next = self.nodes.changes.lock().unwrap().len();
            let listener: Box<dyn Listener> =
                Box::new(FakeListener { nodes: Arc::clone(&self.nodes), node, next });
            Ok(listener)
        })
    }
}

struct FakeListener {
    nodes: Arc<Nodes>,
    node: NodeId,
    next: usize,
}

impl Listener for FakeListener {
    fn heard(&mut self) -> BoxFuture<'_, Result<NodeId, ProbeError>> {
        Box::pin(async {
            loop {
                self.nodes.answer(self.node).await?;
                if let Some(item) = self.nodes.changes.lock().unwrap().get(self.next) {
                    self.next += 1;
                    return Ok(*item);
                }
            }
        })
    }
}
