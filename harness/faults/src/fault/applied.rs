//! A fault's window as it happens: every instant is recorded with the step that it belongs to.

use std::sync::Arc;

use shakedown_model::FaultId;
use shakedown_model::fault::{Bite, FaultWindow, NodeService};
use shakedown_record::Clock;

use super::{Fault, FaultError, in_words};

/// Called with a fault's window whenever it changes. It must not block: faults wait for it.
pub type WindowSink = Arc<dyn Fn(&FaultWindow) + Send + Sync>;

/// Applies and heals one fault and keeps its window.
pub(crate) struct WindowRecord {
    clock: Clock,
    sink: WindowSink,
    window: FaultWindow,
}

/// A fault in force; it must be healed through [`AppliedFault::heal`].
#[must_use = "a fault stays in force until it is healed"]
pub(crate) struct AppliedFault<'a> {
    fault: &'a dyn Fault,
}

impl WindowRecord {
    pub(crate) fn new(clock: Clock, sink: WindowSink, fault: FaultId) -> Self {
        let window = FaultWindow {
            fault,
            applying: clock.now(),
            applied: None,
            healing: None,
            healed: None,
            bite: Bite::NotMeasured("the fault was never applied".into()),
            trouble: None,
            service: Vec::new(),
        };
        Self { clock, sink, window }
    }

    /// Applies the fault. On an error what was applied in part is healed before this returns.
    pub(crate) async fn apply<'a>(&mut self, fault: &'a dyn Fault) -> Result<AppliedFault<'a>, FaultError> {
        self.window.applying = self.clock.now();
        self.emit();
        let applied = AppliedFault { fault };
        match fault.apply().await {
            Ok(()) => {
                self.window.applied = Some(self.clock.now());
                self.window.bite = Bite::NotMeasured("not told yet".into());
                self.emit();
                Ok(applied)
            }
            Err(error) => {
                self.add_trouble(&format!("applying failed: {}", in_words(&error)));
                // Why healing failed is in the window too; the first error is the one to report.
                if applied.heal(self).await.is_err() {
                    tracing::warn!(fault = %self.window.fault, "a fault applied in part could not be healed");
                }
                Err(error)
            }
        }
    }

    pub(crate) fn set_bite(&mut self, bite: Bite) {
        self.window.bite = bite;
        self.emit();
    }

    /// What each node did not do because of it.
    pub(crate) fn set_service(&mut self, service: Vec<NodeService>, bite: Bite) {
        self.window.service = service;
        self.set_bite(bite);
    }

    pub(crate) fn add_trouble(&mut self, text: &str) {
        let trouble = self.window.trouble.get_or_insert_default();
        if !trouble.is_empty() {
            trouble.push_str("; ");
        }
        trouble.push_str(text);
    }

    pub(crate) fn window(&self) -> &FaultWindow {
        &self.window
    }

    pub(crate) fn emit(&self) {
        (self.sink)(&self.window);
    }
}

impl AppliedFault<'_> {
    /// Lets the fault do what it does while it is in force.
    pub(crate) async fn go_on(&self) -> Result<(), FaultError> {
        self.fault.go_on().await
    }

    /// Heals the fault; when this fails, `healed` stays open and the trouble is in the window.
    pub(crate) async fn heal(self, record: &mut WindowRecord) -> Result<(), FaultError> {
        record.window.healing = Some(record.clock.now());
        record.emit();
        let result = self.fault.heal().await;
        match &result {
            Ok(()) => record.window.healed = Some(record.clock.now()),
            Err(error) => record.add_trouble(&format!("healing failed: {}", in_words(error))),
        }
        record.emit();
        result
    }
}
