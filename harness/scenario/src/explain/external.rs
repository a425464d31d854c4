//! Servers and proxies that somebody else runs.

use std::fmt::{self, Write as _};

use shakedown_model::plan::{
    ExternalNode, ExternalProxy, ExternalSpec, TlsClients, TlsFrontSpec, TlsPorts, TlsSpec,
};

pub(super) fn server(out: &mut String, external: &ExternalSpec) -> fmt::Result {
    for node in &external.nodes {
        writeln!(out, "    - {}", addresses(node))?;
    }
    match &external.namespace {
        Some(namespace) => {
            writeln!(out, "  namespace: {namespace} # chosen; the run's items are deleted at its end")?;
        }
        None => writeln!(out, "  namespace: one of the run's own # made, and removed at its end")?,
    }
    if let Some(spec) = &external.tls {
        tls(out, spec)?;
    }
    writeln!(out, "  max-rate: {}/s # publishes, bursts included", external.max_publishes_per_second)?;
    writeln!(out, "  data ids: with the run's number after their prefix")
}

pub(super) fn proxy(out: &mut String, external: &ExternalProxy) -> fmt::Result {
    writeln!(
        out,
        "  kind: toxiproxy # somebody else's; only proxies with the run's name are made, and removed"
    )?;
    writeln!(out, "  api: {}", external.api)?;
    writeln!(out, "  ports: {} to {}", external.ports.0, external.ports.1)?;
    for node in &external.upstreams {
        writeln!(out, "  upstream: {}", addresses(node))?;
    }
    Ok(())
}

fn tls(out: &mut String, spec: &TlsSpec) -> fmt::Result {
    let on = ports(spec.on);
    let checked = match (&spec.ca, spec.verify) {
        (_, false) => "not checked: anybody between can read and change everything".to_owned(),
        (Some(ca), true) => format!("signed by an authority of {}", ca.display()),
        (None, true) => "signed by an authority that this machine trusts".to_owned(),
    };
    let name = spec.server_name.as_deref().unwrap_or("the host of each address");
    let own = if spec.client_certificate.is_some() { "with a certificate" } else { "without a certificate" };
    writeln!(out, "  tls: {on}; servers' certificates for {name}, {checked}; clients {own}")
}

/// TLS before nodes that the run brings up.
pub(super) fn front(out: &mut String, spec: TlsFrontSpec) -> fmt::Result {
    let clients = match spec.clients {
        TlsClients::Anyone => "anyone is let in",
        TlsClients::Certified => "clients show certificates",
    };
    writeln!(out, "  tls: {} # terminated before the nodes; {clients}", ports(spec.on))
}

const fn ports(on: TlsPorts) -> &'static str {
    match on {
        TlsPorts::Both => "HTTP and gRPC",
        TlsPorts::Http => "HTTP alone",
        TlsPorts::Grpc => "gRPC alone",
    }
}

fn addresses(node: &ExternalNode) -> String {
    format!("http {}, grpc {}", node.http, node.grpc_address())
}
