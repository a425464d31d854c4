//! Faults of the control plane: strangers who call it beside the mutator, one file per fault.
//!
//! What a call is, is the engine's ([`ControlPlane`]); how many callers there are, what each does next and what it came
//! to, is decided here.

mod figures;
mod overload;
mod stray;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use shakedown_model::NodeId;
use shakedown_model::fault::{ControlFault, StrayWrite};

use crate::fault::Fault;

/// The control plane, as far as strangers call it; the engine implements it.
pub trait ControlPlane: Send + Sync + 'static {
    /// The nodes that are called.
    fn nodes(&self) -> Vec<NodeId>;
    /// Reads an item of the run.
    fn read(&self, node: NodeId, nth: u64) -> BoxFuture<'_, Result<(), String>>;
    /// Publishes an item of the strangers' own.
    fn publish(&self, node: NodeId, nth: u64) -> BoxFuture<'_, Result<(), String>>;
    /// Logs in.
    fn login(&self, node: NodeId) -> BoxFuture<'_, Result<(), String>>;
    /// Writes what must not reach any watcher.
    fn stray(&self, what: StrayWrite, nth: u64) -> BoxFuture<'_, StrayAnswer>;
    /// Removes what strangers left.
    fn clean(&self) -> BoxFuture<'_, ()>;
}

/// What a stray write came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StrayAnswer {
    /// It was stored.
    Stored,
    /// It was refused.
    Refused,
    /// Nobody knows, and why.
    Unclear(String),
}

/// What the plan's fault does to the control plane.
pub(crate) fn fault_of(control: &Arc<dyn ControlPlane>, fault: ControlFault) -> Box<dyn Fault> {
    let control = Arc::clone(control);
    match fault {
        ControlFault::Overload(load) => Box::new(overload::Load::new(control, load)),
        ControlFault::StrayWrites { what, every } => Box::new(stray::Stray::new(control, what, every)),
    }
}

/// What callers share is counts: they are as good as they were where a caller panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
