//! Faults of servers, and what the chosen servers cannot suffer.

use std::time::Duration;

use shakedown_model::NodeId;
use shakedown_model::fault::{CertificateTrouble, ServerFault};
use shakedown_model::plan::{Backend, Plan, ServerSpec, TlsClients, UpgradeSpec};

use super::faults::nodes;
use super::given;
use crate::field::Selection;
use crate::problem::Findings;
use crate::raw::{RawAction, RawNodes, RawNothing, RawRound, RawUpgrade};
use crate::source::{Span, Spanned};

/// From one node's readiness to the next one's stop, unless it is said.
const PAUSE: Duration = Duration::from_secs(5);
/// Fewer nodes cannot elect a leader when one is gone.
const FEWEST_TO_ELECT: u16 = 3;

/// What a fault of servers does, and to which nodes; none named for all of them.
pub(super) fn does(
    raw: &RawAction,
    span: Span,
    plan: &Plan,
    found: &mut Findings,
) -> Option<(ServerFault, Vec<NodeId>)> {
    let of = |raw: &RawNodes, found: &mut Findings| named(raw.nodes.as_ref(), plan, found);
    let round = |raw: &RawRound, found: &mut Findings| {
        (given(raw.pause.as_ref(), PAUSE), named(raw.nodes.as_ref(), plan, found))
    };
    let (fault, nodes) = match raw {
        RawAction::Kill(raw) => (ServerFault::Kill, of(raw, found)),
        RawAction::Stop(raw) => (ServerFault::Stop, of(raw, found)),
        RawAction::Pause(raw) => (ServerFault::Pause, of(raw, found)),
        RawAction::Disconnect(raw) => (ServerFault::Disconnect, of(raw, found)),
        RawAction::Certificate(raw) => {
            let trouble = raw.shows.as_ref()?.value.0;
            (certificate(trouble, raw.cuts.as_ref()), named(raw.nodes.as_ref(), plan, found))
        }
        RawAction::ClientsUntrusted(raw) => {
            let fault = certificate(CertificateTrouble::ClientsUntrusted, raw.cuts.as_ref());
            (fault, named(raw.nodes.as_ref(), plan, found))
        }
        RawAction::LeaderLoss(raw) => leader_loss(raw),
        RawAction::RollingRestart(raw) => {
            let (pause, nodes) = round(raw, found);
            (ServerFault::RollingRestart { pause }, nodes)
        }
        RawAction::Upgrade(raw) => {
            let (pause, nodes) = round(raw, found);
            (ServerFault::Upgrade { pause }, nodes)
        }
        _ => return None,
    };
    is_possible(fault, &plan.server, span, found).then_some((fault, nodes))
}

fn certificate(trouble: CertificateTrouble, cuts: Option<&Spanned<bool>>) -> ServerFault {
    ServerFault::Certificate { trouble, cuts: given(cuts, false) }
}

/// Whoever leads is not known before.
const fn leader_loss(_: &RawNothing) -> (ServerFault, Vec<NodeId>) {
    (ServerFault::LeaderLoss, Vec::new())
}

/// The nodes that a fault names; none for all of them.
pub(super) fn named(raw: Option<&Spanned<Selection<u32>>>, plan: &Plan, found: &mut Findings) -> Vec<NodeId> {
    raw.map_or_else(Vec::new, |raw| nodes(raw, plan, found))
}

/// Refuses what these servers cannot suffer.
fn is_possible(fault: ServerFault, server: &ServerSpec, span: Span, found: &mut Findings) -> bool {
    let name = fault.name();
    let needs_real = "choose `backend: process` or `backend: container`";
    let refusal: Option<(String, &str)> = match (server.backend, fault) {
        (Backend::External, _) => Some((
            format!("`{name}` is not done to servers that somebody else runs"),
            "choose another backend, or a fault on the path such as `reset`",
        )),
        (
            Backend::Embedded,
            ServerFault::LeaderLoss | ServerFault::Disconnect | ServerFault::Upgrade { .. },
        ) => Some((format!("an embedded server has no `{name}`"), needs_real)),
        (Backend::Process, ServerFault::Disconnect) => Some((
            "a process has no network of its own to be cut off from".to_owned(),
            "choose `backend: container`, or `pause`",
        )),
        (_, ServerFault::LeaderLoss) if server.nodes < FEWEST_TO_ELECT => Some((
            format!("`{name}` needs a cluster that can elect another leader"),
            "write `nodes: 3` in `server`, or choose `kill`",
        )),
        (_, ServerFault::Upgrade { .. }) if server.upgrade.is_none() => Some((
            format!("`{name}` needs a version to upgrade to"),
            "give `server` an `upgrade`, such as `upgrade: { version: \"2.5.0\" }`",
        )),
        (_, ServerFault::Certificate { .. }) if server.tls.is_none() => {
            Some((format!("`{name}` needs TLS before the nodes"), "give `server` a `tls`, such as `tls: {}`"))
        }
        (_, ServerFault::Certificate { trouble: CertificateTrouble::ClientsUntrusted, .. })
            if server.tls.is_some_and(|tls| tls.clients == TlsClients::Anyone) =>
        {
            Some((
                format!("`{name}` needs clients that show certificates"),
                "write `clients: certified` in `server.tls`",
            ))
        }
        _ => None,
    };
    if let Some((message, help)) = &refusal {
        found.error("scenario::not_supported", span, message.clone()).help(*help);
    }
    refusal.is_none()
}

/// The version that an upgrade puts in the nodes' place.
pub(super) fn upgrade(
    raw: &Spanned<RawUpgrade>,
    server: &ServerSpec,
    found: &mut Findings,
) -> Option<UpgradeSpec> {
    let RawUpgrade { version, home, image, .. } = &raw.value;
    let version = version.as_ref()?;
    let upgrade = UpgradeSpec {
        version: version.value.clone(),
        home: home.as_ref().map(|home| home.value.clone()),
        image: image.as_ref().map(|image| image.value.clone()),
    };
    let next = ServerSpec { version: upgrade.version.clone(), ..ServerSpec::default() };
    if !super::server::is_supported(&upgrade.version) {
        found
            .error("scenario::not_supported", version.span, "this version of Nacos is not supported here")
            .help("write a version of 2.x or 3.x, such as `2.5.0`");
    } else if next.generation() != server.generation() {
        let message =
            format!("an upgrade from {} to {} changes the protocol", server.version, upgrade.version);
        found
            .error("scenario::not_supported", version.span, message)
            .help("a run speaks either to 2.x or to 3.x; upgrade within one of them");
    }
    super::containers::of_version(image.as_ref(), &upgrade.version, found);
    if !matches!(server.backend, Backend::Process | Backend::Container) {
        found
            .error("scenario::not_supported", raw.span, "these servers cannot be upgraded")
            .help("choose `backend: process` or `backend: container`, or remove `upgrade`");
    }
    Some(upgrade)
}
