//! Bad answers and troubled streams that the proxies bring about, before any server.

use shakedown_model::GroupId;
use shakedown_model::fault::{CallKind, FaultAction, PathTrouble};
use shakedown_model::plan::{Plan, Protocol};

use super::super::troubles;
use super::{Given, Place, embedded_only};
use crate::field::Record;
use crate::problem::Findings;
use crate::raw::{RawAction, RawAnswers, RawStreams};
use crate::source::Span;

/// Whether a fault names connections, so that proxies are to do it.
pub(super) fn is_chosen(raw: &RawAction) -> bool {
    let names = |raw: &dyn Fn(&str) -> bool| raw("link") || raw("groups");
    match raw {
        RawAction::Answers(raw) => names(&|key| raw.has(key)),
        RawAction::GoAway(raw)
        | RawAction::RstStream(raw)
        | RawAction::StalledWindow(raw)
        | RawAction::SwallowedAck(raw) => names(&|key| raw.has(key)),
        _ => false,
    }
}

/// What they do, and to whom.
pub(super) fn does(
    raw: &RawAction,
    span: Span,
    plan: &Plan,
    found: &mut Findings,
) -> Option<(FaultAction, Place)> {
    let place = match raw {
        RawAction::Answers(raw) => {
            let RawAnswers { link, groups, nodes, .. } = raw;
            Given { link: link.as_ref(), groups: groups.as_ref(), nodes: nodes.as_ref() }
                .place(raw, span, plan, found)
        }
        RawAction::GoAway(raw)
        | RawAction::RstStream(raw)
        | RawAction::StalledWindow(raw)
        | RawAction::SwallowedAck(raw) => {
            let RawStreams { link, groups, nodes, .. } = raw;
            Given { link: link.as_ref(), groups: groups.as_ref(), nodes: nodes.as_ref() }
                .place(raw, span, plan, found)
        }
        _ => None,
    };
    let (place, trouble) = (place?, troubles::either(raw, found)?);
    let name = trouble.name();
    embedded_only(name, span, plan, found);
    let speaks = |group: &GroupId, protocol| plan.groups[group.index()].client.protocol == protocol;
    let is_hidden = |group: &GroupId| plan.server.has_tls(plan.groups[group.index()].client.protocol);
    if place.groups.iter().any(is_hidden) {
        found
            .error(
                "scenario::not_supported",
                span,
                format!("`{name}` needs a proxy that can read, and these connections speak TLS"),
            )
            .help("let it be done to groups that speak in the clear, or choose a fault such as `reset`");
    }
    match trouble {
        PathTrouble::Stream { .. } => {
            if !place.groups.iter().any(|group| speaks(group, Protocol::NacosGrpc)) {
                found
                    .error(
                        "scenario::not_supported",
                        span,
                        format!("`{name}` is about gRPC, which none of these groups speaks"),
                    )
                    .help("name a group or link with clients such as `like: nacos-java-2`");
            }
        }
        PathTrouble::Answers(answers) => {
            let is_driven =
                place.groups.iter().any(|group| plan.groups[group.index()].client.driver.is_some());
            for (kind, passes, why) in [
                (CallKind::Write, false, "writes go straight to the servers, not through a proxy"),
                (
                    CallKind::Login,
                    is_driven,
                    "simulated watchers log in straight at the servers, not through a proxy",
                ),
            ] {
                if answers.to.has(kind) && !passes {
                    found
                        .error("scenario::not_supported", span, why)
                        .help("leave them out of `to`, or leave `link` and `groups` out: then embedded server nodes do it");
                }
            }
        }
    }
    Some((FaultAction::Path { trouble }, place))
}
