//! The TLS in front of nodes is wrong for sessions that begin. A careful client of the fault's own tries it: before the
//! onset and after healing it must get a session, between them it must be refused, and for this very reason.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, join_all};
use shakedown_model::NodeId;
use shakedown_model::fault::{Bite, CertificateTrouble};

use super::{Handshakes, NoSession, ServersHand};
use crate::fault::{Fault, FaultError};

/// Fronts that are wrong.
pub(super) struct Certificate {
    servers: Arc<dyn ServersHand>,
    nodes: Vec<NodeId>,
    trouble: CertificateTrouble,
    cuts: bool,
    seen: Mutex<BTreeMap<NodeId, Sights>>,
}

type Tried = Option<Result<(), NoSession>>;

/// What came of the careful client's tries at a node, and what the node's front counted between onset and end.
#[derive(Default)]
struct Sights {
    before: Tried,
    onset: Tried,
    end: Tried,
    after: Tried,
    /// By the onset, and by the end.
    counted: (Handshakes, Handshakes),
    /// The front is wrong now.
    is_set: bool,
}

impl Certificate {
    pub(super) fn new(
        servers: Arc<dyn ServersHand>,
        nodes: Vec<NodeId>,
        (trouble, cuts): (CertificateTrouble, bool),
    ) -> Self {
        let seen = nodes.iter().map(|node| (*node, Sights::default())).collect();
        Self { servers, nodes, trouble, cuts, seen: Mutex::new(seen) }
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<NodeId, Sights>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries every node, and notes what came of it where `at` says.
    async fn shake(&self, at: fn(&mut Sights) -> &mut Tried) {
        let tries = self.nodes.iter().map(|node| self.servers.shake_hands(*node));
        let tried = join_all(tries).await;
        for (sights, came) in self.seen().values_mut().zip(tried) {
            *at(sights) = Some(came);
        }
    }

    fn begin(&self) -> Result<(), FaultError> {
        for (node, sights) in self.seen().iter_mut() {
            let counted = self.servers.handshakes(*node);
            let done = "given another certificate";
            self.servers
                .set_certificate(*node, Some(self.trouble), self.cuts)
                .map_err(failed(*node, done))?;
            sights.is_set = true;
            sights.counted = (counted, counted);
        }
        Ok(())
    }

    fn end(&self) -> Result<(), FaultError> {
        let mut result = Ok(());
        for (node, sights) in self.seen().iter_mut().filter(|(_, sights)| sights.is_set) {
            sights.counted.1 = self.servers.handshakes(*node);
            match self.servers.set_certificate(*node, None, false) {
                Ok(()) => sights.is_set = false,
                Err(why) => result = result.and(Err(failed(*node, "given its own certificate again")(why))),
            }
        }
        result
    }

    fn bite(&self) -> Bite {
        let seen = self.seen();
        let judged: Vec<_> = seen.iter().map(|(node, sights)| (node, sights.judge(self.trouble))).collect();
        let missed: Vec<String> = judged
            .iter()
            .filter_map(|(node, came)| Some(format!("node {node}: {}", came.as_ref().err()?)))
            .collect();
        if !missed.is_empty() {
            return Bite::Missed(missed.join("; "));
        }
        let hit: Vec<String> = judged
            .iter()
            .filter_map(|(node, came)| Some(format!("node {node}: {}", came.as_ref().ok()?)))
            .collect();
        Bite::Bit(format!(
            "a careful client was refused because of {}; {}",
            self.trouble.words(),
            hit.join(", ")
        ))
    }
}

impl Sights {
    /// How many handshakes of clients failed meanwhile; or what a careful client saw that it should not have seen.
    fn judge(&self, trouble: CertificateTrouble) -> Result<String, String> {
        for (when, tried) in [("before the onset", &self.before), ("after healing", &self.after)] {
            if let Some(Err(why)) = tried {
                return Err(format!("{when} no session came about: {}", why.words()));
            }
        }
        for (when, tried) in [("at the onset", &self.onset), ("before the end", &self.end)] {
            match tried {
                Some(Err(NoSession::Refused(why))) if *why == trouble => {}
                Some(Err(why)) => {
                    return Err(format!("{when} something else kept a session away: {}", why.words()));
                }
                Some(Ok(())) => return Err(format!("{when} a session came about")),
                None => return Err(format!("{when} nobody tried")),
            }
        }
        // Two of them are the careful client's own.
        let of_clients = |count: fn(&Handshakes) -> u64| {
            count(&self.counted.1).saturating_sub(count(&self.counted.0)).saturating_sub(2)
        };
        let (failed, all) = (of_clients(|count| count.failed), of_clients(|count| count.all));
        Ok(format!("{failed} of {all} handshakes of clients failed"))
    }
}

fn failed(node: NodeId, done: &'static str) -> impl FnOnce(String) -> FaultError {
    move |why| FaultError::Node { node: node.0, done, why }
}

impl Fault for Certificate {
    /// The try before is made right here: some time ago another fault may have been in force.
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            self.shake(|sights| &mut sights.before).await;
            self.begin()
        })
    }

    fn go_on(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            self.shake(|sights| &mut sights.onset).await;
            Ok(())
        })
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            self.shake(|sights| &mut sights.end).await;
            self.end()
        })
    }

    fn befell(&self) -> Vec<NodeId> {
        self.nodes.clone()
    }

    fn seen(&self) -> BoxFuture<'_, Option<Bite>> {
        Box::pin(async {
            self.shake(|sights| &mut sights.after).await;
            Some(self.bite())
        })
    }
}
