//! The plan: a scenario with every default visible and every instant absolute.
//!
//! Items are in `items`, what changes them in `mutator`, servers, proxies and links in `server`, clients and groups in
//! `watchers`, what sets clients apart in `habits`.

mod cluster;
mod habits;
mod images;
mod items;
mod mutator;
mod pace;
mod server;
mod tls;
mod watchers;

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::division::Workers;
use crate::fault::FaultPlan;
use crate::gate::Gate;
use crate::stretch::{self, Stretch};
use crate::verdict::Guarantee;
use crate::{FaultId, GroupId, ItemId, Offset, PhaseId, Seed, Version, WatcherId};

pub use self::cluster::ClusterSettings;
pub use self::habits::{
    Abilities, FirstContact, Habits, Handshake, Identity, Leaving, LoginHabit, NodeOrder, Noticing, Probing,
    ReadHabit, SnapshotHabit, SnapshotOnDelete, SnapshotWrite,
};
pub use self::items::{ItemKey, ItemsSpec, PayloadSize, SizeChoice};
pub use self::mutator::{Arrivals, GraySpec, Kinds, MutatorSpec, PublishBy, TracePoint};
pub use self::pace::{Pace, ReadOnly, TokenBucket};
pub use self::server::{
    AccessKey, AuthScope, Backend, ContainerSettings, EmbeddedSettings, ExternalNode, ExternalProxy,
    ExternalSpec, Generation, LinkSpec, Login, NodeProcesses, OldApis, Product, ProxyKind, ProxyPlace,
    ProxySpec, ServerDefect, ServerSpec, UpgradeSpec,
};
pub use self::tls::{TlsClients, TlsFrontSpec, TlsPorts, TlsSpec};
pub use self::watchers::{
    CONNECTIONS_PER_SOURCE, Cache, ClientDefect, ClientSpec, DriverSpec, Failover, GroupSpec, HealthCheck,
    Protocol, Registers,
};

/// The version of the plan's form in `plan.json`.
pub const PLAN_FORMAT: u32 = 2;

/// Into how many cohorts watchers are dealt. A gray release names addresses, and the real server keeps them in 1,024
/// characters (`config_info_gray` and, before, `beta_ips`), so there is one address per cohort.
pub const COHORTS: u8 = 50;

fn cohort_ip(cohort: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 99, 0, cohort + 1)
}

/// What shall happen in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub name: String,
    /// What the scenario is about, in a sentence.
    pub about: String,
    /// The seed from which every choice is drawn.
    pub seed: Seed,
    /// What is delivered later than this counts as "later than the time-out".
    pub delivery_timeout: Duration,
    /// The servers.
    pub server: ServerSpec,
    /// The proxies.
    pub proxy: ProxySpec,
    /// The named paths; [`LinkId`](crate::LinkId) indexes them.
    pub links: Vec<LinkSpec>,
    /// The config items.
    pub items: ItemsSpec,
    /// The groups of watchers; [`GroupId`] indexes them.
    pub groups: Vec<GroupSpec>,
    /// How many processes hold the simulated watchers.
    #[serde(default)]
    pub workers: Workers,
    /// How config changes.
    pub mutator: MutatorSpec,
    /// The phases, back to back from zero; [`PhaseId`] indexes them.
    pub phases: Vec<Phase>,
    /// The faults by onset; [`FaultId`] indexes them.
    pub faults: Vec<FaultPlan>,
    /// The gates.
    pub gates: Vec<Gate>,
    /// The guarantees that must hold; the others are judged and shown, but do not decide.
    pub required: Vec<Guarantee>,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Its start.
    pub from: Offset,
    /// Its end, exclusive.
    pub until: Offset,
    /// Whether its mutations count: warm-up is outside every figure.
    pub is_measured: bool,
    /// Whether mutations are scheduled in the last second before a fault's onset in this phase.
    pub mutates_before_faults: bool,
}

impl Plan {
    /// The end of the last phase; the drain follows.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.phases.last().map_or(Offset::ZERO, |phase| phase.until)
    }

    /// The phase that contains `at`, if any.
    #[must_use]
    pub fn phase_at(&self, at: Offset) -> Option<PhaseId> {
        let index = self.phases.iter().position(|phase| phase.from <= at && at < phase.until)?;
        u16::try_from(index).ok().map(PhaseId)
    }

    /// How many watchers there are.
    #[must_use]
    pub fn watcher_count(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// How many items there are, shared and own.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.items.shared + self.groups.iter().map(|group| group.count * group.own).sum::<u32>()
    }

    /// The group of a watcher.
    ///
    /// # Panics
    /// When the id is not one of this plan.
    #[must_use]
    pub fn group_of(&self, watcher: WatcherId) -> GroupId {
        let index = self
            .groups
            .iter()
            .position(|group| watcher.0 >= group.first.0 && watcher.0 - group.first.0 < group.count)
            .expect("a watcher id of this plan lies in one group");
        GroupId(u16::try_from(index).expect("a plan has at most 65,536 groups"))
    }

    /// The items that a watcher listens to, ascending, as three stretches: of the shared ones those from the ring's
    /// beginning and those up to its end, then its own. Each may be empty.
    ///
    /// Shared items are dealt in a ring, so that each has the same number of watchers, give or take one.
    #[must_use]
    pub fn stretches_of(&self, watcher: WatcherId) -> [Stretch; 3] {
        let group = &self.groups[self.group_of(watcher).index()];
        let nth = watcher.0 - group.first.0;
        let all = self.items.shared.max(1);
        let count = group.shared.min(all);
        let first = u64::from(nth) * u64::from(group.shared) % u64::from(all);
        let first =
            if count == all { 0 } else { u32::try_from(first).expect("below the u32 count of shared items") };
        let to_the_end = count.min(all - first);
        [
            Stretch { first: ItemId(0), count: count - to_the_end },
            Stretch { first: ItemId(first), count: to_the_end },
            Stretch { first: ItemId(group.first_own.0 + nth * group.own), count: group.own },
        ]
    }

    /// The items that a watcher listens to, ascending.
    #[must_use]
    pub fn items_of(&self, watcher: WatcherId) -> Vec<ItemId> {
        stretch::items(&self.stretches_of(watcher)).collect()
    }

    /// The place of an item in [`Self::items_of`], without making the list.
    #[must_use]
    pub fn place_of(&self, watcher: WatcherId, item: ItemId) -> Option<usize> {
        stretch::place_of(&self.stretches_of(watcher), item)
    }

    /// Where an item lies on the server.
    #[must_use]
    pub fn key_of(&self, item: ItemId) -> ItemKey {
        self.items.key_of(item)
    }

    /// The size of the payload of one version of an item in bytes.
    #[must_use]
    pub fn payload_bytes(&self, item: ItemId, version: Version) -> usize {
        let draws = self.seed.child("payload-sizes").nth(u64::from(item.0));
        self.items.payload.draw(draws, u64::from(version.0))
    }

    /// The cohort of a watcher, below [`COHORTS`]; a gray release goes to the first cohorts.
    #[must_use]
    pub fn cohort_of(&self, watcher: WatcherId) -> u8 {
        let cohort = self.seed.child("cohorts").below(u64::from(watcher.0), u64::from(COHORTS));
        u8::try_from(cohort).expect("below a u8")
    }

    /// The address that a watcher claims to have, by which a gray release finds it: one per cohort, in 10.99.0.0/16.
    #[must_use]
    pub fn claimed_ip(&self, watcher: WatcherId) -> Ipv4Addr {
        cohort_ip(self.cohort_of(watcher))
    }

    /// Whether losses and attempts of a group's clients are known: simulated ones tell; of real ones the embedded proxy
    /// tells, and only where one connection is a client's whole tie to the server. An HTTP client may keep its connections
    /// or not.
    #[must_use]
    pub fn sees_connections(&self, group: &GroupSpec) -> bool {
        group.client.driver.is_none()
            || (group.client.protocol == Protocol::NacosGrpc && self.proxy.kind == ProxyKind::Embedded)
    }

    /// Whether a gray release goes to this watcher; never to a real client, which claims no address.
    #[must_use]
    pub fn is_gray(&self, watcher: WatcherId) -> bool {
        self.cohort_of(watcher) < self.mutator.gray.cohorts
            && self.groups[self.group_of(watcher).index()].client.driver.is_none()
    }

    /// The addresses that a gray release is for.
    #[must_use]
    pub fn gray_ips(&self) -> Vec<Ipv4Addr> {
        (0..self.mutator.gray.cohorts).map(cohort_ip).collect()
    }

    /// The group with this name.
    #[must_use]
    pub fn group_named(&self, name: &str) -> Option<GroupId> {
        let index = self.groups.iter().position(|group| group.name == name)?;
        u16::try_from(index).ok().map(GroupId)
    }

    /// Each group of real clients with the simulated group that imitates them: the first that is `like` their SDK, on
    /// the same link.
    #[must_use]
    pub fn twins(&self) -> Vec<(GroupId, GroupId)> {
        let by_id = || (0_u16..).map(GroupId).zip(&self.groups);
        let imitates = |real: &GroupSpec, group: &GroupSpec| {
            group.client.driver.is_none() && group.client.like == real.client.like && group.link == real.link
        };
        by_id()
            .filter(|(_, real)| real.client.driver.is_some() && real.client.like.is_some())
            .filter_map(|(id, real)| {
                let twin = by_id().find(|(_, group)| imitates(real, group));
                twin.map(|(twin, _)| (id, twin))
            })
            .collect()
    }

    /// The faults with their ids.
    pub fn faults_by_id(&self) -> impl Iterator<Item = (FaultId, &FaultPlan)> {
        (0_u16..).map(FaultId).zip(&self.faults)
    }
}
