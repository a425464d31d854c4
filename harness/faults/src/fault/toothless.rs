//! The planted defect of a fault: it is given hands that say that all was done, and do nothing.
//!
//! What looks stays as it is: canaries, probes of service, and the counts of nodes, watchers and strangers. So the defect is
//! found out by whatever finds out a real fault that did nothing.

use std::future::pending;
use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
use shakedown_model::fault::{
    Befallen, CertificateTrouble, NodeTrouble, StrayWrite, TroubleCount, WatcherFault,
};
use shakedown_model::{GroupId, NodeId};

use super::{Site, Watchers};
use crate::control::{ControlPlane, StrayAnswer};
use crate::server::{Handshakes, NoSession, NodeMove, ServersHand};
use crate::toxiproxy::{ProxyApi, ProxyApiError, ProxyState, ToxicConfig};

/// The same place, where nothing can be done.
pub(super) fn site(real: &Site) -> Site {
    Site {
        api: Arc::new(Idle(Arc::clone(&real.api))),
        kind: real.kind,
        proxies: Arc::clone(&real.proxies),
        watchers: Arc::new(Idle(Arc::clone(&real.watchers))),
        servers: Arc::new(Idle(Arc::clone(&real.servers))),
        control: Arc::new(Idle(Arc::clone(&real.control))),
        // The mutator writes what the schedule has, and the schedule has nothing of a toothless fault.
        mutator: Arc::clone(&real.mutator),
    }
}

/// Looks through the real hand, and does nothing with it.
struct Idle<T: ?Sized>(Arc<T>);

fn done<T: Send + 'static>(what: T) -> BoxFuture<'static, T> {
    Box::pin(ready(what))
}

impl ProxyApi for Idle<dyn ProxyApi> {
    fn proxies(&self) -> BoxFuture<'_, Result<Vec<ProxyState>, ProxyApiError>> {
        self.0.proxies()
    }

    fn set_enabled<'a>(&'a self, _: &'a str, _: bool) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        done(Ok(()))
    }

    fn add_toxic<'a>(&'a self, _: &'a str, _: &'a ToxicConfig) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        done(Ok(()))
    }

    fn remove_toxic<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        done(Ok(()))
    }
}

impl Watchers for Idle<dyn Watchers> {
    fn crash<'a>(&'a self, _: &'a [GroupId]) -> BoxFuture<'a, ()> {
        done(())
    }

    fn cold_start<'a>(&'a self, _: &'a [GroupId]) -> BoxFuture<'a, ()> {
        done(())
    }

    fn suffer<'a>(&'a self, _: &'a [GroupId], _: WatcherFault, _: u32) -> BoxFuture<'a, ()> {
        done(())
    }

    fn recover<'a>(&'a self, _: &'a [GroupId], _: WatcherFault) -> BoxFuture<'a, ()> {
        done(())
    }

    fn befallen(&self, groups: &[GroupId]) -> Befallen {
        self.0.befallen(groups)
    }

    fn count(&self, groups: &[GroupId]) -> u64 {
        self.0.count(groups)
    }
}

impl ServersHand for Idle<dyn ServersHand> {
    fn nodes(&self) -> Vec<NodeId> {
        self.0.nodes()
    }

    fn take(&self, _: NodeId, _: NodeMove) -> BoxFuture<'_, Result<(), String>> {
        done(Ok(()))
    }

    fn begin_trouble(&self, _: NodeId, _: u64, _: NodeTrouble) -> Result<(), String> {
        Ok(())
    }

    /// The node itself says how often it did what it was never told.
    fn end_trouble(&self, node: NodeId, number: u64) -> Result<TroubleCount, String> {
        self.0.end_trouble(node, number)
    }

    fn set_certificate(&self, _: NodeId, _: Option<CertificateTrouble>, _: bool) -> Result<(), String> {
        Ok(())
    }

    fn handshakes(&self, node: NodeId) -> Handshakes {
        self.0.handshakes(node)
    }

    fn shake_hands(&self, node: NodeId) -> BoxFuture<'_, Result<(), NoSession>> {
        self.0.shake_hands(node)
    }

    fn leader(&self) -> BoxFuture<'_, Result<NodeId, String>> {
        self.0.leader()
    }
}

/// Strangers who lift the receiver and never call: nobody answers them.
impl ControlPlane for Idle<dyn ControlPlane> {
    fn nodes(&self) -> Vec<NodeId> {
        self.0.nodes()
    }

    fn read(&self, _: NodeId, _: u64) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(pending())
    }

    fn publish(&self, _: NodeId, _: u64) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(pending())
    }

    fn login(&self, _: NodeId) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(pending())
    }

    fn stray(&self, _: StrayWrite, _: u64) -> BoxFuture<'_, StrayAnswer> {
        Box::pin(pending())
    }

    fn clean(&self) -> BoxFuture<'_, ()> {
        done(())
    }
}
