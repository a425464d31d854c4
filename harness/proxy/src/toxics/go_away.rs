//! `go_away`: the upstream seems to say GOAWAY on HTTP/2 connections that live at the onset. Not a toxic of Toxiproxy; on
//! followed proxies. No new streams are wanted, those under way go on. Its stream means nothing.

use serde::{Deserialize, Serialize};

/// A goodbye on connections that have a live stream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct GoAway {
    /// What the first message of that stream has within its first bytes.
    pub(crate) first: Vec<u8>,
}
