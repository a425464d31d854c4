//! What befalls watchers themselves, and which watchers it cannot befall.

use shakedown_model::GroupId;
use shakedown_model::fault::{ALL_PPM, FaultAction, WatcherFault};
use shakedown_model::plan::{Cache, Plan};

use super::groups;
use crate::field::{Name, Selection};
use crate::problem::Findings;
use crate::raw::RawAction;
use crate::source::{Span, Spanned};

/// What it is, and whom it befalls; `None` for another kind of fault, and when it is ill-formed.
pub(super) fn does(
    raw: &RawAction,
    span: Span,
    plan: &Plan,
    found: &mut Findings,
) -> Option<(FaultAction, Vec<GroupId>)> {
    let (fault, share, selection) = match raw {
        RawAction::Crash(raw) => {
            let selection = raw.groups.as_ref()?;
            let Some(cache) = raw.cache.as_ref() else {
                return Some((FaultAction::Crash, groups(selection, plan, found)));
            };
            (WatcherFault::SpoiledCache { cache: cache.value }, None, selection)
        }
        RawAction::BlockedCallback(raw) => {
            (WatcherFault::BlockedCallback, raw.share.as_ref(), raw.groups.as_ref()?)
        }
        RawAction::PanickingCallback(raw) => {
            (WatcherFault::PanickingCallback, raw.share.as_ref(), raw.groups.as_ref()?)
        }
        RawAction::FullDisk(raw) => (WatcherFault::FullDisk, raw.share.as_ref(), raw.groups.as_ref()?),
        RawAction::SlowConsumer(raw) => {
            super::positive(raw.takes.as_ref(), "takes", found);
            let takes = raw.takes.as_ref()?.value;
            (WatcherFault::SlowConsumer { takes }, raw.share.as_ref(), raw.groups.as_ref()?)
        }
        _ => return None,
    };
    let share_ppm = share.map_or(ALL_PPM, |share| super::troubles::share(Some(share), found));
    let befallen = whom(fault, (selection, span), plan, found);
    Some((FaultAction::Watcher { fault, share_ppm }, befallen))
}

/// The groups; those whom it cannot befall are findings, where they were named.
fn whom(
    fault: WatcherFault,
    (selection, span): (&Spanned<Selection<Name>>, Span),
    plan: &Plan,
    found: &mut Findings,
) -> Vec<GroupId> {
    let mut befallen = groups(selection, plan, found);
    let needs_cache = matches!(fault, WatcherFault::FullDisk | WatcherFault::SpoiledCache { .. });
    let is_named = matches!(selection.value, Selection::Only(_));
    befallen.retain(|group| {
        let group = &plan.groups[group.index()];
        let why = if group.client.driver.is_some() {
            Some(("is of real clients, whose processes the harness does not enter", "name simulated groups"))
        } else if needs_cache && group.client.cache == Cache::None {
            Some(("keeps no snapshots", "give its `client` a `cache: snapshot`, or name another group"))
        } else {
            None
        };
        if let Some((why, help)) = why.filter(|_| is_named) {
            let message = format!("group `{}` {why}, so `{}` is nothing to it", group.name, fault.name());
            found.error("scenario::not_supported", selection.span, message).help(help);
        }
        why.is_none()
    });
    if befallen.is_empty() && !is_named {
        found
            .error("scenario::zero", span, format!("there is no group that `{}` could befall", fault.name()))
            .help("give a simulated group a `cache: snapshot`, or remove the fault");
    }
    befallen
}
