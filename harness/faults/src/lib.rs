//! Faults: the proxy driver, the nemesis that applies and heals, the canary that measures whether a fault bit.
//!
//! The [`nemesis`] is the only caller of faults and the [`toxiproxy`] driver the only way to a proxy, embedded or
//! real. This crate starts no server, no proxy and no watcher: it is handed addresses ([`proxies`]), a way to probe
//! through them ([`canary::Probe`]), a way to crash watchers ([`fault::Watchers`]), and for faults of servers a way to
//! move nodes ([`server::ServersHand`]) and to ask them straight ([`server::service::ServiceProbe`]). Start at
//! [`nemesis`].

mod calls;
pub mod canary;
pub mod control;
pub mod fault;
mod link;
pub mod nemesis;
pub mod proxies;
pub mod server;
pub mod toxiproxy;

#[cfg(test)]
mod testing;
