//! `silence`: new connections are accepted, and nothing more is ever heard of them. Not a toxic of Toxiproxy.
//!
//! Connections that were alive before go on. A new one is held in both directions from its first byte, and the upstream
//! does not hear of it: so a hung accept queue or a frozen server process looks from outside. Its stream means nothing.

use serde::{Deserialize, Serialize};

use super::Heal;

/// Silence towards connections that begin while it is in force. Changing it heals what it held so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Silence {
    /// What its removal does to the connections that it held.
    pub(crate) heal: Heal,
}
