//! Fuzzes the HTTP/2 codec: whatever a peer sends, and whatever its user does meanwhile, it must not panic, must say the
//! same however the bytes were split, must stay with its first error, and must send frames only, and not many.
//!
//! `ci/real.d/clients` builds and runs it for a minute; by hand, the flags are in there. An input is read as `script` says.

#![no_main]

mod play;
mod script;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| play::both_ways(data));
