//! One proxy of the control plane: its addresses, whether it is open, its toxics.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};
use shakedown_model::Seed;
use tokio::sync::oneshot;

use super::listen::{self, AddressError, ListenError};
use super::{Plane, RegistryError};
use crate::shard::{Command, LinkId, LinkSpec};
use crate::stats::Tally;
use crate::toxics::{ToxicSet, ToxicView};

/// A proxy to be created.
pub(crate) struct NewProxy {
    pub(crate) name: String,
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) source: Option<IpAddr>,
    pub(crate) enabled: bool,
    /// Whether HTTP on its connections is followed, for toxics that act on requests, frames and messages.
    pub(crate) follow: bool,
}

/// What an update changes; what is not given stays.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ProxyUpdate {
    #[serde(default)]
    pub(crate) listen: Option<String>,
    #[serde(default)]
    pub(crate) upstream: Option<String>,
    #[serde(default)]
    pub(crate) source: Option<String>,
    #[serde(default)]
    pub(crate) enabled: Option<bool>,
}

/// A proxy as the API shows it. (Toxiproxy 2.12 also shows an empty `Logger`, by mistake.)
#[derive(Debug, Serialize)]
pub(crate) struct ProxyView<'a> {
    name: &'a str,
    listen: &'a str,
    upstream: &'a str,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<IpAddr>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    follow: bool,
    toxics: Vec<ToxicView<'a>>,
}

/// A proxy.
pub(super) struct Proxy {
    name: String,
    listen: String,
    upstream: String,
    source: Option<IpAddr>,
    follow: bool,
    toxics: Arc<ToxicSet>,
    /// The running link while the proxy is enabled, and the shard that accepts for it.
    link: Option<(LinkId, usize)>,
    seed: Seed,
    accepted: Arc<AtomicU64>,
    tally: Tally,
}

/// The source address in `text`; an empty text is none.
pub(crate) fn parse_source(text: &str) -> Result<Option<IpAddr>, RegistryError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| RegistryError::Source(text.to_owned()))
}

impl Proxy {
    pub(super) fn new(new: NewProxy, seed: Seed, tally: Tally) -> Self {
        Self {
            seed: seed.child(&new.name),
            name: new.name,
            listen: new.listen,
            upstream: new.upstream,
            source: new.source,
            follow: new.follow,
            toxics: Arc::default(),
            link: None,
            accepted: Arc::default(),
            tally,
        }
    }

    pub(super) const fn is_enabled(&self) -> bool {
        self.link.is_some()
    }

    pub(super) const fn follows(&self) -> bool {
        self.follow
    }

    pub(super) fn toxics(&self) -> &ToxicSet {
        &self.toxics
    }

    pub(super) fn view(&self) -> ProxyView<'_> {
        ProxyView {
            name: &self.name,
            listen: &self.listen,
            upstream: &self.upstream,
            enabled: self.is_enabled(),
            source: self.source,
            follow: self.follow,
            toxics: self.toxics.views(),
        }
    }

    /// Whether these are other addresses than the proxy has.
    pub(super) async fn differs(
        &self,
        listen: &str,
        upstream: &str,
        source: Option<IpAddr>,
    ) -> Result<bool, AddressError> {
        let listen = listen::resolve(listen).await?.to_string();
        Ok(self.listen != listen || self.upstream != upstream || self.source != source)
    }

    /// Listens and accepts.
    pub(super) async fn start(&mut self, plane: &mut Plane) -> Result<(), RegistryError> {
        let address = listen::resolve(&self.listen).await.map_err(ListenError::from)?;
        let listener = listen::bind(address).map_err(|why| ListenError::Bind(address, why))?;
        let bound = |error: io::Error| ListenError::Bind(address, error.to_string());
        let listen = listener.local_addr().map_err(bound)?.to_string();
        let id = LinkId(plane.next_link);
        plane.next_link += 1;
        let home = usize::try_from(id.0).unwrap_or(0) % plane.shards.len();
        let spec = self.link_spec(id);
        for shard in 0..plane.shards.len() {
            plane.tell(shard, Command::Open(spec.clone())).await?;
        }
        if !self.toxics.refuses()
            && let Err(error) = accept(plane, (id, home), listener).await?
        {
            plane.tell_all(|done| Command::Close(id, done)).await?;
            return Err(bound(error).into());
        }
        self.listen = listen;
        self.link = Some((id, home));
        self.tally.serves(&self.listen, &self.upstream);
        tracing::info!(proxy = self.name, listen = self.listen, upstream = self.upstream, "proxy started");
        Ok(())
    }

    fn link_spec(&self, id: LinkId) -> LinkSpec {
        LinkSpec {
            id,
            name: self.name.clone(),
            upstream: self.upstream.clone(),
            source: self.source,
            follow: self.follow,
            toxics: Arc::clone(&self.toxics),
            seed: self.seed,
            accepted: Arc::clone(&self.accepted),
            tally: self.tally.clone(),
        }
    }

    /// Closes the listener, then every connection.
    pub(super) async fn stop(&mut self, plane: &Plane) -> Result<(), RegistryError> {
        let Some((id, home)) = self.link.take() else { return Ok(()) };
        stop_accepting(plane, (id, home)).await?;
        plane.tell_all(|done| Command::Close(id, done)).await?;
        tracing::info!(proxy = self.name, "proxy stopped");
        Ok(())
    }

    pub(super) async fn update(
        &mut self,
        update: ProxyUpdate,
        plane: &mut Plane,
    ) -> Result<(), RegistryError> {
        let listen = update.listen.unwrap_or_else(|| self.listen.clone());
        let upstream = update.upstream.unwrap_or_else(|| self.upstream.clone());
        let source = update.source.as_deref().map_or(Ok(self.source), parse_source)?;
        let is_wanted = update.enabled.unwrap_or(self.is_enabled());
        if self.differs(&listen, &upstream, source).await? {
            self.stop(plane).await?;
            self.listen = listen;
            self.upstream = upstream;
            self.source = source;
        }
        match (is_wanted, self.is_enabled()) {
            (true, false) => self.start(plane).await,
            (false, true) => self.stop(plane).await,
            (true, true) | (false, false) => Ok(()),
        }
    }

    /// Puts other toxics in force, on live connections too.
    pub(super) async fn set_toxics(&mut self, toxics: ToxicSet, plane: &Plane) -> Result<(), RegistryError> {
        let Some(link) = self.link else {
            self.toxics = Arc::new(toxics);
            return Ok(());
        };
        match (self.toxics.refuses(), toxics.refuses()) {
            (false, true) => stop_accepting(plane, link).await?,
            // Before the toxics change: when the port is taken meanwhile, the refusal stays, and so does its toxic.
            (true, false) => self.accept_again(link, plane).await?,
            (true, true) | (false, false) => {}
        }
        self.toxics = Arc::new(toxics);
        plane.tell_all(|done| Command::SetToxics(link.0, Arc::clone(&self.toxics), done)).await
    }

    async fn accept_again(&self, link: (LinkId, usize), plane: &Plane) -> Result<(), RegistryError> {
        let address = listen::resolve(&self.listen).await.map_err(ListenError::from)?;
        let listener = listen::bind(address).map_err(|why| ListenError::Bind(address, why))?;
        let accepted = accept(plane, link, listener).await?;
        accepted.map_err(|error| ListenError::Bind(address, error.to_string()).into())
    }
}

/// Has shard `home` accept for the link.
async fn accept(
    plane: &Plane,
    (id, home): (LinkId, usize),
    listener: TcpListener,
) -> Result<io::Result<()>, RegistryError> {
    let (done, answer) = oneshot::channel();
    plane.tell(home, Command::Accept(id, listener, done)).await?;
    answer.await.map_err(|_| RegistryError::PlaneFailed)
}

/// Closes the link's listener.
async fn stop_accepting(plane: &Plane, (id, home): (LinkId, usize)) -> Result<(), RegistryError> {
    let (done, answer) = oneshot::channel();
    plane.tell(home, Command::StopAccepting(id, done)).await?;
    answer.await.map_err(|_| RegistryError::PlaneFailed)
}
