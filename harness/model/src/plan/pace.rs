//! How a client holds its own requests back, so that a storm of changes is not answered by a storm of requests.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The pace of one client; unless something is said, it asks as soon as there is something to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pace {
    /// How many contents it fetches at once, and how fast after that.
    pub bucket: Option<TokenBucket>,
    /// After the first signal of a change it waits for a while before it asks for anything, drawn evenly from zero to this.
    pub stagger: Option<Duration>,
    /// When it asks for nothing any more for a while.
    pub read_only: Option<ReadOnly>,
}

/// A token bucket, full at the start: a fetch takes a token, and waits for one where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBucket {
    /// How many tokens it holds, above zero.
    pub capacity: u32,
    /// The time from one new token to the next.
    pub refill: Duration,
}

/// After requests that were not answered in time, the client lives on what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOnly {
    /// After so many in a row, above zero.
    pub after: u8,
    /// For so long.
    pub pause: Duration,
}
