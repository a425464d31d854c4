//! `noop`: a toxic that does nothing, as Toxiproxy has one.

use serde::{Deserialize, Serialize};

/// Nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Noop {}
