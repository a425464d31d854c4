//! Servers and proxies that somebody else runs, and the bounds that hold there (ADR 24).

mod tls;

use std::collections::VecDeque;

use shakedown_model::plan::{
    Backend, ExternalNode, ExternalProxy, ExternalSpec, Plan, ProxyKind, ProxyPlace, ProxySpec, ServerSpec,
};
use shakedown_model::{Offset, time::nanos};

use super::{given, positive};
use crate::field::PerSecond;
use crate::problem::Findings;
use crate::raw::{RawExternal, RawExternalNode, RawExternalProxy, RawProxy, RawScenario, RawServer};
use crate::source::{Span, Spanned};

/// The ceiling of a scenario that names none: what a person's changes come to at their busiest.
const DEFAULT_RATE: f64 = 10.0;
/// The highest ceiling.
const MAX_RATE: f64 = 10_000.0;
/// A server that somebody else runs is there or not: it is not waited for as one that starts.
const READY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
/// The name that every server gives its first user.
const FIRST_USER: &str = "nacos";

/// What the external backend is told, and what it cannot do.
pub(super) fn server(raw: &RawServer, server: &mut ServerSpec, found: &mut Findings) {
    first_user(raw, server, found);
    let is_external = server.backend == Backend::External;
    match &raw.external {
        None if is_external && !raw.has_broken_external() => {
            let backend = raw.backend.as_ref().expect("another backend than the default was given");
            found
                .error("scenario::missing_key", backend.span, "`backend: external` needs addresses")
                .help("write `external: { nodes: [ { http: \"host:8848\" } ] }` beside it");
        }
        None => {}
        Some(external) if !is_external => {
            found
                .error(
                    "scenario::not_supported",
                    external.span,
                    "only servers that somebody else runs have addresses",
                )
                .help("remove `external`, or choose `backend: external`");
        }
        Some(external) => {
            server.external = Some(spec(&external.value, external.span, found));
            server.nodes = u16::try_from(external.value.nodes.as_ref().map_or(1, |nodes| nodes.value.len()))
                .unwrap_or(1);
            server.ready_timeout = given(raw.ready_timeout.as_ref(), READY_TIMEOUT);
            if let Some(nodes) = &raw.nodes {
                found
                    .error(
                        "scenario::conflict",
                        nodes.span,
                        "how many nodes there are is told by their addresses",
                    )
                    .help("remove `nodes`, and list each node in `external.nodes`");
            }
        }
    }
}

/// A server that the run makes has one user, whose name is fixed.
fn first_user(raw: &RawServer, server: &ServerSpec, found: &mut Findings) {
    let is_made = matches!(server.backend, Backend::Process | Backend::Container);
    let username = raw.login.as_ref().and_then(|login| login.value.username.as_ref());
    if let Some(username) = username.filter(|name| is_made && name.value != FIRST_USER) {
        found
            .error("scenario::not_supported", username.span, "a server that the run starts has no such user")
            .help(format!("write `username: {FIRST_USER}`, the name that every Nacos gives its first user; the password is yours"));
    }
}

fn spec(raw: &RawExternal, span: Span, found: &mut Findings) -> ExternalSpec {
    if raw.nodes.as_ref().is_some_and(|nodes| nodes.value.is_empty()) {
        found
            .error("scenario::zero", span, "`nodes` lists nothing that can be used")
            .help("name at least one node");
    }
    positive(raw.max_rate.as_ref(), "max-rate", found);
    if let Some(rate) = raw.max_rate.as_ref().filter(|rate| rate.value.0 > MAX_RATE) {
        found.error("scenario::out_of_range", rate.span, format!("a ceiling is at most {MAX_RATE}/s"));
    }
    if let Some(namespace) = &raw.namespace {
        super::items::legal(&namespace.value, namespace.span, "a namespace", found);
    }
    ExternalSpec {
        nodes: raw.nodes.as_ref().map_or_else(Vec::new, |nodes| self::nodes(&nodes.value, found)),
        namespace: raw.namespace.as_ref().map(|namespace| namespace.value.clone()),
        max_publishes_per_second: given(raw.max_rate.as_ref(), PerSecond(DEFAULT_RATE)).0,
        tls: raw.tls.as_ref().map(|tls| tls::spec(&tls.value, found)),
    }
}

fn nodes(raw: &[Spanned<RawExternalNode>], found: &mut Findings) -> Vec<ExternalNode> {
    let node = |node: &Spanned<RawExternalNode>| {
        let http = node.value.http.as_ref()?;
        address(http, found);
        if let Some(grpc) = &node.value.grpc {
            address(grpc, found);
        }
        let node = ExternalNode {
            http: http.value.clone(),
            grpc: node.value.grpc.as_ref().map(|grpc| grpc.value.clone()),
        };
        if node.grpc.is_none() && node.grpc_address() == node.http && is_address(&node.http) {
            found
                .error("scenario::out_of_range", http.span, "the gRPC port, 1000 above, would be none")
                .help("give `grpc` too");
        }
        Some(node)
    };
    raw.iter().filter_map(node).collect()
}

fn address(text: &Spanned<String>, found: &mut Findings) {
    if !is_address(&text.value) {
        found
            .error("scenario::bad_value", text.span, "this is no address")
            .help("write a host and a port, such as `nacos.example:8848` or `10.0.0.7:8848`, without a scheme or a path");
    }
}

fn is_address(text: &str) -> bool {
    let legal = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
    };
    text.rsplit_once(':')
        .is_some_and(|(host, port)| legal(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Whether the proxies are somebody else's, and what such cannot do.
pub(super) fn proxy(raw: &RawProxy, proxy: ProxySpec, found: &mut Findings) -> ProxySpec {
    let Some(Spanned { value: external, span }) = &raw.external else { return proxy };
    if proxy.kind != ProxyKind::Toxiproxy {
        found
            .error("scenario::not_supported", *span, "only a Toxiproxy can be somebody else's")
            .help("remove `external`, or choose `kind: toxiproxy`");
    }
    for (is_given, span, key) in [
        (raw.place.is_some(), raw.place.as_ref().map(|place| place.span), "place"),
        (raw.home.is_some(), raw.home.as_ref().map(|home| home.span), "home"),
        (raw.image.is_some(), raw.image.as_ref().map(|image| image.span), "image"),
    ] {
        if let Some(span) = span.filter(|_| is_given) {
            found
                .error(
                    "scenario::conflict",
                    span,
                    format!("a Toxiproxy that somebody else runs has no `{key}` here"),
                )
                .help(format!("remove `{key}`, or remove `external`"));
        }
    }
    match external_proxy(external, found) {
        Some(external) => ProxySpec { place: ProxyPlace::External(external), ..proxy },
        None => proxy,
    }
}

fn external_proxy(raw: &RawExternalProxy, found: &mut Findings) -> Option<ExternalProxy> {
    if let Some(api) = &raw.api {
        address(api, found);
    }
    let ports = raw.ports.as_ref()?;
    let port = |at: usize| {
        ports.value.get(at).and_then(|port| u16::try_from(port.value).ok()).filter(|port| *port > 0)
    };
    let range = (port(0), port(1), ports.value.len());
    let (Some(first), Some(last), 2) = range else {
        found
            .error(
                "scenario::out_of_range",
                ports.span,
                "these are not the first and the last of a range of ports",
            )
            .help("write two ports, such as `[21000, 21099]`");
        return None;
    };
    if first > last {
        found.error("scenario::out_of_range", ports.span, "the last port comes before the first");
    }
    let upstreams = raw.upstreams.as_ref().map_or_else(Vec::new, |nodes| self::nodes(&nodes.value, found));
    Some(ExternalProxy { api: raw.api.as_ref()?.value.clone(), ports: (first, last), upstreams })
}

/// What of a scenario does not go together with servers that somebody else runs.
pub(super) fn together(raw: &RawScenario, plan: &Plan, found: &mut Findings) {
    if let (ProxyPlace::External(external), Some(proxy)) = (&plan.proxy.place, &raw.proxy)
        && let Some(written) =
            proxy.value.external.as_ref().and_then(|external| external.value.upstreams.as_ref())
        && external.upstreams.len() != usize::from(plan.server.nodes)
    {
        found
            .error("scenario::conflict", written.span, "there are not as many upstreams as nodes")
            .help(format!("list {} of them, in the order of the nodes", plan.server.nodes));
    }
    if plan.server.external.is_none() {
        return;
    }
    let namespaces = raw.items.as_ref().and_then(|items| items.value.namespaces.as_ref());
    if let Some(namespaces) = namespaces {
        found
            .error("scenario::conflict", namespaces.span, "items at servers that somebody else runs lie in one namespace")
            .help("remove `namespaces`; `server.external.namespace` names one, and without it the run makes its own");
    }
}

/// Refuses a plan that publishes more often than the ceiling allows in any window of it.
pub(super) fn within_ceiling(raw: &RawScenario, plan: &Plan, found: &mut Findings) {
    let Some(ceiling) = plan.server.external.as_ref().map(|external| external.max_publishes_per_second)
    else {
        return;
    };
    let Some(mutations) = &raw.mutations else { return };
    let span = mutations.value.arrivals.as_ref().map_or(mutations.span, |arrivals| arrivals.span);
    if let Some((at, count)) = busiest(plan, ceiling) {
        found
            .error(
                "scenario::too_fast",
                span,
                format!("this plan publishes {count} times within a second at {at}, and the ceiling of these servers is {ceiling}/s"),
            )
            .help("lower the arrivals, or raise `server.external.max-rate` if the servers' owner agrees");
    }
}

/// The second with the most publishes, if any window of the ceiling has more than it allows.
fn busiest(plan: &Plan, ceiling: f64) -> Option<(Offset, usize)> {
    let allowed = ceiling.floor().max(1.0);
    let window = nanos(std::time::Duration::from_secs_f64(allowed / ceiling));
    let (mut within, mut worst) = (VecDeque::new(), None::<(Offset, usize)>);
    for mutation in plan.mutations() {
        // The end of a gray release writes, and takes the gray content away.
        let steps = if mutation.kind.ends_gray() { 2 } else { 1 };
        within.extend(std::iter::repeat_n(mutation.intended, steps));
        while within.front().is_some_and(|first| mutation.intended.0 - first.0 >= window) {
            within.pop_front();
        }
        #[expect(clippy::cast_precision_loss, reason = "a window has few publishes")]
        let is_above = within.len() as f64 > allowed;
        if is_above && worst.is_none_or(|(_, most)| within.len() > most) {
            worst = Some((mutation.intended, within.len()));
        }
    }
    worst
}
