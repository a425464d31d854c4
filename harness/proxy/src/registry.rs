//! Which proxies exist: the control plane behind the API, which tells the shards what to do.
//!
//! It follows Toxiproxy 2.12 (`proxy.go`, `proxy_collection.go`), its oddities included: an update that changes an
//! address closes the proxy's connections, `populate` leaves a proxy of the same addresses as it is, disabled or not.

mod error;
mod listen;
mod proxy;

use std::collections::BTreeMap;
use std::sync::Arc;

use shakedown_model::Seed;
use tokio::sync::oneshot;

pub(crate) use error::RegistryError;
pub(crate) use listen::bind;
pub(crate) use proxy::{NewProxy, ProxyUpdate, ProxyView, parse_source};

use crate::clock::Moment;
use crate::shard::{Command, ShardSender};
use crate::stats::StatsBook;
use crate::toxics::{ToxicError, ToxicSet};
use proxy::Proxy;

/// All proxies of a server.
pub(crate) struct Registry {
    proxies: BTreeMap<String, Proxy>,
    plane: Plane,
    seed: Seed,
    stats: Arc<StatsBook>,
}

/// The data plane as the registry sees it.
pub(crate) struct Plane {
    shards: Vec<ShardSender>,
    next_link: u64,
}

impl Plane {
    async fn tell(&self, shard: usize, command: Command) -> Result<(), RegistryError> {
        self.shards[shard].send(command).await.map_err(|_| RegistryError::PlaneFailed)
    }

    /// Tells every shard and waits until each has answered.
    async fn tell_all(&self, command: impl Fn(oneshot::Sender<()>) -> Command) -> Result<(), RegistryError> {
        let mut answers = Vec::with_capacity(self.shards.len());
        for shard in 0..self.shards.len() {
            let (done, answer) = oneshot::channel();
            self.tell(shard, command(done)).await?;
            answers.push(answer);
        }
        for answer in answers {
            answer.await.map_err(|_| RegistryError::PlaneFailed)?;
        }
        Ok(())
    }
}

impl Registry {
    pub(crate) fn new(shards: Vec<ShardSender>, seed: Seed, stats: Arc<StatsBook>) -> Self {
        Self { proxies: BTreeMap::new(), plane: Plane { shards, next_link: 0 }, seed, stats }
    }

    /// Every proxy by name.
    pub(crate) fn views(&self) -> BTreeMap<&str, ProxyView<'_>> {
        self.proxies.iter().map(|(name, proxy)| (name.as_str(), proxy.view())).collect()
    }

    /// One proxy.
    pub(crate) fn view(&self, name: &str) -> Result<ProxyView<'_>, RegistryError> {
        Ok(self.proxy(name)?.view())
    }

    /// The toxics of one proxy.
    pub(crate) fn toxics(&self, name: &str) -> Result<&ToxicSet, RegistryError> {
        Ok(self.proxy(name)?.toxics())
    }

    /// Creates a proxy, and starts it if it is enabled.
    pub(crate) async fn create(&mut self, new: NewProxy) -> Result<ProxyView<'_>, RegistryError> {
        if self.proxies.contains_key(&new.name) {
            return Err(RegistryError::Exists);
        }
        self.insert(new).await
    }

    /// Creates a proxy, or replaces one of the same name and other addresses; one of the same addresses stays.
    pub(crate) async fn create_or_replace(&mut self, new: NewProxy) -> Result<ProxyView<'_>, RegistryError> {
        if let Some(existing) = self.proxies.get_mut(&new.name) {
            let stays = existing.follows() == new.follow;
            if stays && !existing.differs(&new.listen, &new.upstream, new.source).await? {
                return self.view(&new.name);
            }
            existing.stop(&self.plane).await?;
        }
        self.insert(new).await
    }

    async fn insert(&mut self, new: NewProxy) -> Result<ProxyView<'_>, RegistryError> {
        let name = new.name.clone();
        let is_enabled = new.enabled;
        let mut proxy = Proxy::new(new, self.seed, self.stats.add(&name));
        if is_enabled && let Err(error) = proxy.start(&mut self.plane).await {
            self.stats.remove(&name);
            return Err(error);
        }
        self.proxies.insert(name.clone(), proxy);
        self.view(&name)
    }

    /// Changes a proxy's addresses, or opens or closes it.
    pub(crate) async fn update(
        &mut self,
        name: &str,
        update: ProxyUpdate,
    ) -> Result<ProxyView<'_>, RegistryError> {
        let proxy = self.proxies.get_mut(name).ok_or(RegistryError::NotFound)?;
        proxy.update(update, &mut self.plane).await?;
        Ok(proxy.view())
    }

    /// Closes and forgets a proxy.
    pub(crate) async fn delete(&mut self, name: &str) -> Result<(), RegistryError> {
        let proxy = self.proxies.get_mut(name).ok_or(RegistryError::NotFound)?;
        proxy.stop(&self.plane).await?;
        self.proxies.remove(name);
        self.stats.remove(name);
        Ok(())
    }

    /// Adds a toxic and returns its name; it holds on every connection by then.
    pub(crate) async fn add_toxic(&mut self, proxy: &str, json: &[u8]) -> Result<String, RegistryError> {
        let to = self.proxy(proxy)?;
        let (toxics, name) = to.toxics().adding(json, Moment::now())?;
        if toxics.reads_http() && !to.follows() {
            return Err(RegistryError::NotFollowed);
        }
        self.set_toxics(proxy, toxics).await?;
        Ok(name)
    }

    /// Changes a toxic.
    pub(crate) async fn update_toxic(
        &mut self,
        proxy: &str,
        toxic: &str,
        json: &[u8],
    ) -> Result<(), RegistryError> {
        let toxics = self.proxy(proxy)?.toxics().updating(toxic, json, Moment::now())?;
        self.set_toxics(proxy, toxics).await
    }

    /// Removes a toxic.
    pub(crate) async fn remove_toxic(&mut self, proxy: &str, toxic: &str) -> Result<(), RegistryError> {
        let toxics = self.proxy(proxy)?.toxics().removing(toxic)?;
        self.set_toxics(proxy, toxics).await
    }

    async fn set_toxics(&mut self, proxy: &str, toxics: ToxicSet) -> Result<(), RegistryError> {
        let proxy = self.proxies.get_mut(proxy).ok_or(RegistryError::NotFound)?;
        proxy.set_toxics(toxics, &self.plane).await
    }

    /// Enables every proxy and removes every toxic.
    pub(crate) async fn reset(&mut self) -> Result<(), RegistryError> {
        for proxy in self.proxies.values_mut() {
            if !proxy.is_enabled() {
                proxy.start(&mut self.plane).await?;
            }
            if !proxy.toxics().is_empty() {
                let none = proxy.toxics().cleared();
                proxy.set_toxics(none, &self.plane).await?;
            }
        }
        Ok(())
    }

    fn proxy(&self, name: &str) -> Result<&Proxy, RegistryError> {
        self.proxies.get(name).ok_or(RegistryError::NotFound)
    }
}

impl From<ToxicError> for RegistryError {
    fn from(error: ToxicError) -> Self {
        Self::Toxic(error)
    }
}
