//! Fault windows as they happen: into the run directory, and to the observer.

use std::sync::{Arc, Mutex, PoisonError};

use shakedown_faults::fault::WindowSink;
use shakedown_model::FaultId;
use shakedown_model::fault::FaultWindow;
use shakedown_record::RunDir;

use crate::observer::{Observer, RunEvent};

/// Takes fault windows as they happen.
pub(super) struct FaultLog {
    dir: RunDir,
    observer: Arc<dyn Observer>,
    state: Mutex<FaultState>,
}

#[derive(Default)]
struct FaultState {
    in_force: Vec<FaultId>,
    trouble: Option<String>,
}

impl FaultLog {
    pub(super) fn new(dir: RunDir, observer: Arc<dyn Observer>) -> Self {
        Self { dir, observer, state: Mutex::default() }
    }

    pub(super) fn sink(self: &Arc<Self>) -> WindowSink {
        let log = Arc::clone(self);
        Arc::new(move |window: &FaultWindow| log.take(window))
    }

    /// The fault that came into force last and still is.
    pub(super) fn in_force(&self) -> Option<FaultId> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).in_force.last().copied()
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trouble.take()
    }

    fn take(&self, window: &FaultWindow) {
        let written = self.dir.append_fault(window);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = written {
            state.trouble.get_or_insert(error.to_string());
        }
        let was_in_force = state.in_force.contains(&window.fault);
        let is_in_force = window.applied.is_some() && window.healed.is_none();
        if is_in_force && !was_in_force {
            state.in_force.push(window.fault);
            self.observer.on(&RunEvent::FaultApplied(window.clone()));
        } else if was_in_force && !is_in_force {
            state.in_force.retain(|fault| *fault != window.fault);
            self.observer.on(&RunEvent::FaultHealed(window.clone()));
        } else if window.applied.is_none() && window.trouble.is_some() {
            self.observer.on(&RunEvent::FaultApplied(window.clone()));
        }
    }
}
