//! Every other push to a connection is not sent, and counts as acked: the server does not try it again.
//!
//! Breaks: converges, where the client does not list again in time; else how late a change comes.

use std::collections::BTreeMap;

use super::{EveryNth, Seams};
use crate::core::ConnectionId;

const PERIOD: u64 = 2;

#[derive(Debug, Default)]
pub(super) struct DropPush {
    pushes: BTreeMap<ConnectionId, EveryNth>,
}

impl Seams for DropPush {
    fn tells(&mut self, connection: ConnectionId) -> bool {
        !self.pushes.entry(connection).or_default().is_hit(PERIOD)
    }
}
