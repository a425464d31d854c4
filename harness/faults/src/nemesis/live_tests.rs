//! The same faults through real sockets: the embedded proxy always, the real Toxiproxy when asked.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_model::fault::{Bite, Distribution, FaultAction, FaultPlan, Stream, Toxic, ToxicKind};
use shakedown_model::plan::{LinkSpec, Protocol, ProxyKind};
use shakedown_model::{GroupId, Offset, PhaseId, Seed};
use shakedown_proxy::{ProxyConfig, ProxyServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::canary::{ProbeConnection, ProbeError};
use crate::proxies::{NodeAddress, ProxyAddress, populate, proxies_for};
use crate::server::ServersHand;
use crate::testing::{FakeServers, NoControl, World, plan, spec};
use crate::toxiproxy::{ProxyApi, ToxiproxyClient};

const MS: Duration = Duration::from_millis(1);

/// Sends a byte and waits for it to come back.
struct EchoProbe;

struct EchoConnection(TcpStream);

fn broken(error: &std::io::Error) -> ProbeError {
    ProbeError::Broken(error.to_string())
}

impl Probe for EchoProbe {
    fn connect<'a>(
        &'a self,
        target: &'a ProxyAddress,
    ) -> BoxFuture<'a, Result<Box<dyn ProbeConnection>, ProbeError>> {
        Box::pin(async {
            let stream = TcpStream::connect(target.listen).await.map_err(|error| match error.kind() {
                std::io::ErrorKind::ConnectionRefused => ProbeError::Refused,
                _ => broken(&error),
            })?;
            let connection: Box<dyn ProbeConnection> = Box::new(EchoConnection(stream));
            Ok(connection)
        })
    }

    fn end<'a>(&'a self, target: &'a ProxyAddress) -> BoxFuture<'a, Result<(), ProbeError>> {
        Box::pin(async {
            let mut stream = TcpStream::connect(target.listen).await.map_err(|error| broken(&error))?;
            stream.shutdown().await.map_err(|error| broken(&error))?;
            stream.read_to_end(&mut Vec::new()).await.map(drop).map_err(|error| broken(&error))
        })
    }
}

impl ProbeConnection for EchoConnection {
    fn ask(&mut self) -> BoxFuture<'_, Result<(), ProbeError>> {
        Box::pin(async {
            self.0.write_all(b"?").await.map_err(|error| broken(&error))?;
            match self.0.read(&mut [0; 8]).await {
                Ok(0) => Err(ProbeError::Broken("closed".into())),
                Ok(_) => Ok(()),
                Err(error) => Err(broken(&error)),
            }
        })
    }
}

async fn echo_server(tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections.spawn(async move {
                let (mut reader, mut writer) = stream.split();
                // A connection that a fault cut ends in an error.
                let _was_in_order = tokio::io::copy(&mut reader, &mut writer).await.is_ok();
            });
        }
    });
    address
}

/// Free ports below 32768, from one that differs by process.
fn ports() -> impl FnMut(&[i32]) -> Result<SocketAddr, std::convert::Infallible> {
    let mut next = 16_000 + u16::try_from(std::process::id() % 12_000).unwrap();
    move |_| {
        loop {
            next += 1;
            let address = SocketAddr::from(([127, 0, 0, 1], next));
            if std::net::TcpListener::bind(address).is_ok() {
                return Ok(address);
            }
        }
    }
}

fn fault(name: &str, group: u16, action: FaultAction) -> FaultPlan {
    FaultPlan {
        name: name.into(),
        phase: PhaseId(0),
        from: Offset::from_millis(600),
        until: Offset::from_millis(3_000),
        action,
        groups: vec![GroupId(group)],
        nodes: Vec::new(),
        defect: None,
    }
}

fn latency(ms: u32) -> Toxic {
    let distribution = Distribution::Uniform;
    Toxic::new(Stream::Both, ToxicKind::Latency { latency: ms * MS, jitter: ms / 2 * MS, distribution })
}

/// A group per fault: slowed, cut, cut off on a link that is slow from the start, late in ending.
fn four_faults() -> Plan {
    let mut plan = plan(vec![
        fault("slow", 0, FaultAction::Toxic { toxic: latency(60) }),
        fault("cut", 1, FaultAction::Reset),
        fault("hole", 2, FaultAction::Blackhole { stream: Stream::Both }),
        fault(
            "late",
            3,
            FaultAction::Toxic { toxic: Toxic::new(Stream::Both, ToxicKind::SlowClose { delay: 200 * MS }) },
        ),
    ]);
    plan.links.push(LinkSpec { name: "slow from the start".into(), toxics: vec![latency(10)] });
    plan.links.push(LinkSpec { name: "late in ending".into(), toxics: Vec::new() });
    plan.groups = (0..4).map(|n| spec(&format!("group {n}"), Protocol::NacosHttp, n)).collect();
    plan
}

async fn bite_and_heal(plan: &Plan, api: SocketAddr, kind: ProxyKind) {
    let mut tasks = JoinSet::new();
    let upstream = echo_server(&mut tasks).await;
    let proxies: Arc<[ProxyAddress]> = proxies_for(
        plan,
        (&[NodeAddress { http: upstream.to_string(), grpc: upstream.to_string() }], 1),
        ports(),
    )
    .unwrap()
    .into();
    let client = ToxiproxyClient::new(api).unwrap();
    assert_eq!(client.version().await.unwrap(), "2.12.0");
    populate(&client, kind, plan, &proxies).await.unwrap();

    let (watchers, _) = World::new();
    let proxy_api: Arc<dyn ProxyApi> = Arc::new(client.clone());
    let servers: Arc<FakeServers> = Arc::default();
    let hand: Arc<dyn ServersHand> = Arc::<FakeServers>::clone(&servers);
    let site = Site {
        api: proxy_api,
        kind,
        proxies: Arc::clone(&proxies),
        mutator: Arc::<World>::clone(&watchers),
        watchers,
        servers: hand,
        control: Arc::new(NoControl),
    };
    let config = NemesisConfig {
        clock: Clock::start(),
        site,
        probe: Arc::new(EchoProbe),
        service: servers,
        dump_tick: 100 * MS,
        sink: Arc::new(|_| {}),
    };
    let handle = start(plan, config).unwrap();
    let report = tokio::time::timeout(Duration::from_secs(60), handle.join()).await.unwrap();

    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert_eq!(report.windows.len(), plan.faults.len());
    for window in &report.windows {
        assert!(matches!(window.bite, Bite::Bit(_)) && window.trouble.is_none(), "{window:?}");
    }
    for proxy in client.proxies().await.unwrap() {
        let toxics: Vec<_> = proxy.toxics.iter().map(|toxic| toxic.name.as_str()).collect();
        let is_slow = plan.links.len() > 2 && proxy.name.starts_with("g2-");
        let expected: &[&str] =
            if is_slow { &["link-0-latency-upstream", "link-0-latency-downstream"] } else { &[] };
        assert!(proxy.enabled && toxics == expected, "{proxy:?}");
    }
    for proxy in &*proxies {
        let mut connection = EchoProbe.connect(proxy).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), connection.ask()).await.unwrap().unwrap();
        client.delete(&proxy.name).await.unwrap();
    }
    assert!(client.proxies().await.unwrap().is_empty());
}

/// A group for each of the others that a canary can see, as far as the proxy has them.
fn every_other_fault(kind: ProxyKind) -> Plan {
    let toxic = |kind| FaultAction::Toxic { toxic: Toxic::new(Stream::Downstream, kind) };
    let spread = |distribution| toxic(ToxicKind::Latency { latency: 60 * MS, jitter: 20 * MS, distribution });
    let mut actions = vec![
        toxic(ToxicKind::ResetPeer { timeout: 50 * MS }),
        toxic(ToxicKind::Timeout { timeout: Duration::ZERO }),
        toxic(ToxicKind::LimitData { bytes: 3 }),
        FaultAction::Refuse,
    ];
    if kind == ProxyKind::Embedded {
        actions.extend([
            spread(Distribution::Normal),
            spread(Distribution::Pareto),
            FaultAction::OneWay { stream: Stream::Upstream },
            FaultAction::HalfOpen,
            FaultAction::Silence,
            FaultAction::Flap { up: 500 * MS, down: 500 * MS },
        ]);
    }
    let faults = (0..).zip(actions).map(|(group, action)| fault(action.kind(), group, action));
    let mut plan = plan(faults.collect());
    let groups = u16::try_from(plan.faults.len()).unwrap();
    plan.links = vec![LinkSpec { name: "office".into(), toxics: Vec::new() }];
    plan.groups = (0..groups).map(|n| spec(&format!("group {n}"), Protocol::NacosHttp, 0)).collect();
    plan
}

#[tokio::test]
async fn every_other_fault_bites_and_heals_on_the_embedded_proxy() {
    let api = "127.0.0.1:0".parse().unwrap();
    let server = ProxyServer::start(ProxyConfig { api, shards: 1, seed: Seed(7) }).unwrap();
    bite_and_heal(&every_other_fault(ProxyKind::Embedded), server.api_addr(), ProxyKind::Embedded).await;
    server.stop();
}

#[tokio::test]
async fn faults_bite_and_heal_on_the_embedded_proxy() {
    let api = "127.0.0.1:0".parse().unwrap();
    let server = ProxyServer::start(ProxyConfig { api, shards: 1, seed: Seed(7) }).unwrap();
    bite_and_heal(&four_faults(), server.api_addr(), ProxyKind::Embedded).await;
    server.stop();
}

#[tokio::test]
#[ignore = "needs a real Toxiproxy 2.12: give its API's address in SHAKEDOWN_TOXIPROXY_API"]
async fn faults_bite_and_heal_on_the_real_toxiproxy() {
    let api = std::env::var("SHAKEDOWN_TOXIPROXY_API").expect("SHAKEDOWN_TOXIPROXY_API holds an address");
    for plan in [four_faults(), every_other_fault(ProxyKind::Toxiproxy)] {
        bite_and_heal(&plan, api.parse().unwrap(), ProxyKind::Toxiproxy).await;
    }
}
