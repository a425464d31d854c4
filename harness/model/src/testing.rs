//! A plan for this crate's own tests.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::plan::{
    Arrivals, ClientSpec, GroupSpec, ItemsSpec, MutatorSpec, PLAN_FORMAT, PayloadSize, Phase, Plan,
    ProxySpec, ServerSpec,
};
use crate::{ItemId, LinkId, Offset, Seed, WatcherId};

/// Ten shared items, one phase of 25 s, nobody who watches.
pub(crate) fn plan() -> Plan {
    Plan {
        format: PLAN_FORMAT,
        name: "tiny".to_owned(),
        about: String::new(),
        seed: Seed(7),
        delivery_timeout: Duration::from_secs(20),
        server: ServerSpec::default(),
        proxy: ProxySpec::default(),
        links: Vec::new(),
        items: ItemsSpec {
            shared: 10,
            payload: PayloadSize::Fixed(256),
            prefix: "i-".to_owned(),
            groups: vec!["G".to_owned()],
            namespaces: vec![String::new()],
        },
        groups: Vec::new(),
        workers: crate::division::Workers::default(),
        mutator: MutatorSpec::writes(Arrivals::Constant { per_second: 1.0 }),
        phases: vec![Phase {
            name: "only".to_owned(),
            from: Offset::ZERO,
            until: Offset::from_secs(25),
            is_measured: true,
            mutates_before_faults: false,
        }],
        faults: Vec::new(),
        gates: Vec::new(),
        required: Vec::new(),
    }
}

/// A group that listens to nothing yet.
pub(crate) fn group(first: u32, count: u32, client: ClientSpec) -> GroupSpec {
    GroupSpec {
        name: format!("from-{first}"),
        count,
        first: WatcherId(first),
        client,
        link: LinkId(0),
        shared: 0,
        own: 0,
        first_own: ItemId(10),
        ramp_per_second: 100.0,
        reads_per_second: 0.0,
        source: Ipv4Addr::LOCALHOST,
    }
}
