//! A fault-injecting TCP proxy with Toxiproxy 2.12's HTTP API and all its toxics.
//!
//! It owns sockets, delays, holds and resets; it knows nothing of Nacos, scenarios or runs. Start at [`ProxyServer`].
//! From the API down: `api` (HTTP) → `registry` (which proxies exist) → `shard` (threads that move bytes) →
//! `toxics` (one file each; `toxics::chain` is what those of one direction make of its bytes, without sockets), `follow`
//! (HTTP as it passes, for toxics that act on it) and `queue` (what waits until it is due). Linux only (timerfd).
//!
//! A client of Toxiproxy finds its API: endpoints, fields, status codes and refusals; only what follows `bad request
//! body: ` has other words. `harness/probes/toxiproxy-conformance` holds it to that, beside the real server. What differs
//! from Toxiproxy, on purpose:
//! - A toxic acts on live connections at once, idle or not, and the answer to a change comes when it holds on all of
//!   them. A reset is a RST. A reached limit closes idle connections, too.
//! - Half-close is carried, an end is delayed like bytes, an unreachable upstream resets the client.
//! - Toxicity is drawn once per connection and toxic, from the seed, and kept over updates; removing a `timeout` closes
//!   the connections that it touched and no others. All draws come from the seed.
//! - A delay may be `uniform`, `normal` or `pareto` (attribute `distribution` of `latency`), and is finer than 1 ms.
//! - A changed `bandwidth` or `latency` counts for what waits: it may become due earlier, never later. A `slicer`
//!   without a size cuts nothing.
//! - Bytes count in `/metrics` as they pass; the page is always there and tells nothing of Go. A series ends with its
//!   proxy.
//! - Negative numbers, a toxicity outside 0 to 1 and ports by name are refused; a name with a slash can be reached; there
//!   is no `Logger` in the answers.
//!
//! What the API has beside Toxiproxy's: a proxy's `source` (the address that its upstream connections come from; each
//! has some 28,000 ports), `GET /shakedown/stats`, and toxics of its own: `blackhole` and `silence` with their attribute
//! `heal` (`reset` or `release`), `half_open`, `refuse`, and `flap` with `down` and `up` in milliseconds. On a proxy that
//! is created with `follow`, HTTP is followed from each connection's first byte, and toxics may act on requests, frames and
//! messages: `answers`, `go_away`, `rst_stream`, `stalled_window`, `swallowed`; each tells how often it `acted`, and `of`
//! how many. `reset_peer` counts its `timeout` from the connection's begin or the toxic's, whichever is
//! later; the stream does not matter, since both sockets are reset.
//!
//! What it costs, and what Toxiproxy costs beside it, is measured by the example `echo_bench`: added latency, memory,
//! how fast toxics hold. Per echo and direction a shard makes one `epoll_wait`, one `recv` and one `send`. What it does
//! for thousands of connections at once (a reset, a close, a ramp) leaves turns to the others: while 2,000 connections
//! are reset, the slowest echo through another proxy of the shard takes some 5 ms instead of 75, and the answer comes
//! some 65 to 95 ms after the call instead of 57 (two busy cores). What is left of the tail there is the wait for a core.

mod api;
mod clock;
mod follow;
mod json;
mod metrics;
mod queue;
mod registry;
mod server;
mod shard;
mod stats;
mod tap;
mod toxics;

pub use server::{ProxyConfig, ProxyServer, RunningProxyServer, StartError};
pub use stats::{ProxyStats, Stats};
pub use tap::{Ender, LOOK_AT_HELD, Seen, Sight, Tap};

/// The version of Toxiproxy whose API is answered, as `GET /version` tells it.
pub const TOXIPROXY_VERSION: &str = "2.12.0";
