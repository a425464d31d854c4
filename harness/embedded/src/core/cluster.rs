//! One node among several: how it enters, and what makes it dump (nacos-facts.md §5.2).

use std::time::Duration;

use super::{Core, DumpTask};

impl Core {
    /// A node over the same database that starts now, with everything visible: nobody listens to it yet.
    #[must_use]
    pub fn fork(&self, started_at_ms: u64) -> Self {
        let mut core = Self::new(self.settings.clone(), self.generation, None, started_at_ms);
        core.needs_login = self.needs_login;
        core.database = self.database.clone();
        core.restored();
        core
    }

    /// Another node has written this and tells so: it is dumped at the next tick.
    pub fn told(&mut self, now: Duration, task: DumpTask) {
        self.dump.mark(now, task);
    }

    /// Looks for what is stored otherwise than it is visible, removals included, and dumps it at the next tick.
    pub fn scan_changes(&mut self, now: Duration) {
        for task in self.dump.stale(&self.database) {
            self.dump.mark(now, task);
        }
    }

    /// Dumps everything again at the next tick.
    pub fn dump_all(&mut self, now: Duration) {
        for task in self.database.everything() {
            self.dump.mark(now, task);
        }
    }

    /// How many TCP connections are open, of either protocol.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.connections.open_count()
    }
}
