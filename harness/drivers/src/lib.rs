//! Real SDKs as watchers: the drivers that come with the harness, and how any driver is built, started and spoken to.
//!
//! A driver is a program that holds real clients and speaks the driver protocol on its standard streams
//! (`docs/driver-protocol.md`). This crate knows the protocol and the processes; it knows no plan and no history: what
//! an event of a driver means is `shakedown-load`'s to say. Start at [`Catalogue`] and [`DriverProcess`].

pub mod protocol;

mod build;
mod catalogue;
mod clock;
mod launch;
mod process;
mod sources;
mod toolchain;

pub use build::{BuildError, Cache};
pub use catalogue::{Catalogue, Driver, SdkPin};
pub use clock::{ClockPair, monotonic_ns};
pub use launch::{Launch, ProcessGuard};
pub use process::{DriverError, DriverProcess, Incoming, Place, Stopped};
pub use toolchain::{Found, Missing, Toolchain};
