//! What strangers do to the control plane.

use std::time::Duration;

use shakedown_model::fault::{ControlFault, Overload, StrayWrite};
use shakedown_model::plan::{Backend, Plan};

use super::{given, positive};
use crate::problem::Findings;
use crate::raw::{RawAction, RawOverload};
use crate::source::Span;

/// The most users: more than a control plane has, and each has a connection of its own.
const MOST_USERS: u32 = 1000;
/// From one stray write to the next, unless it is said.
const EVERY: Duration = Duration::from_millis(200);

/// What they do; `None` for another kind of fault, and when it is ill-formed.
pub(super) fn does(raw: &RawAction, span: Span, plan: &Plan, found: &mut Findings) -> Option<ControlFault> {
    let fault = match raw {
        RawAction::Overload(raw) => ControlFault::Overload(overload(raw, span, plan, found)?),
        RawAction::StrayWrites(raw) => {
            positive(raw.every.as_ref(), "every", found);
            let every = given(raw.every.as_ref(), EVERY);
            let what = raw.what.as_ref()?;
            if what.value == StrayWrite::LostRace && plan.mutator.kinds.delete > 0 {
                found
                    .error(
                        "scenario::conflict",
                        what.span,
                        "a deleted item takes a write whatever MD5 it names",
                    )
                    .help("leave `delete` out of `mutations.kinds`, or choose another stray write");
            }
            ControlFault::StrayWrites { what: what.value, every }
        }
        _ => return None,
    };
    if plan.server.backend == Backend::External {
        let message = format!("`{}` is not done to servers that somebody else runs", fault.name());
        found
            .error("scenario::not_supported", span, message)
            .help("choose another backend: publishes there stay below `server.external.ceiling`");
    }
    Some(fault)
}

fn overload(raw: &RawOverload, span: Span, plan: &Plan, found: &mut Findings) -> Option<Overload> {
    let users = raw.users.as_ref()?;
    if !(1..=MOST_USERS).contains(&users.value) {
        found
            .error("scenario::out_of_range", users.span, format!("there are 1 to {MOST_USERS} users"))
            .help("write a number in that range");
    }
    let load = Overload {
        users: users.value,
        reads: given(raw.reads.as_ref(), 8),
        publishes: given(raw.publishes.as_ref(), 1),
        logins: given(raw.logins.as_ref(), 0),
        pause: given(raw.pause.as_ref(), Duration::ZERO),
    };
    if load.reads == 0 && load.publishes == 0 && load.logins == 0 {
        found
            .error("scenario::zero", span, "users have nothing to do")
            .help("give `reads` a weight above zero");
    }
    if let Some(logins) = raw.logins.as_ref().filter(|logins| logins.value > 0 && plan.server.login.is_none())
    {
        found
            .error("scenario::not_supported", logins.span, "nobody can log in to this server")
            .help("give `server` a `login`, or leave `logins` out");
    }
    Some(load)
}
