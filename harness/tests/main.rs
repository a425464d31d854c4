//! The one integration binary: the `shakedown` command as a user runs it, with cargo and loopback only.

#![expect(clippy::unwrap_used, reason = "all of this is tests, helpers included")]

mod around;
mod commands;
mod defects;
mod nodes;
mod old_runs;
mod run;
mod support;
mod ways_out;
