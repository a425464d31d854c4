//! Watchers that go straight to the servers: what is refused for want of a proxy, and where they connect from.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use shakedown_model::fault::{FaultAction, FaultPlan};
use shakedown_model::plan::{CONNECTIONS_PER_SOURCE, Plan, ProxyKind};

use crate::problem::Findings;
use crate::raw::{RawGroup, RawScenario};
use crate::source::{Span, Spanned};

const HELP: &str = "choose `proxy: { kind: embedded }`, or leave this out";

/// Refuses a fault of links where there is no proxy that could do it.
pub(super) fn refuse_fault(fault: &FaultPlan, span: Span, plan: &Plan, found: &mut Findings) {
    let needs_no_proxy = matches!(
        fault.action,
        FaultAction::Crash
            | FaultAction::Watcher { .. }
            | FaultAction::Control { .. }
            | FaultAction::InvalidContent { .. }
            | FaultAction::Server { .. }
    );
    if !needs_no_proxy && plan.proxy.kind == ProxyKind::None {
        found
            .error("scenario::not_supported", span, "this fault acts on proxies, and the proxy is `none`")
            .help(format!("{HELP}; faults of servers and of watchers need no proxy"));
    }
}

/// Refuses what else needs a proxy, and gives each group source addresses of its own unless it says which.
pub(super) fn together(raw: &RawScenario, plan: &mut Plan, found: &mut Findings) {
    if plan.proxy.kind != ProxyKind::None {
        return;
    }
    for (_, link) in raw.links.iter().flat_map(|links| &links.value.0) {
        if let Some(toxics) = link.toxics.as_ref().filter(|toxics| !toxics.value.is_empty()) {
            found
                .error(
                    "scenario::not_supported",
                    toxics.span,
                    "toxics are in proxies, and the proxy is `none`",
                )
                .help(HELP);
        }
    }
    let groups = raw.watchers.as_ref().map_or(&[][..], |groups| groups.value.as_slice());
    for group in groups {
        let driver = group.value.client.as_ref().and_then(|client| client.value.driver.as_ref());
        if let Some(driver) = driver {
            found
                .error(
                    "scenario::not_supported",
                    driver.span,
                    "what a real client's connections do is seen by the proxy, and the proxy is `none`",
                )
                .help(HELP);
        }
    }
    spread(groups, plan, found);
}

/// All groups connect to the same addresses, so each begins behind the sources of those before it.
fn spread(raw: &[Spanned<RawGroup>], plan: &mut Plan, found: &mut Findings) {
    let mut next = Ipv4Addr::LOCALHOST;
    let mut taken: BTreeMap<Ipv4Addr, u32> = BTreeMap::new();
    for (raw, group) in raw.iter().zip(&mut plan.groups) {
        let room = |source: &Ipv4Addr| CONNECTIONS_PER_SOURCE - taken.get(source).copied().unwrap_or(0);
        if raw.value.source.is_none() {
            if group.count.min(CONNECTIONS_PER_SOURCE) > room(&next) {
                next = Ipv4Addr::from_bits(next.to_bits() + 1);
            }
            group.source = next;
        }
        for (source, count) in group.sources() {
            let at = taken.entry(source).or_default();
            *at += count;
            if *at > CONNECTIONS_PER_SOURCE {
                let span = raw.value.source.as_ref().map_or(raw.span, |source| source.span);
                found
                    .error(
                        "scenario::too_many_connections",
                        span,
                        format!("more than {CONNECTIONS_PER_SOURCE} watchers connect from {source}, and without proxies all go to the same addresses"),
                    )
                    .help("give the groups a `source` of their own, or leave `source` out: then each has one");
                return;
            }
            next = next.max(source);
        }
    }
}
