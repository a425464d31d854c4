//! The proxy driver: a typed client of Toxiproxy's HTTP API, which the embedded proxy answers too.
//!
//! It knows calls, not faults: what a fault does to a proxy is decided in `link`. Every call has a time-out, so a
//! dead API is an error and never a hang. Wire form: Toxiproxy 2.12 (README, "HTTP API"), tried against the binary.

mod error;
mod http;
mod several;
mod wire;

use futures_util::future::BoxFuture;

pub use error::ProxyApiError;
pub use http::ToxiproxyClient;
pub use several::ProxyApis;
pub use wire::{BlackholeHeal, Direction, ProxyConfig, ProxyState, ToxicConfig, ToxicKind, ToxicState};

/// The calls that faults need: the border at which tests put a proxy without sockets.
pub trait ProxyApi: Send + Sync + 'static {
    /// Every proxy with its toxics, by name.
    fn proxies(&self) -> BoxFuture<'_, Result<Vec<ProxyState>, ProxyApiError>>;
    /// Opens or closes a proxy; closing ends its connections.
    fn set_enabled<'a>(&'a self, proxy: &'a str, enabled: bool) -> BoxFuture<'a, Result<(), ProxyApiError>>;
    /// Adds a toxic.
    fn add_toxic<'a>(
        &'a self,
        proxy: &'a str,
        toxic: &'a ToxicConfig,
    ) -> BoxFuture<'a, Result<(), ProxyApiError>>;
    /// Removes a toxic by its name.
    fn remove_toxic<'a>(&'a self, proxy: &'a str, toxic: &'a str)
    -> BoxFuture<'a, Result<(), ProxyApiError>>;
}
