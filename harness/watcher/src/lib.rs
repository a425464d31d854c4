//! The watcher's state machine: connect, subscribe, hold, fetch, verify, back off, fail over.
//!
//! This crate decides; it never does. It opens no socket, reads no clock, draws no randomness of its own and knows no
//! runtime: time, answers and seeds go in through [`Watcher::step`], [`Action`]s come out. The same machine runs over
//! sockets (`shakedown-load`), in tests and in virtual time. It knows what a Nacos client asks and in which order, but
//! not how that looks on the wire. Start at [`Watcher`]; [`Input`] and [`Action`] are the whole border.

mod action;
mod bucket;
mod item;
mod items;
mod limiter;
mod link;
mod machine;
mod pacer;
mod rules;
mod verify;

pub use action::{Action, Input, Refusal, Reply, Request};
pub use item::Held;
pub use machine::Watcher;
pub use rules::Rules;
pub use verify::{Unverified, Verified, verify};
