//! Nacos' config protocol on the wire: HTTP v1 and v3 and gRPC, for clients and for servers.
//!
//! This crate owns encodings ([`http`] and [`grpc`]), one client connection of each kind, each driven by a single
//! task, and the control plane's client ([`admin`]). It knows nothing of load, faults, backoff or histories: it never
//! reconnects, never retries and draws no randomness. Facts about the wire are those of Nacos 2.5 unless said
//! otherwise; "facts" in the docs below means the project's notes on them (nacos-facts.md), by section.

pub mod admin;
mod exposition;
pub mod grpc;
pub mod http;
mod key;
mod socket;
pub mod tls;

pub use key::ConfigKey;
/// The MD5 of content as Nacos computes it: 32 lower-case hex digits over UTF-8 (facts §1.5).
pub use shakedown_model::payload::md5_hex;
pub use socket::{ConnectError, End, EndCause, Peer, connect_tcp};
