//! `reset_peer`: connections are reset, live ones and new ones.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire::whole;
use crate::clock::Moment;

/// A reset of both sockets `timeout` milliseconds after the connection began or the toxic came, whichever is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ResetPeer {
    /// Milliseconds until the reset; 0 is at once.
    #[serde(deserialize_with = "whole")]
    pub(crate) timeout: u64,
}

impl ResetPeer {
    /// When a connection that began at `began` is reset under a toxic in force since `since`.
    pub(crate) fn at(self, began: Moment, since: Moment) -> Moment {
        began.max(since) + Duration::from_millis(self.timeout)
    }
}
