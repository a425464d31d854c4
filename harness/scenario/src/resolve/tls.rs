//! TLS in front of the servers that the run brings up, and what does not go together with TLS, whoever speaks it.

use shakedown_model::plan::{
    Backend, CONNECTIONS_PER_SOURCE, Plan, Protocol, ProxyKind, ProxyPlace, ServerSpec, TlsClients,
    TlsFrontSpec, TlsPorts,
};

use super::given;
use crate::problem::Findings;
use crate::raw::{RawScenario, RawServer};

/// What is put in front of the nodes.
pub(super) fn front(raw: &RawServer, server: &ServerSpec, found: &mut Findings) -> Option<TlsFrontSpec> {
    let tls = raw.tls.as_ref()?;
    if server.backend == Backend::External {
        found
            .error(
                "scenario::not_supported",
                tls.span,
                "nothing is put in front of servers that somebody else runs",
            )
            .help("say in `server.external.tls` how they speak TLS");
    }
    Some(TlsFrontSpec {
        on: given(tls.value.on.as_ref(), TlsPorts::Both),
        clients: given(tls.value.clients.as_ref(), TlsClients::Anyone),
    })
}

/// What of a scenario does not go together with its TLS.
pub(super) fn together(raw: &RawScenario, plan: &Plan, found: &mut Findings) {
    refuse_drivers(raw, plan, found);
    refuse_careless_in_the_clear(raw, plan, found);
    let Some(tls) = raw.server.as_ref().and_then(|server| server.value.tls.as_ref()) else { return };
    if plan.proxy.kind == ProxyKind::Toxiproxy && plan.proxy.place == ProxyPlace::Container {
        found
            .error(
                "scenario::not_supported",
                tls.span,
                "a proxy in a container would go around the TLS in front of the nodes",
            )
            .help("let Toxiproxy be a process (`place: process`), or choose `proxy: { kind: embedded }`");
    }
    let most = CONNECTIONS_PER_SOURCE * u32::from(plan.server.nodes.max(1));
    if plan.watcher_count() > most {
        found
            .error(
                "scenario::too_big",
                tls.span,
                format!(
                    "what terminates TLS holds connections of {CONNECTIONS_PER_SOURCE} watchers to each node"
                ),
            )
            .help("lower the groups' `count`, or raise `server.nodes`");
    }
}

/// Real clients are told addresses and nothing of TLS.
fn refuse_drivers(raw: &RawScenario, plan: &Plan, found: &mut Findings) {
    if ![Protocol::NacosHttp, Protocol::NacosGrpc].iter().any(|protocol| plan.server.has_tls(*protocol)) {
        return;
    }
    for group in raw.watchers.iter().flat_map(|groups| &groups.value) {
        let client = group.value.client.as_ref();
        if let Some(driver) = client.and_then(|client| client.value.driver.as_ref()) {
            found
                .error("scenario::not_supported", driver.span, "drivers of real clients do not speak TLS yet")
                .help("watch with a simulated client, such as `client: { like: nacos-go-2 }`, or remove `tls` from `server`");
        }
    }
}

/// A client that speaks in the clear has no certificate to look at.
fn refuse_careless_in_the_clear(raw: &RawScenario, plan: &Plan, found: &mut Findings) {
    let groups = raw.watchers.iter().flat_map(|groups| &groups.value);
    for (raw, group) in groups.zip(&plan.groups) {
        let client = raw.value.client.as_ref().map(|client| &client.value);
        let Some(checks) = client.and_then(|client| client.checks_certificates.as_ref()) else { continue };
        if !plan.server.has_tls(group.client.protocol) {
            found
                .error(
                    "scenario::not_supported",
                    checks.span,
                    "this client speaks in the clear: nobody shows it a certificate",
                )
                .help("give `server` a `tls`, or remove `checks-certificates`");
        }
    }
}
