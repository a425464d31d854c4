//! The servers and proxies of a run: start, readiness, ports, stop.
//!
//! [`Servers`] are the nodes under test, [`Proxies`] the proxy service in front of them; both are embedded,
//! processes of this machine, or containers. [`Containers`] are what a run has on a container engine. A [`Guard`] ends
//! all of it when the harness is killed. This crate knows no
//! watchers, no faults and no measures.

mod containers;
mod guard;
mod names;
mod parts;
mod ports;
mod process;
mod proxies;
mod servers;
mod tls;

pub use containers::{
    ContainerError, Containers, LiveUsage, Orphan, Orphans, Progress, Sweep, Usage, orphans, sweep,
};
pub use guard::{Guard, GuardError, guard_main};
pub use parts::{Part, PartConnections, PartPlace};
pub use ports::{PortError, Ports};
pub use process::ProcessError;
pub use proxies::{Proxies, ProxiesError, ProxyHost};
pub use servers::{NodeAddress, NodeTls, ServerPlace, Servers, ServersControl, ServersError};
pub use shakedown_proxy::{Ender, Seen, Sight, Tap};
pub use tls::{FrontCount, FrontError, TlsFront};
