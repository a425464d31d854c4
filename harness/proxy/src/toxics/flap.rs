//! `flap`: the link goes down and comes back, over and over. Not a toxic of Toxiproxy.
//!
//! Down comes first: live connections are reset as each down begins, and a connection that begins within one is reset at
//! once. Every connection of the proxy keeps the same time, that of the toxic. Its stream means nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire::whole;
use crate::clock::Moment;

/// Down for `down` milliseconds, then up for `up` milliseconds. Never down when `down` is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Flap {
    /// Milliseconds of each down.
    #[serde(deserialize_with = "whole")]
    pub(crate) down: u64,
    /// Milliseconds of each up.
    #[serde(deserialize_with = "whole")]
    pub(crate) up: u64,
}

impl Flap {
    /// When a connection that began at `began` is reset under a toxic in force since `since`.
    pub(crate) fn at(self, began: Moment, since: Moment) -> Moment {
        if self.down == 0 {
            return Moment::NEVER;
        }
        let (down, up) = (Duration::from_millis(self.down), Duration::from_millis(self.up));
        let begins = began.max(since);
        let period = u64::try_from((down + up).as_nanos()).unwrap_or(u64::MAX);
        let into = begins.nanos_since(since) % period;
        if u128::from(into) < down.as_nanos() { begins } else { begins + Duration::from_nanos(period - into) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: Moment = Moment(5_000_000_000);
    const FLAP: Flap = Flap { down: 100, up: 400 };

    fn after(ms: u64) -> Moment {
        SINCE + Duration::from_millis(ms)
    }

    #[test]
    fn a_live_connection_is_reset_at_once_and_a_later_one_as_the_next_down_begins() {
        assert_eq!(FLAP.at(Moment::START, SINCE), SINCE);
        assert_eq!(FLAP.at(after(99), SINCE), after(99));
        assert_eq!(FLAP.at(after(100), SINCE), after(500));
        assert_eq!(FLAP.at(after(499), SINCE), after(500));
        assert_eq!(FLAP.at(after(599), SINCE), after(599));
    }

    #[test]
    fn without_down_nothing_is_reset_and_without_up_everything_is() {
        assert_eq!(Flap { down: 0, up: 10 }.at(after(3), SINCE), Moment::NEVER);
        assert_eq!(Flap { down: 10, up: 0 }.at(after(77), SINCE), after(77));
    }
}
