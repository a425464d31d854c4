//! What a fault is to the nemesis: something that is applied and healed, with a target and an expectation.
//!
//! Adding a fault takes one file that says what it does (`link/…`, `server/…` or `fault/crash.rs`) and one arm in
//! `link::plan_of` or `server::fault_of`; the nemesis and the canary stay as they are.

mod ailing;
mod applied;
mod crash;
mod error;
mod invalid;
mod toothless;

use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
use shakedown_model::fault::{Befallen, Bite, FaultAction, FaultDefect, FaultPlan, WatcherFault};
use shakedown_model::plan::ProxyKind;
use shakedown_model::{FaultId, GroupId, NodeId};

use crate::canary::Expectation;
use crate::control::{self, ControlPlane};
use crate::link::{self, LinkFault, OnPath};
use crate::proxies::ProxyAddress;
use crate::server::{self, ServersHand};
use crate::toxiproxy::ProxyApi;

pub use applied::WindowSink;
pub(crate) use applied::{AppliedFault, WindowRecord};
pub use error::FaultError;
pub(crate) use error::in_words;

/// The watchers, as far as faults act on them; the engine implements it.
pub trait Watchers: Send + Sync + 'static {
    /// Crashes every watcher of these groups: memory is lost, the cache on disk is kept.
    fn crash<'a>(&'a self, groups: &'a [GroupId]) -> BoxFuture<'a, ()>;
    /// Starts the crashed watchers of these groups again.
    fn cold_start<'a>(&'a self, groups: &'a [GroupId]) -> BoxFuture<'a, ()>;
    /// Lets something befall a share of the watchers of these groups, in parts per million.
    fn suffer<'a>(&'a self, groups: &'a [GroupId], fault: WatcherFault, share_ppm: u32) -> BoxFuture<'a, ()>;
    /// No longer.
    fn recover<'a>(&'a self, groups: &'a [GroupId], fault: WatcherFault) -> BoxFuture<'a, ()>;
    /// How often something has befallen the watchers of these groups so far.
    fn befallen(&self, groups: &[GroupId]) -> Befallen;
    /// How many watchers these groups have.
    fn count(&self, groups: &[GroupId]) -> u64;
}

/// The run's own mutator, as far as faults look at it; the engine implements it.
pub trait Mutator: Send + Sync + 'static {
    /// How many versions that no application can use it has stored so far.
    fn invalid_stored(&self) -> u64;
}

/// Something that can be brought about and undone.
pub(crate) trait Fault: Send + Sync {
    /// Looks for what the fault needs to know, a little before its onset.
    fn prepare(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
    /// Brings the fault about; returns once it is in force everywhere.
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>>;
    /// What it goes on to do while it is in force; it ends no sooner than this. Dropped when the run is stopped.
    fn go_on(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(ready(Ok(())))
    }
    /// Whether it bit, where it counted that itself; asked for after healing.
    fn seen(&self) -> BoxFuture<'_, Option<Bite>> {
        Box::pin(ready(None))
    }
    /// The nodes that it befell, for a fault of servers.
    fn befell(&self) -> Vec<NodeId> {
        Vec::new()
    }
    /// Undoes it; harmless when it was applied in part or not at all.
    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>>;
}

/// Where faults act.
#[derive(Clone)]
pub struct Site {
    /// The proxy server's API.
    pub api: Arc<dyn ProxyApi>,
    /// Which proxy it is: the real one lacks a blackhole and a reset of idle connections.
    pub kind: ProxyKind,
    /// Every proxy of the run.
    pub proxies: Arc<[ProxyAddress]>,
    /// The watchers.
    pub watchers: Arc<dyn Watchers>,
    /// The servers.
    pub servers: Arc<dyn ServersHand>,
    /// Their control plane.
    pub control: Arc<dyn ControlPlane>,
    /// The run's own mutator.
    pub mutator: Arc<dyn Mutator>,
}

/// A fault of the plan, ready to be applied.
pub(crate) struct PreparedFault {
    pub(crate) id: FaultId,
    pub(crate) plan: FaultPlan,
    pub(crate) fault: Box<dyn Fault>,
    /// The proxies that it acts on; none for faults of watchers and of servers.
    pub(crate) targets: Vec<ProxyAddress>,
    pub(crate) expectation: Expectation,
}

/// The start of the names of all toxics that faults add; those of links begin otherwise.
pub(crate) const TOXIC_PREFIX: &str = "fault-";

/// Resolves a fault of the plan to what it does at `site`.
///
/// # Errors
/// When the fault has nothing to act on or asks for what the proxy cannot do.
pub(crate) fn prepare(site: &Site, id: FaultId, plan: &FaultPlan) -> Result<PreparedFault, FaultError> {
    let site = &match plan.defect {
        None => site.clone(),
        Some(FaultDefect::Toothless) => toothless::site(site),
    };
    if let FaultAction::Server { fault } = plan.action {
        return Ok(PreparedFault {
            id,
            plan: plan.clone(),
            fault: server::fault_of(&site.servers, (id, fault), plan),
            targets: Vec::new(),
            expectation: Expectation::Nothing("the nodes themselves are asked for their service"),
        });
    }
    if let FaultAction::Control { fault } = plan.action {
        return Ok(PreparedFault {
            id,
            plan: plan.clone(),
            fault: control::fault_of(&site.control, fault),
            targets: Vec::new(),
            expectation: Expectation::Nothing("whoever calls counts the answers"),
        });
    }
    if let FaultAction::InvalidContent { .. } = plan.action {
        return Ok(PreparedFault {
            id,
            plan: plan.clone(),
            fault: Box::new(invalid::InvalidContent::new(site, plan.groups.clone())),
            targets: Vec::new(),
            expectation: Expectation::Nothing("what is stored and what reaches applications is counted"),
        });
    }
    let prefix = format!("{TOXIC_PREFIX}{id}");
    let Some((recipe, expectation)) = link::plan_of(&prefix, site.kind, plan)? else {
        let (watchers, groups) = (Arc::clone(&site.watchers), plan.groups.clone());
        let fault: Box<dyn Fault> = match plan.action {
            FaultAction::Watcher { fault: WatcherFault::SpoiledCache { cache }, .. } => {
                Box::new(crash::Crash::new(watchers, groups, Some(cache)))
            }
            FaultAction::Watcher { fault, share_ppm } => {
                Box::new(ailing::Ailing::new(watchers, groups, (fault, share_ppm)))
            }
            _ => Box::new(crash::Crash::new(watchers, groups, None)),
        };
        return Ok(PreparedFault {
            id,
            plan: plan.clone(),
            fault,
            targets: Vec::new(),
            expectation: Expectation::Nothing("the watchers themselves count what befalls them"),
        });
    };
    let targets = targets(site, plan);
    if targets.is_empty() {
        return Err(FaultError::NoProxies { fault: plan.name.clone() });
    }
    let names = targets.iter().map(|proxy| proxy.name.clone()).collect();
    let fault = LinkFault { api: Arc::clone(&site.api), proxies: names, recipe };
    let fault: Box<dyn Fault> = match plan.action {
        FaultAction::Path { trouble } => Box::new(OnPath::new(fault, trouble, targets.clone())),
        _ => Box::new(fault),
    };
    Ok(PreparedFault { id, plan: plan.clone(), fault, targets, expectation })
}

fn targets(site: &Site, plan: &FaultPlan) -> Vec<ProxyAddress> {
    let concerns = |proxy: &ProxyAddress| match plan.action {
        FaultAction::Path { trouble } => link::concerns(trouble, proxy),
        _ => true,
    };
    let touched = site.proxies.iter().filter(|proxy| plan.touches(proxy.group, proxy.node));
    touched.filter(|proxy| concerns(proxy)).cloned().collect()
}
