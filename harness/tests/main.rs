//! The one integration binary: the `shakedown` command as a user runs it, with cargo and loopback only.

mod commands;
mod defects;
mod run;
mod support;
mod ways_out;
