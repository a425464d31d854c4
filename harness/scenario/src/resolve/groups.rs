//! Groups of watchers: ids dealt out, clients filled in, and what cannot be.

use std::net::Ipv4Addr;
use std::time::Duration;

use shakedown_model::backoff::{Backoff, Jitter};
use shakedown_model::plan::{
    CONNECTIONS_PER_SOURCE, Cache, ClientSpec, Failover, GroupSpec, HealthCheck, ItemsSpec, LinkSpec,
    Probing, Protocol,
};
use shakedown_model::{ItemId, LinkId, WatcherId};

use super::{MAX_COUNT, MAX_RATE, drivers, given, link_named, pace, positive, unique};
use crate::client::Sdk;
use crate::field::{PerSecond, Record as _};
use crate::problem::{Findings, nearest};
use crate::raw::{RawBackoff, RawCache, RawClient, RawGroup, RawHealth};
use crate::source::{Span, Spanned};

/// The most queries of one item per second that a limit can allow.
const MAX_QUERIES: u32 = 200;
/// The most reads per second that one watcher makes.
const MAX_READS: f64 = 1000.0;

pub(super) fn groups(
    raw: &[Spanned<RawGroup>],
    links: &[LinkSpec],
    items: &ItemsSpec,
    found: &mut Findings,
) -> Vec<GroupSpec> {
    let names: Vec<_> = raw.iter().filter_map(|group| group.value.group.as_ref()).collect();
    unique(&names, found);
    let mut groups: Vec<GroupSpec> = Vec::new();
    let (mut watchers, mut item_count) = (0_u32, items.shared);
    for Spanned { value, span } in raw {
        let mut group = group(value, *span, links, items, found);
        let own = group.count.saturating_mul(group.own);
        let is_too_big =
            watchers.saturating_add(group.count) > MAX_COUNT || item_count.saturating_add(own) > MAX_COUNT;
        if is_too_big {
            let count = value.count.as_ref().map_or(*span, |count| count.span);
            found
                .error(
                    "scenario::too_big",
                    count,
                    format!("a run has at most {MAX_COUNT} watchers and as many items"),
                )
                .help("lower `count`, or `listens.own`");
            group.count = group.count.min(1);
            group.own = 0;
        }
        group.first = WatcherId(watchers);
        group.first_own = ItemId(item_count);
        watchers += group.count;
        item_count += group.count * group.own;
        groups.push(group);
    }
    if item_count == 0
        && let Some(first) = raw.first()
    {
        found
            .error(
                "scenario::zero",
                first.span,
                "there is no item at all: `items.count` is zero and no group has its own",
            )
            .help("give `items.count` a value above zero");
    }
    groups
}

fn group(
    raw: &RawGroup,
    span: Span,
    links: &[LinkSpec],
    items: &ItemsSpec,
    found: &mut Findings,
) -> GroupSpec {
    positive(raw.count.as_ref(), "count", found);
    positive(raw.ramp.as_ref(), "ramp", found);
    if let Some(ramp) = raw.ramp.as_ref().filter(|ramp| ramp.value.0 > MAX_RATE) {
        found
            .error("scenario::out_of_range", ramp.span, format!("at most {MAX_RATE}/s can be started"))
            .help("lower `ramp`: a connection takes about 0.1 ms of one core to set up");
    }
    let (shared, own) = listens(raw, items, found);
    if let Some(reads) = raw.reads.as_ref().filter(|reads| reads.value.0 > MAX_READS) {
        found.error("scenario::out_of_range", reads.span, format!("a watcher reads at most {MAX_READS}/s"));
    }
    let source = given(raw.source.as_ref(), Ipv4Addr::LOCALHOST);
    if let Some(field) = raw.source.as_ref().filter(|_| !source.is_loopback()) {
        found
            .error("scenario::bad_address", field.span, format!("`{source}` is not a loopback address"))
            .help("the proxies listen on this machine only: choose one of 127.0.0.0/8, such as `127.0.0.2`");
    }
    drivers::refuse_in_group(raw, items, found);
    let group = GroupSpec {
        name: raw.group.as_ref().map_or_else(String::new, |name| name.value.0.clone()),
        count: given(raw.count.as_ref(), 1),
        first: WatcherId(0),
        client: raw.client.as_ref().map_or_else(placeholder, |raw| client(&raw.value, raw.span, found)),
        link: link(raw, span, links, found),
        shared,
        own,
        first_own: ItemId(0),
        ramp_per_second: given(raw.ramp.as_ref(), PerSecond(200.0)).0,
        reads_per_second: given(raw.reads.as_ref(), PerSecond(0.0)).0,
        source,
    };
    if let Some(field) = raw.source.as_ref().filter(|_| source.is_loopback() && !stays_on_loopback(&group)) {
        found
            .error("scenario::bad_address", field.span, "there are not enough addresses behind this one")
            .help(format!(
                "a group needs one for each {CONNECTIONS_PER_SOURCE} of its watchers: choose a lower one"
            ));
    }
    group
}

fn stays_on_loopback(group: &GroupSpec) -> bool {
    let further = group.count.saturating_sub(1) / CONNECTIONS_PER_SOURCE;
    group.source.to_bits().checked_add(further).is_some_and(|last| Ipv4Addr::from_bits(last).is_loopback())
}

fn link(raw: &RawGroup, span: Span, links: &[LinkSpec], found: &mut Findings) -> LinkId {
    let Some(name) = &raw.link else {
        if links.len() > 1 && !raw.has("link") {
            found
                .error("scenario::missing_key", span, "key `link` is missing: there are several links")
                .label("in this group")
                .help(format!("choose one of {}", names(links).collect::<Vec<_>>().join(", ")));
        }
        return LinkId(0);
    };
    link_named(links, &name.value.0).unwrap_or_else(|| {
        found
            .error("scenario::unknown_link", name.span, format!("link `{}` does not exist", name.value.0))
            .help(nearest(&name.value.0, names(links)));
        LinkId(0)
    })
}

fn names(links: &[LinkSpec]) -> impl Iterator<Item = &str> {
    links.iter().map(|link| link.name.as_str())
}

fn listens(raw: &RawGroup, items: &ItemsSpec, found: &mut Findings) -> (u32, u32) {
    let Some(Spanned { value: listens, span }) = &raw.listens else { return (items.shared.min(1), 0) };
    let shared = given(listens.shared.as_ref(), 0);
    let own = given(listens.own.as_ref(), 0);
    if let Some(field) = listens.shared.as_ref().filter(|_| shared > items.shared) {
        found
            .error(
                "scenario::too_many_listens",
                field.span,
                format!(
                    "a watcher cannot listen to {shared} shared items: `items.count` is {}",
                    items.shared
                ),
            )
            .help(format!("write `shared: {}` or less, or raise `items.count`", items.shared));
    }
    if shared == 0 && own == 0 {
        found
            .error("scenario::zero", *span, "these watchers listen to nothing")
            .help("write `listens: { shared: 1 }`");
    }
    (shared, own)
}

fn placeholder() -> ClientSpec {
    ClientSpec::new(Protocol::NacosGrpc, Backoff::NACOS_JAVA)
}

fn client(raw: &RawClient, span: Span, found: &mut Findings) -> ClientSpec {
    if let Some(driver) = &raw.driver {
        return drivers::client(raw, driver, found).unwrap_or_else(placeholder);
    }
    if raw.has("driver") {
        // Ill-formed, which is a finding already.
        return placeholder();
    }
    let sdk = raw.like.as_ref().map(|like| like.value);
    let protocol = raw.protocol.as_ref().map(|protocol| protocol.value);
    let own_backoff = raw.backoff.as_ref().and_then(|raw| backoff(&raw.value, found));
    let mut client = match (sdk, protocol) {
        (Some(sdk), _) => sdk.client(),
        (None, Some(protocol)) => ClientSpec::new(protocol, Backoff::NACOS_JAVA),
        (None, None) => placeholder(),
    };
    if let (Some(sdk), Some(field)) =
        (sdk, raw.protocol.as_ref().filter(|field| field.value != client.protocol))
    {
        found
            .error("scenario::conflict", field.span, format!("`{}` does not speak this protocol", sdk.name()))
            .help("leave `protocol` out, or leave `like` out and give a `backoff`");
    }
    if !raw.has("like") {
        for key in ["protocol", "backoff"].into_iter().filter(|key| !raw.has(key)) {
            found
                .error("scenario::missing_key", span, format!("key `{key}` is missing"))
                .label("in this client")
                .help("write `like: nacos-java-2` or another SDK, or give both `protocol` and `backoff`");
        }
    }
    client.backoff = own_backoff.unwrap_or(client.backoff);
    if let Some(raw) = &raw.cache {
        cache(&raw.value, raw.span, &mut client, found);
    }
    client.registers = given(raw.registers.as_ref(), client.registers);
    client.pace = raw.pace.as_ref().map_or(client.pace, |raw| pace::pace(&raw.value, found));
    client.defect = raw.defect.as_ref().map(|defect| defect.value);
    if sdk.is_some() || protocol.is_some() {
        only_for_the_protocol(raw, client.protocol, found);
    }
    times(raw, &mut client, found);
    client
}

fn times(raw: &RawClient, client: &mut ClientSpec, found: &mut Findings) {
    for (field, what, target) in [
        (&raw.request_timeout, "request-timeout", &mut client.request_timeout),
        (&raw.connect_timeout, "connect-timeout", &mut client.connect_timeout),
        (&raw.poll_timeout, "poll-timeout", &mut client.poll_timeout),
        (&raw.poll_grace, "poll-grace", &mut client.poll_grace),
    ] {
        positive(field.as_ref(), what, found);
        *target = given(field.as_ref(), *target);
    }
    if let Some(Spanned { value, span }) = &raw.resync {
        if value.0.is_some_and(|time| time.is_zero()) {
            found.error("scenario::zero", *span, "`resync` cannot be zero").help("write `resync: none`");
        }
        client.resync = value.0;
    }
    client.checks_certificates = given(raw.checks_certificates.as_ref(), client.checks_certificates);
    client.lists_around_query = given(raw.lists_around_query.as_ref(), client.lists_around_query);
    positive(raw.retry.as_ref(), "retry", found);
    client.habits.retry = given(raw.retry.as_ref(), client.habits.retry);
    if let Some(Spanned { value, span }) = &raw.query_limit {
        if value.0.is_some_and(|limit| limit == 0 || limit > MAX_QUERIES) {
            let message = format!("`query-limit` is a number from 1 to {MAX_QUERIES}");
            found.error("scenario::out_of_range", *span, message).help("write `query-limit: none`");
        }
        client.habits.queries_per_second = value.0.and_then(|limit| u8::try_from(limit).ok());
    }
    if let Some(Spanned { value, .. }) = &raw.health_check {
        health(value, client, found);
    }
}

fn health(raw: &RawHealth, client: &mut ClientSpec, found: &mut Findings) {
    let before = client.health_check.unwrap_or_default();
    client.health_check = match raw {
        RawHealth::None => None,
        RawHealth::Adaptive => {
            client.habits.probing = Probing::ByQuality;
            // A good link's.
            Some(HealthCheck { every: Duration::from_secs(30), tries: 2, ..before })
        }
        RawHealth::Fixed(raw) => {
            positive(raw.every.as_ref(), "every", found);
            positive(raw.timeout.as_ref(), "timeout", found);
            positive(raw.tries.as_ref(), "tries", found);
            client.habits.probing = given(raw.when.as_ref(), client.habits.probing);
            Some(HealthCheck {
                every: given(raw.every.as_ref(), before.every),
                timeout: given(raw.timeout.as_ref(), before.timeout),
                tries: given(raw.tries.as_ref(), before.tries),
            })
        }
    };
}

fn cache(raw: &RawCache, span: Span, client: &mut ClientSpec, found: &mut Findings) {
    let parts = match raw {
        RawCache::Whole(cache) => {
            client.cache = *cache;
            return;
        }
        RawCache::Parts(parts) => parts,
    };
    let before = if client.cache == Cache::None { Cache::Snapshot } else { client.cache };
    let snapshot = parts.snapshot.as_ref().map(|snapshot| snapshot.value.0);
    if let Some(Some(write)) = snapshot {
        client.habits.snapshot.write = write;
    }
    let served = parts.served.as_ref().map(|served| served.value);
    client.cache = match (snapshot, served) {
        (Some(None), _) => Cache::None,
        (_, Some(true)) => Cache::Snapshot,
        (_, Some(false)) => Cache::WriteOnly,
        (_, None) => before,
    };
    if let Some(served) = parts.served.as_ref().filter(|_| client.cache == Cache::None) {
        found
            .error("scenario::conflict", served.span, "there is no snapshot that could be served")
            .help("leave `served` out, or choose how the snapshot is written");
    }
    client.failover = given(parts.failover.as_ref(), client.failover);
    let reads_none = client.protocol == Protocol::NacosHttp
        || Sdk::ALL
            .iter()
            .any(|sdk| client.like.as_deref() == Some(sdk.name()) && !sdk.reads_failover_files());
    if client.failover != Failover::None && reads_none {
        found
            .error(
                "scenario::conflict",
                parts.failover.as_ref().map_or(span, |failover| failover.span),
                "this client is not simulated with failover files",
            )
            .help("remove `failover`; nacos-java-2, nacos-java-3, nacos-go-2 and nacos-python-3 have them");
    }
}

fn only_for_the_protocol(raw: &RawClient, protocol: Protocol, found: &mut Findings) {
    let span_of = |span: Option<Span>, key: &'static str| span.map(|span| (key, span));
    let (name, foreign) = match protocol {
        Protocol::NacosHttp => (
            "gRPC",
            [
                span_of(raw.health_check.as_ref().map(|field| field.span), "health-check"),
                span_of(raw.resync.as_ref().map(|field| field.span), "resync"),
                span_of(raw.lists_around_query.as_ref().map(|field| field.span), "lists-around-query"),
                span_of(raw.query_limit.as_ref().map(|field| field.span), "query-limit"),
            ],
        ),
        Protocol::NacosGrpc => (
            "HTTP",
            [
                span_of(raw.poll_timeout.as_ref().map(|field| field.span), "poll-timeout"),
                span_of(raw.poll_grace.as_ref().map(|field| field.span), "poll-grace"),
                None,
                None,
            ],
        ),
    };
    for (key, span) in foreign.into_iter().flatten() {
        found
            .error("scenario::conflict", span, format!("`{key}` is for {name} clients, and this is none"))
            .help("remove it, or choose the other protocol");
    }
}

fn backoff(raw: &RawBackoff, found: &mut Findings) -> Option<Backoff> {
    match raw {
        RawBackoff::Constant(raw) => {
            positive(raw.delay.as_ref(), "delay", found);
            Some(Backoff::Constant { delay: raw.delay.as_ref()?.value })
        }
        RawBackoff::Linear(raw) => {
            positive(raw.base.as_ref(), "base", found);
            positive(raw.step.as_ref(), "step", found);
            let (base, cap) = base_and_cap(raw.base.as_ref(), raw.cap.as_ref(), found)?;
            if let Some(jitter) = raw.jitter.as_ref().filter(|field| field.value == Jitter::Decorrelated) {
                found
                    .error(
                        "scenario::conflict",
                        jitter.span,
                        "decorrelated jitter takes the place of the growth",
                    )
                    .help("write it under `exponential`, with the same `base` and `cap`");
            }
            let jitter = given(raw.jitter.as_ref(), Jitter::None);
            Some(Backoff::Linear { base, step: raw.step.as_ref()?.value, cap, jitter })
        }
        RawBackoff::Exponential(raw) => {
            positive(raw.base.as_ref(), "base", found);
            let (base, cap) = base_and_cap(raw.base.as_ref(), raw.cap.as_ref(), found)?;
            Some(Backoff::Exponential { base, cap, jitter: given(raw.jitter.as_ref(), Jitter::None) })
        }
    }
}

fn base_and_cap(
    base: Option<&Spanned<Duration>>,
    cap: Option<&Spanned<Duration>>,
    found: &mut Findings,
) -> Option<(Duration, Duration)> {
    let (base, cap) = (base?, cap?);
    if cap.value < base.value {
        found
            .error("scenario::out_of_range", cap.span, "the cap of a backoff is not below its base")
            .help("raise `cap`, or lower `base`");
    }
    Some((base.value, cap.value.max(Duration::from_nanos(1))))
}
