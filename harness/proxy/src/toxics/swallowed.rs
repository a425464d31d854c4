//! `swallowed`: messages of gRPC that clients send do not reach the upstream. Not a toxic of Toxiproxy; on followed
//! proxies. Each message that comes whole in a DATA frame is looked at. Its stream means nothing.

use serde::{Deserialize, Serialize};

/// Messages that are swallowed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Swallowed {
    /// Those that have one of these within their first bytes.
    pub(crate) messages: Vec<Vec<u8>>,
    /// The share of them, in parts per million.
    pub(crate) share_ppm: u32,
}
