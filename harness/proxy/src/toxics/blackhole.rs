//! `blackhole`: bytes are held, by reading and delivering none, while TCP still answers. Not a toxic of Toxiproxy.
//!
//! New connections are accepted and held; held towards the upstream, the upstream does not hear of them. Ends and
//! resets are held like bytes. Nothing is ever dropped: healing releases what was held, or resets the connection.

use serde::{Deserialize, Serialize};

/// What healing does to the connections that were held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Heal {
    /// They are reset.
    #[default]
    Reset,
    /// What was held passes, in order.
    Release,
}

/// A hold of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Blackhole {
    /// What its removal does.
    pub(crate) heal: Heal,
}
