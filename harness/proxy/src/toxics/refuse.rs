//! `refuse`: the proxy does not listen, so connections are refused; live ones go on. Not a toxic of Toxiproxy.
//!
//! Disabling a proxy ends its live connections too; this does not. It acts on the listener, so a toxicity above zero is
//! as good as one, and its stream means nothing.

use serde::{Deserialize, Serialize};

/// The refusal of new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Refuse {}
