//! The first listening connection is never told of a change, and its re-lists are answered with "no change".
//! Breaks: converges.
//!
//! The first list of each key is honest, or the watcher would never fetch anything to be wrong about. The defect
//! lies on the connection: a watcher that reconnects is remembered again.

use std::collections::BTreeSet;

use shakedown_nacos::ConfigKey;

use super::Seams;
use crate::core::ConnectionId;

#[derive(Debug, Default)]
pub(super) struct ForgetWatcher {
    forgotten: Option<ConnectionId>,
    listed: BTreeSet<ConfigKey>,
}

impl Seams for ForgetWatcher {
    fn tells(&mut self, connection: ConnectionId) -> bool {
        self.forgotten != Some(connection)
    }

    fn compares(&mut self, connection: ConnectionId, key: &ConfigKey) -> bool {
        *self.forgotten.get_or_insert(connection) != connection || self.listed.insert(key.clone())
    }
}
