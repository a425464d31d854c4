//! `stalled_window`: no DATA comes down on HTTP/2 connections that live at the onset, as when their flow-control window is
//! used up; PING and SETTINGS pass. Not a toxic of Toxiproxy; on followed proxies. Its stream means nothing.
//!
//! What was held comes when the toxic goes, in order.

use serde::{Deserialize, Serialize};

/// A hold of DATA on connections that have a live stream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StalledWindow {
    /// What the first message of that stream has within its first bytes.
    pub(crate) first: Vec<u8>,
}
