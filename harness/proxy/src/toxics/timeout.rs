//! `timeout`: bytes are dropped, and the connection is closed once none came for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire::whole;
use crate::clock::Moment;

/// A drop of this direction that ends with the connection: it is closed after `timeout` milliseconds without bytes, as
/// in Toxiproxy, or when the toxic leaves it, since bytes are missing by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Timeout {
    /// Milliseconds from the last dropped bytes, the begin of the connection or the last change of the toxic; 0 is never.
    #[serde(deserialize_with = "whole")]
    pub(crate) timeout: u64,
}

impl Timeout {
    /// When a connection is closed that was `active` last.
    pub(super) fn closes_at(self, active: Moment) -> Moment {
        if self.timeout == 0 { Moment::NEVER } else { active + Duration::from_millis(self.timeout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_never() {
        assert_eq!(Timeout::default().closes_at(Moment(1)), Moment::NEVER);
        assert_eq!(Timeout { timeout: 2 }.closes_at(Moment(1)), Moment(2_000_001));
        assert_eq!(Timeout { timeout: u64::MAX }.closes_at(Moment(1)), Moment::NEVER);
    }
}
