//! `rst_stream`: live HTTP/2 streams are reset at the onset, towards both ends, and their connections stay. Not a toxic of
//! Toxiproxy; on followed proxies. Its stream means nothing.

use serde::{Deserialize, Serialize};

/// A reset of streams.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RstStream {
    /// What the first message of such a stream has within its first bytes.
    pub(crate) first: Vec<u8>,
}
