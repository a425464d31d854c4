//! The one integration binary: the `shakedown` command as a user runs it, with cargo and loopback only.

#![expect(clippy::unwrap_used, reason = "all of this is tests, helpers included")]

mod around;
mod attach;
mod commands;
mod drivers;
mod fidelity;
mod floor;
mod nodes;
mod old_runs;
mod on_the_way;
mod run;
mod selftest;
mod servers;
mod support;
mod tls;
mod ways_out;
mod workers;
