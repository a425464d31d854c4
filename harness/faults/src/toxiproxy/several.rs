//! The APIs of several proxy servers as one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{ProxyApi, ProxyApiError, ProxyState, ToxicConfig, ToxiproxyClient};
use crate::proxies::ProxyAddress;

/// Proxies that are spread over servers: each call goes to the server of its proxy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ProxyApis {
    /// At least one, unless there are no proxies.
    clients: Arc<[ToxiproxyClient]>,
    /// Which of them has a proxy, by the proxy's name.
    homes: Arc<BTreeMap<String, usize>>,
}

impl ProxyApis {
    /// The servers at `apis`, at least one where there are proxies; a proxy's share says which has it.
    ///
    /// # Errors
    /// When a client cannot be set up; nothing is sent yet.
    pub fn new(apis: &[SocketAddr], proxies: &[ProxyAddress]) -> Result<Self, ProxyApiError> {
        let clients: Vec<_> = apis.iter().map(|api| ToxiproxyClient::new(*api)).collect::<Result<_, _>>()?;
        let homes = proxies.iter().map(|proxy| (proxy.name.clone(), usize::from(proxy.share))).collect();
        Ok(Self { clients: clients.into(), homes: Arc::new(homes) })
    }

    /// The servers, in the order of their shares.
    #[must_use]
    pub fn clients(&self) -> &[ToxiproxyClient] {
        &self.clients
    }

    /// The server that has a proxy. One that nobody knows is asked of at the first, which says so.
    fn home(&self, proxy: &str) -> &ToxiproxyClient {
        let home = self.homes.get(proxy).and_then(|home| self.clients.get(*home));
        home.unwrap_or(&self.clients[0])
    }
}

impl ProxyApi for ProxyApis {
    fn proxies(&self) -> BoxFuture<'_, Result<Vec<ProxyState>, ProxyApiError>> {
        Box::pin(async {
            let mut all = Vec::new();
            for client in self.clients.iter() {
                all.extend(client.proxies().await?);
            }
            Ok(all)
        })
    }

    fn set_enabled<'a>(&'a self, proxy: &'a str, enabled: bool) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        ProxyApi::set_enabled(self.home(proxy), proxy, enabled)
    }

    fn add_toxic<'a>(
        &'a self,
        proxy: &'a str,
        toxic: &'a ToxicConfig,
    ) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        ProxyApi::add_toxic(self.home(proxy), proxy, toxic)
    }

    fn remove_toxic<'a>(
        &'a self,
        proxy: &'a str,
        toxic: &'a str,
    ) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        ProxyApi::remove_toxic(self.home(proxy), proxy, toxic)
    }
}
