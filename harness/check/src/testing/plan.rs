//! The plan and the manifest of every tiny history.

use std::net::Ipv4Addr;
use std::time::Duration;

use shakedown_model::backoff::Backoff;
use shakedown_model::fault::{FaultAction, FaultPlan, Stream};
use shakedown_model::manifest::{Manifest, RunStatus};
use shakedown_model::plan::{
    Arrivals, Cache, ClientSpec, GroupSpec, HealthCheck, ItemsSpec, LinkSpec, MutatorSpec, PLAN_FORMAT,
    PayloadSize, Phase, Protocol, ProxySpec, ServerSpec,
};
use shakedown_model::verdict::Guarantee;
use shakedown_model::{ItemId, LinkId, PhaseId, Plan, Seed, WatcherId};

use super::{MODERN, ms};

pub(super) fn manifest() -> Manifest {
    Manifest {
        run_id: 7,
        harness: "0".into(),
        status: RunStatus::Complete,
        ended: Some(ms(82_000)),
        server: "embedded".into(),
        proxy: "embedded".into(),
        ..Manifest::new("tiny", "tiny", Seed(7))
    }
}

/// The plan of every tiny history. It plans no mutation of its own: arrivals are once in a hundred years.
pub(crate) fn plan() -> Plan {
    let phase = |name: &str, from, until, is_measured| Phase {
        name: name.into(),
        from: ms(from),
        until: ms(until),
        is_measured,
        mutates_before_faults: false,
    };
    let fault = |name: &str, (from, until), action| FaultPlan {
        name: name.into(),
        phase: PhaseId(2),
        from: ms(from),
        until: ms(until),
        action,
        groups: vec![MODERN],
        nodes: Vec::new(),
        defect: None,
    };
    Plan {
        format: PLAN_FORMAT,
        name: "tiny".into(),
        about: String::new(),
        seed: Seed(7),
        delivery_timeout: Duration::from_secs(20),
        server: ServerSpec::default(),
        proxy: ProxySpec::default(),
        links: vec![LinkSpec { name: "office".into(), toxics: Vec::new() }],
        items: ItemsSpec {
            shared: 2,
            payload: PayloadSize::Fixed(256),
            prefix: "item-".into(),
            groups: vec!["G".into()],
            namespaces: vec![String::new()],
        },
        groups: vec![
            group("modern", WatcherId(0), modern_client()),
            group("legacy", WatcherId(2), legacy_client()),
        ],
        workers: shakedown_model::division::Workers::default(),
        mutator: MutatorSpec::writes(Arrivals::Constant { per_second: 1e-9 }),
        phases: vec![
            phase("warm-up", 0, 5_000, false),
            phase("steady", 5_000, 20_000, true),
            phase("cut", 20_000, 60_000, true),
        ],
        faults: vec![
            fault("split", (25_000, 35_000), FaultAction::Blackhole { stream: Stream::Both }),
            fault("crash", (40_000, 45_000), FaultAction::Crash),
        ],
        gates: Vec::new(),
        required: Guarantee::ALL.to_vec(),
    }
}

fn group(name: &str, first: WatcherId, client: ClientSpec) -> GroupSpec {
    GroupSpec {
        name: name.into(),
        count: 2,
        first,
        client,
        link: LinkId(0),
        shared: 2,
        own: 0,
        first_own: ItemId(2),
        ramp_per_second: 100.0,
        reads_per_second: 1.0,
        source: Ipv4Addr::LOCALHOST,
    }
}

fn modern_client() -> ClientSpec {
    ClientSpec {
        cache: Cache::Snapshot,
        connect_timeout: Duration::from_secs(3),
        health_check: Some(HealthCheck { tries: 3, ..HealthCheck::default() }),
        ..ClientSpec::new(Protocol::NacosGrpc, Backoff::NACOS_JAVA)
    }
}

fn legacy_client() -> ClientSpec {
    ClientSpec {
        connect_timeout: Duration::from_secs(3),
        poll_grace: Duration::from_secs(3),
        ..ClientSpec::new(Protocol::NacosHttp, Backoff::Constant { delay: Duration::from_secs(1) })
    }
}
