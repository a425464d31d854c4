//! `half_open`: live connections lose their upstream, and their clients are not told. Not a toxic of Toxiproxy.
//!
//! RFC 9293 §3.5.1 calls a connection half-open when one end has gone without the other's knowledge, as after a crash:
//! the client hears nothing, and what it sends next is answered by a reset. Connections that begin later are served as
//! ever, and a half-open one stays so when the toxic goes. Its stream means nothing.

use serde::{Deserialize, Serialize};

/// The loss of the upstream of every connection that began before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct HalfOpen {}
