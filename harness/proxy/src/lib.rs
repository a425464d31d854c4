//! A fault-injecting TCP proxy with a part of Toxiproxy 2.12's HTTP API.
//!
//! It owns sockets, delays, holds and resets; it knows nothing of Nacos, scenarios or runs. Start at [`ProxyServer`].
//! From the API down: `api` (HTTP) → `registry` (which proxies exist) → `shard` (threads that move bytes) →
//! `queue` (when bytes are due; no sockets) and `toxics` (one file each).
//!
//! What differs from Toxiproxy, on purpose: a toxic acts on live connections at once, the answer to a change comes
//! when it holds on all of them, a reset is a RST, every chunk is delayed from its own arrival, half-close is carried,
//! a connection's toxicity draw is kept over updates, draws come from the seed, an unreachable upstream resets the
//! client. Toxics so far: `latency`, `reset_peer` and our own `blackhole`. Linux only (timerfd).
//!
//! What the API has beside Toxiproxy's: a proxy's `source` (the address that its upstream connections come from; each
//! has some 28,000 ports), the toxic `blackhole` with its attribute `heal` (`reset` or `release`), and
//! `GET /shakedown/stats`. `reset_peer` counts its `timeout` from the connection's begin or the toxic's, whichever is
//! later; it touches connections that idle, and the stream does not matter, since both sockets are reset.
//!
//! What it costs, and what Toxiproxy costs beside it, is measured by the example `echo_bench`: added latency, memory,
//! how fast toxics hold. Per echo and direction a shard makes one `epoll_wait`, one `recv` and one `send`. What it does
//! for thousands of connections at once (a reset, a close, a ramp) leaves turns to the others: while 2,000 connections
//! are reset, the slowest echo through another proxy of the shard takes some 5 ms instead of 75, and the answer comes
//! some 65 to 95 ms after the call instead of 57 (two busy cores). What is left of the tail there is the wait for a core.

mod api;
mod clock;
mod json;
mod metrics;
mod queue;
mod registry;
mod server;
mod shard;
mod stats;
mod toxics;

pub use server::{ProxyConfig, ProxyServer, RunningProxyServer, StartError};
pub use stats::{ProxyStats, Stats};

/// The version of Toxiproxy whose API is answered, as `GET /version` tells it.
pub const TOXIPROXY_VERSION: &str = "2.12.0";
