//! A small world for tests under paused time: proxies without sockets, connections that feel their toxics, watchers
//! that remember what was done to them.

mod servers;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use shakedown_model::backoff::Backoff;
use shakedown_model::fault::{Befallen, FaultPlan, StrayWrite, WatcherFault};
use shakedown_model::plan::{
    Arrivals, ClientSpec, GroupSpec, ItemsSpec, LinkSpec, MutatorSpec, PLAN_FORMAT, PayloadSize, Phase, Plan,
    Protocol, ProxyKind, ProxySpec, ServerSpec,
};
use shakedown_model::{GroupId, ItemId, LinkId, NodeId, Offset, Seed, WatcherId};
use tokio::time::sleep;

use crate::canary::{Probe, ProbeConnection, ProbeError};
use crate::control::{ControlPlane, StrayAnswer};
use crate::fault::{Mutator, Site, Watchers};
use crate::proxies::ProxyAddress;
use crate::server::ServersHand;
use crate::toxiproxy::{ProxyApi, ProxyApiError, ProxyState, ToxicConfig, ToxicKind, ToxicState};

pub(crate) use servers::FakeServers;

/// The round trip of a probe through a healthy proxy.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(1);

pub(crate) fn spec(name: &str, protocol: Protocol, link: u16) -> GroupSpec {
    GroupSpec {
        name: name.into(),
        count: 1,
        first: WatcherId(0),
        client: ClientSpec::new(protocol, Backoff::NACOS_JAVA),
        link: LinkId(link),
        shared: 1,
        own: 0,
        first_own: ItemId(1),
        ramp_per_second: 100.0,
        reads_per_second: 0.0,
        source: Ipv4Addr::LOCALHOST,
    }
}

/// Two groups on two links: group 0 on link 0 by HTTP, group 1 on link 1 by gRPC.
pub(crate) fn plan(faults: Vec<FaultPlan>) -> Plan {
    let link = |name: &str| LinkSpec { name: name.into(), toxics: Vec::new() };
    Plan {
        format: PLAN_FORMAT,
        name: "faults".into(),
        about: String::new(),
        seed: Seed(1),
        delivery_timeout: Duration::from_secs(20),
        server: ServerSpec::default(),
        proxy: ProxySpec::default(),
        links: vec![link("office"), link("mobile")],
        items: ItemsSpec {
            shared: 1,
            payload: PayloadSize::Fixed(256),
            prefix: "i".into(),
            groups: vec!["g".into()],
            namespaces: vec![String::new()],
        },
        groups: vec![spec("zero", Protocol::NacosHttp, 0), spec("one", Protocol::NacosGrpc, 1)],
        workers: shakedown_model::division::Workers::default(),
        mutator: MutatorSpec::writes(Arrivals::Constant { per_second: 1.0 }),
        phases: vec![Phase {
            name: "only".into(),
            from: Offset::ZERO,
            until: Offset::from_secs(60),
            is_measured: true,
            mutates_before_faults: true,
        }],
        faults,
        gates: Vec::new(),
        required: Vec::new(),
    }
}

#[derive(Default)]
struct FakeProxy {
    is_closed: bool,
    toxics: Vec<ToxicConfig>,
    /// How often its connections were cut.
    cuts: u32,
}

/// How the world misbehaves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ills {
    /// No call to the API has an answer any more.
    pub(crate) api_is_dead: bool,
    /// How long each call takes.
    pub(crate) call_time: Duration,
    /// Toxics are accepted and do nothing.
    pub(crate) toxics_are_void: bool,
    /// A blackhole closes connections.
    pub(crate) blackholes_cut: bool,
    /// This many removals are acknowledged and forgotten.
    pub(crate) forgotten_removals: u32,
}

/// Proxies, connections through them, and watchers.
#[derive(Default)]
pub(crate) struct World {
    proxies: Mutex<BTreeMap<String, FakeProxy>>,
    pub(crate) ills: Mutex<Ills>,
    pub(crate) watchers: Mutex<Vec<String>>,
    /// What befell watchers: each group has one, and one in ten of a share's percent ails when it is told.
    pub(crate) befallen: Mutex<Befallen>,
    /// Versions that the mutator stored and no application can use.
    pub(crate) invalid_stored: Mutex<u64>,
    pub(crate) probes: Mutex<u32>,
    pub(crate) servers: Arc<FakeServers>,
}

impl World {
    /// The world of [`plan`], with one proxy per group.
    pub(crate) fn new() -> (Arc<Self>, Arc<[ProxyAddress]>) {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let proxy = |id: u16, protocol| ProxyAddress {
            name: format!("p{id}"),
            link: LinkId(id),
            group: GroupId(id),
            watcher: None,
            share: 0,
            node: NodeId(0),
            protocol,
            listen: address(20_000 + id),
            binds: address(20_000 + id),
            upstream: "127.0.0.1:8848".to_owned(),
            source: None,
        };
        let proxies: Arc<[ProxyAddress]> =
            [proxy(0, Protocol::NacosHttp), proxy(1, Protocol::NacosGrpc)].into();
        let world = Arc::new(Self::default());
        for proxy in &*proxies {
            world.proxies.lock().unwrap().insert(proxy.name.clone(), FakeProxy::default());
        }
        (world, proxies)
    }

    pub(crate) fn site(self: &Arc<Self>, proxies: &Arc<[ProxyAddress]>, kind: ProxyKind) -> Site {
        let api: Arc<dyn ProxyApi> = Arc::<Self>::clone(self);
        let watchers: Arc<dyn Watchers> = Arc::<Self>::clone(self);
        let servers: Arc<dyn ServersHand> = Arc::<FakeServers>::clone(&self.servers);
        let control: Arc<dyn ControlPlane> = Arc::new(NoControl);
        let mutator: Arc<dyn Mutator> = Arc::<Self>::clone(self);
        Site { api, kind, proxies: Arc::clone(proxies), watchers, servers, control, mutator }
    }

    /// The names of the toxics in force, as `proxy/toxic`.
    pub(crate) fn toxics(&self) -> Vec<String> {
        let proxies = self.proxies.lock().unwrap();
        let names = proxies
            .iter()
            .flat_map(|(name, proxy)| proxy.toxics.iter().map(move |toxic| format!("{name}/{}", toxic.name)));
        names.collect()
    }

    pub(crate) fn closed(&self) -> usize {
        self.proxies.lock().unwrap().values().filter(|proxy| proxy.is_closed).count()
    }

    async fn call(&self, call: &str, proxy: &str) -> Result<(), ProxyApiError> {
        let ills = *self.ills.lock().unwrap();
        sleep(ills.call_time).await;
        if ills.api_is_dead {
            let source = std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into();
            let call = format!("{call} {proxy}");
            return Err(ProxyApiError::Unreachable { call, api: "127.0.0.1:8474".into(), source });
        }
        Ok(())
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut FakeProxy) -> bool) -> Result<(), ProxyApiError> {
        let mut proxies = self.proxies.lock().unwrap();
        let is_found = proxies.get_mut(name).is_some_and(change);
        let refusal = || ProxyApiError::Refused { call: name.into(), status: 404, text: "not found".into() };
        is_found.then_some(()).ok_or_else(refusal)
    }

    fn cuts(&self, name: &str) -> u32 {
        self.proxies.lock().unwrap()[name].cuts
    }

    fn kinds(&self, name: &str) -> Vec<ToxicKind> {
        if self.ills.lock().unwrap().toxics_are_void {
            return Vec::new();
        }
        self.proxies.lock().unwrap()[name].toxics.iter().map(|toxic| toxic.kind).collect()
    }
}

impl ProxyApi for World {
    fn proxies(&self) -> BoxFuture<'_, Result<Vec<ProxyState>, ProxyApiError>> {
        Box::pin(async {
            self.call("list", "all").await?;
            let is_void = self.ills.lock().unwrap().toxics_are_void;
            let proxies = self.proxies.lock().unwrap();
            let state = |(name, proxy): (&String, &FakeProxy)| ProxyState {
                name: name.clone(),
                listen: String::new(),
                upstream: String::new(),
                enabled: !proxy.is_closed,
                toxics: proxy.toxics.iter().map(|toxic| shown(toxic, name, is_void)).collect(),
            };
            Ok(proxies.iter().map(state).collect())
        })
    }

    fn set_enabled<'a>(&'a self, proxy: &'a str, enabled: bool) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        Box::pin(async move {
            self.call("enable", proxy).await?;
            self.change(proxy, |proxy| {
                proxy.is_closed = !enabled;
                proxy.cuts += u32::from(!enabled);
                true
            })
        })
    }

    fn add_toxic<'a>(
        &'a self,
        proxy: &'a str,
        toxic: &'a ToxicConfig,
    ) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        Box::pin(async move {
            self.call("add to", proxy).await?;
            self.change(proxy, |proxy| {
                proxy.toxics.push(toxic.clone());
                true
            })
        })
    }

    fn remove_toxic<'a>(
        &'a self,
        proxy: &'a str,
        toxic: &'a str,
    ) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        Box::pin(async move {
            self.call("remove from", proxy).await?;
            {
                let mut ills = self.ills.lock().unwrap();
                if ills.forgotten_removals > 0 {
                    ills.forgotten_removals -= 1;
                    return Ok(());
                }
            }
            self.change(proxy, |proxy| {
                let before = proxy.toxics.len();
                proxy.toxics.retain(|other| other.name != toxic);
                proxy.toxics.len() < before
            })
        })
    }
}

/// What counts acts three times of five, once more at the second proxy.
fn shown(toxic: &ToxicConfig, proxy: &str, is_void: bool) -> ToxicState {
    let acted = if proxy == "p1" { 4 } else { 3 };
    let counts = matches!(toxic.kind, ToxicKind::Path { .. });
    ToxicState {
        acted: counts.then_some(if is_void { 0 } else { acted }),
        of: counts.then_some(5),
        name: toxic.name.clone(),
        kind: toxic.kind.name().into(),
        stream: toxic.stream,
        toxicity: f64::from(toxic.toxicity_ppm) / 1e6,
        attributes: Value::Null,
    }
}

impl Mutator for World {
    fn invalid_stored(&self) -> u64 {
        *self.invalid_stored.lock().unwrap()
    }
}

impl Watchers for World {
    fn crash<'a>(&'a self, groups: &'a [GroupId]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.watchers.lock().unwrap().push(format!("crash {groups:?}"));
            self.befallen.lock().unwrap().crashed += groups.len() as u64;
        })
    }

    fn cold_start<'a>(&'a self, groups: &'a [GroupId]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.watchers.lock().unwrap().push(format!("cold start {groups:?}"));
            self.befallen.lock().unwrap().started_cold += groups.len() as u64;
        })
    }

    fn suffer<'a>(&'a self, groups: &'a [GroupId], fault: WatcherFault, share_ppm: u32) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.watchers.lock().unwrap().push(format!("{} {groups:?} {share_ppm}", fault.name()));
            let times = u64::from(share_ppm / 100_000);
            let befallen = &mut *self.befallen.lock().unwrap();
            match fault {
                WatcherFault::BlockedCallback => befallen.blocked += times,
                WatcherFault::SlowConsumer { .. } => befallen.slow += times,
                WatcherFault::PanickingCallback => befallen.panicked += times,
                WatcherFault::FullDisk => befallen.unwritten += times,
                WatcherFault::SpoiledCache { .. } => befallen.crashed += groups.len() as u64,
            }
        })
    }

    fn recover<'a>(&'a self, groups: &'a [GroupId], fault: WatcherFault) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.watchers.lock().unwrap().push(format!("no {} {groups:?}", fault.name()));
            if let WatcherFault::SpoiledCache { .. } = fault {
                let befallen = &mut *self.befallen.lock().unwrap();
                befallen.started_cold += groups.len() as u64;
                befallen.spoiled += 1;
            }
        })
    }

    fn befallen(&self, _groups: &[GroupId]) -> Befallen {
        *self.befallen.lock().unwrap()
    }

    fn count(&self, groups: &[GroupId]) -> u64 {
        groups.len() as u64
    }
}

/// Probes of a [`World`].
pub(crate) struct WorldProbe(pub(crate) Arc<World>);

struct WorldConnection {
    world: Arc<World>,
    proxy: String,
    cuts: u32,
    /// Whether it began when the proxy had no toxics.
    is_live: bool,
    passed: u64,
}

impl Probe for WorldProbe {
    fn connect<'a>(
        &'a self,
        target: &'a ProxyAddress,
    ) -> BoxFuture<'a, Result<Box<dyn ProbeConnection>, ProbeError>> {
        Box::pin(async move {
            if self.0.proxies.lock().unwrap()[&target.name].is_closed {
                return Err(ProbeError::Refused);
            }
            let kinds = self.0.kinds(&target.name);
            if kinds.contains(&ToxicKind::Refuse) {
                return Err(ProbeError::Refused);
            }
            let (proxy, cuts) = (target.name.clone(), self.0.cuts(&target.name));
            let world = Arc::clone(&self.0);
            let connection: Box<dyn ProbeConnection> =
                Box::new(WorldConnection { world, proxy, cuts, is_live: kinds.is_empty(), passed: 0 });
            Ok(connection)
        })
    }

    fn end<'a>(&'a self, target: &'a ProxyAddress) -> BoxFuture<'a, Result<(), ProbeError>> {
        Box::pin(async move {
            sleep(ROUND_TRIP).await;
            for kind in self.0.kinds(&target.name) {
                if let ToxicKind::SlowClose { delay_ms } = kind {
                    sleep(Duration::from_millis(delay_ms)).await;
                }
            }
            Ok(())
        })
    }
}

impl ProbeConnection for WorldConnection {
    fn ask(&mut self) -> BoxFuture<'_, Result<(), ProbeError>> {
        Box::pin(async {
            *self.world.probes.lock().unwrap() += 1;
            sleep(ROUND_TRIP).await;
            let broken = || Err(ProbeError::Broken("cut".into()));
            if self.cuts != self.world.cuts(&self.proxy) {
                return broken();
            }
            let blackholes_cut = self.world.ills.lock().unwrap().blackholes_cut;
            for kind in self.world.kinds(&self.proxy) {
                match kind {
                    ToxicKind::Latency { latency_ms, .. } => sleep(Duration::from_millis(latency_ms)).await,
                    ToxicKind::Bandwidth { rate } => sleep(Duration::from_millis(100 / rate.max(1))).await,
                    ToxicKind::Slicer { average_size, delay_us, .. } => {
                        let slices = u32::try_from(100 / average_size.max(1)).unwrap();
                        sleep(Duration::from_micros(delay_us) * slices).await;
                    }
                    ToxicKind::LimitData { bytes } => {
                        self.passed += 100;
                        if self.passed > bytes {
                            return broken();
                        }
                    }
                    ToxicKind::ResetPeer { .. } | ToxicKind::Flap { .. } => return broken(),
                    ToxicKind::HalfOpen if self.is_live => return broken(),
                    ToxicKind::Silence { .. } if !self.is_live => std::future::pending().await,
                    ToxicKind::HalfOpen
                    | ToxicKind::Silence { .. }
                    | ToxicKind::Refuse
                    | ToxicKind::Path { .. }
                    | ToxicKind::SlowClose { .. } => {}
                    ToxicKind::Timeout { timeout_ms } if timeout_ms > 0 => {
                        sleep(Duration::from_millis(timeout_ms)).await;
                        return broken();
                    }
                    ToxicKind::Timeout { .. } | ToxicKind::Blackhole { .. } if blackholes_cut => {
                        return broken();
                    }
                    ToxicKind::Timeout { .. } | ToxicKind::Blackhole { .. } => std::future::pending().await,
                }
            }
            Ok(())
        })
    }
}

/// A control plane that nobody is to call.
pub(crate) struct NoControl;

impl ControlPlane for NoControl {
    fn nodes(&self) -> Vec<NodeId> {
        Vec::new()
    }

    fn read(&self, _node: NodeId, _nth: u64) -> BoxFuture<'_, Result<(), String>> {
        unreachable!("no fault of the control plane is planned here")
    }

    fn publish(&self, _node: NodeId, _nth: u64) -> BoxFuture<'_, Result<(), String>> {
        unreachable!("no fault of the control plane is planned here")
    }

    fn login(&self, _node: NodeId) -> BoxFuture<'_, Result<(), String>> {
        unreachable!("no fault of the control plane is planned here")
    }

    fn stray(&self, _what: StrayWrite, _nth: u64) -> BoxFuture<'_, StrayAnswer> {
        unreachable!("no fault of the control plane is planned here")
    }

    fn clean(&self) -> BoxFuture<'_, ()> {
        unreachable!("no fault of the control plane is planned here")
    }
}
