//! What server nodes are told to do wrong; embedded ones alone can be. Some of it can be done by proxies instead.

use std::time::Duration;

use shakedown_model::NodeId;
use shakedown_model::fault::{
    AnswerTrouble, BadAnswer, CallKind, Calls, NodeTrouble, PathTrouble, ServerFault, StreamTrouble,
};
use shakedown_model::plan::{Backend, NodeProcesses, Plan};

use super::positive;
use super::server_faults::named;
use super::toxics::ppm;
use crate::field::Share;
use crate::problem::Findings;
use crate::raw::{RawAction, RawAnswers, RawBadAnswer, RawNothing};
use crate::source::{Span, Spanned};

/// The longest that an answer is held back: longer than every client waits.
const SLOWEST: Duration = Duration::from_secs(600);

/// The trouble, and to which nodes; `None` for another kind of fault, and when it is ill-formed.
pub(super) fn does(
    raw: &RawAction,
    span: Span,
    plan: &Plan,
    found: &mut Findings,
) -> Option<(ServerFault, Vec<NodeId>)> {
    if let Some(trouble) = either(raw, found) {
        let nodes = match raw {
            RawAction::Answers(raw) => raw.nodes.as_ref(),
            RawAction::GoAway(raw)
            | RawAction::RstStream(raw)
            | RawAction::StalledWindow(raw)
            | RawAction::SwallowedAck(raw) => raw.nodes.as_ref(),
            _ => None,
        };
        return possible(trouble.at_node(), named(nodes, plan, found), (span, plan), found);
    }
    let (trouble, nodes) = match raw {
        RawAction::ExpireTokens(raw) => {
            if plan.server.login.is_none() && plan.server.backend == Backend::Embedded {
                found
                    .error("scenario::not_supported", span, "nobody has a token that could expire")
                    .help("give `server` a `login`, and let the server ask for it everywhere");
            }
            (NodeTrouble::ExpireTokens, named(raw.nodes.as_ref(), plan, found))
        }
        RawAction::Evict(raw) => {
            let share_ppm = share(raw.share.as_ref(), found);
            (NodeTrouble::Evict { share_ppm }, named(raw.nodes.as_ref(), plan, found))
        }
        RawAction::DriftedMd5(raw) => {
            let share_ppm = share(raw.share.as_ref(), found);
            (NodeTrouble::DriftedMd5 { share_ppm }, named(raw.nodes.as_ref(), plan, found))
        }
        _ => return None,
    };
    possible(trouble, nodes, (span, plan), found)
}

/// What may be done by nodes and by proxies alike; `None` for what is done by nodes alone, and when it is ill-formed.
pub(super) fn either(raw: &RawAction, found: &mut Findings) -> Option<PathTrouble> {
    let (what, raw) = match raw {
        RawAction::Answers(raw) => return Some(PathTrouble::Answers(answers(raw, found)?)),
        RawAction::GoAway(raw) => (StreamTrouble::GoAway, raw),
        RawAction::RstStream(raw) => (StreamTrouble::RstStream, raw),
        RawAction::StalledWindow(raw) => (StreamTrouble::StalledWindow, raw),
        RawAction::SwallowedAck(raw) => (StreamTrouble::SwallowedAck, raw),
        _ => return None,
    };
    Some(PathTrouble::Stream { what, share_ppm: share(raw.share.as_ref(), found) })
}

/// Refuses what these nodes cannot be told.
fn possible(
    trouble: NodeTrouble,
    nodes: Vec<NodeId>,
    (span, plan): (Span, &Plan),
    found: &mut Findings,
) -> Option<(ServerFault, Vec<NodeId>)> {
    let fault = ServerFault::Trouble { trouble };
    if plan.server.backend != Backend::Embedded {
        found
            .error(
                "scenario::not_supported",
                span,
                format!("a real server cannot be told `{}`", fault.name()),
            )
            .help(match trouble {
                NodeTrouble::Answers(_) | NodeTrouble::Stream { .. } => {
                    "let the embedded proxy do it: give the fault a `link`, or `groups: all`"
                }
                NodeTrouble::ExpireTokens | NodeTrouble::Evict { .. } | NodeTrouble::DriftedMd5 { .. } => {
                    "choose `backend: embedded`, or a fault on the path such as `reset`"
                }
            });
        return None;
    }
    if plan.server.embedded.processes == NodeProcesses::Each {
        found
            .error(
                "scenario::not_supported",
                span,
                format!("a node in a process of its own cannot be told `{}`", fault.name()),
            )
            .help("leave `server.embedded.processes` out, or let the proxy do what it can: give the fault a `link` or `groups`");
    }
    Some((fault, nodes))
}

fn answers(raw: &RawAnswers, found: &mut Findings) -> Option<AnswerTrouble> {
    if let Some(to) = raw.to.as_ref().filter(|to| to.value.is_empty()) {
        found
            .error("scenario::zero", to.span, "no kind of call is answered badly")
            .help("name some, or leave it out");
    }
    let default = Calls::default().with(CallKind::Read).with(CallKind::Listen);
    let to = raw
        .to
        .as_ref()
        .map_or(default, |to| to.value.iter().fold(Calls::default(), |calls, kind| calls.with(kind.value)));
    let share_ppm = share(raw.share.as_ref(), found);
    let bad = bad(&raw.with.as_ref()?.value, found);
    Some(AnswerTrouble { to, share_ppm, bad })
}

fn bad(raw: &RawBadAnswer, found: &mut Findings) -> BadAnswer {
    match raw {
        RawBadAnswer::Status(status) => {
            let code = u16::try_from(status.value).ok().filter(|code| (400..600).contains(code));
            if code.is_none() {
                found
                    .error("scenario::out_of_range", status.span, "a bad status lies between 400 and 599")
                    .help("write one such as `403`, `404`, `429` or `503`");
            }
            BadAnswer::Status(code.unwrap_or(500))
        }
        RawBadAnswer::Slow(delay) => {
            positive(Some(delay), "slow", found);
            if delay.value > SLOWEST {
                found
                    .error("scenario::out_of_range", delay.span, "no client waits for as long as this")
                    .help("write at most `600s`, or choose the fault `blackhole`");
            }
            BadAnswer::Slow(delay.value)
        }
        RawBadAnswer::SlowBody(rate) => {
            if rate.value.0 == 0 {
                found
                    .error("scenario::zero", rate.span, "`slow_body` cannot be zero")
                    .help("give it a size above zero, such as `100B`");
            }
            BadAnswer::SlowBody(rate.value.0 as u64)
        }
        RawBadAnswer::Truncated(nothing) => chosen(nothing, BadAnswer::Truncated),
        RawBadAnswer::WrongLength(nothing) => chosen(nothing, BadAnswer::WrongLength),
        RawBadAnswer::Garbage(nothing) => chosen(nothing, BadAnswer::Garbage),
    }
}

/// There is nothing more to say about it.
const fn chosen(_: &RawNothing, bad: BadAnswer) -> BadAnswer {
    bad
}

/// A share of what a fault befalls, in parts per million.
pub(super) fn share(share: Option<&Spanned<Share>>, found: &mut Findings) -> u32 {
    ppm(share, ("share", "fault"), found)
}
