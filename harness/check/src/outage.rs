//! Outages: from a loss or a crash to the next subscription, and the fault that each belongs to.
//!
//! An outage belongs to the fault that was in force on the watcher's group when it began, or that had ended no longer
//! ago than the group needs to notice: all tries of its health check, or its long poll, and five seconds. Where several
//! fit, one still in force wins, then the one applied last. A further loss before the subscription goes on with the
//! same outage; a crash on purpose ends it and begins another. Of real clients whose connections nobody sees there are
//! none: not observed is neither short nor long.

use std::ops::Range;
use std::time::Duration;

use shakedown_model::fault::{ALL_PPM, FaultAction, FaultPlan, ServerFault, ToxicKind};
use shakedown_model::plan::{ClientSpec, ProxyKind};
use shakedown_model::{FaultId, GroupId, NodeId, Offset, WatcherId};

use crate::evidence::Evidence;
use crate::index::Turn;

/// What a client may take to notice a loss beyond its own time-outs.
const GRACE: Duration = Duration::from_secs(5);

/// A stretch in which a watcher was not subscribed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) watcher: WatcherId,
    pub(crate) group: GroupId,
    /// The loss, or the crash.
    pub(crate) from: Offset,
    /// Whether it began with a crash on purpose.
    pub(crate) is_crash: bool,
    /// When a crashed watcher started again.
    pub(crate) cold_start: Option<Offset>,
    /// The next subscription.
    pub(crate) until: Option<Offset>,
    /// The crash that ended it instead.
    pub(crate) crashed: Option<Offset>,
    /// The fault that it belongs to.
    pub(crate) fault: Option<FaultId>,
    /// Its attempts, as places in the watcher's list.
    pub(crate) attempts: Range<usize>,
}

impl Outage {
    /// When the outage was over, one way or another.
    pub(crate) fn end(&self) -> Offset {
        self.until.or(self.crashed).unwrap_or(Offset::NEVER)
    }

    /// From when the watcher could have reconnected: the loss noticed, or the cold start.
    pub(crate) fn reconnects_from(&self) -> Option<Offset> {
        if self.is_crash { self.cold_start } else { Some(self.from) }
    }
}

/// Every outage, by watcher and in order.
pub(crate) fn find(evidence: &Evidence<'_>) -> Vec<Outage> {
    let mut outages = Vec::new();
    for watcher in (0_u32..).map(WatcherId).take(evidence.index.slots.watchers()) {
        if !evidence.plan.sees_connections(evidence.group_spec(watcher)) {
            continue;
        }
        let first = outages.len();
        follow(evidence, watcher, &mut outages);
        let attempts = evidence.index.attempts_of(watcher);
        for outage in &mut outages[first..] {
            let from = attempts.partition_point(|attempt| attempt.started < outage.from);
            let until = attempts.partition_point(|attempt| attempt.started < outage.end());
            outage.attempts = from..until.max(from);
            outage.fault = attribute(evidence, outage);
        }
    }
    outages
}

fn follow(evidence: &Evidence<'_>, watcher: WatcherId, outages: &mut Vec<Outage>) {
    let group = evidence.index.slots.group_of(watcher);
    let new = |from, is_crash| Outage {
        watcher,
        group,
        from,
        is_crash,
        cold_start: None,
        until: None,
        crashed: None,
        fault: None,
        attempts: 0..0,
    };
    let mut is_open = false;
    for (at, turn) in evidence.index.lives[watcher.index()].turns() {
        let open = outages.last_mut().filter(|_| is_open);
        match (turn, open) {
            (Turn::Lost, None) => outages.push(new(*at, false)),
            (Turn::Crash, open) => {
                if let Some(outage) = open {
                    outage.crashed = Some(*at);
                }
                outages.push(new(*at, true));
            }
            (Turn::ColdStart, Some(outage)) => outage.cold_start = Some(*at),
            (Turn::Subscribed, Some(outage)) => outage.until = Some(*at),
            (Turn::Lost, Some(_)) | (Turn::ColdStart | Turn::Subscribed, None) => {}
        }
        is_open = match turn {
            Turn::Lost | Turn::Crash => true,
            Turn::Subscribed => false,
            Turn::ColdStart => is_open,
        };
    }
}

fn attribute(evidence: &Evidence<'_>, outage: &Outage) -> Option<FaultId> {
    let grace = detection_grace(&evidence.plan.groups[outage.group.index()].client);
    let fits = evidence.cuts().filter(|(_, fault, window)| {
        let is_crash = fault.action.crashes();
        // A loss cannot come from a crash on purpose, nor a crash from a cut.
        is_crash == outage.is_crash
            && fault.groups.contains(&outage.group)
            && window.applying <= outage.from
            && window.healed.is_none_or(|healed| outage.from <= healed + grace)
    });
    fits.max_by_key(|(_, _, window)| {
        let is_in_force = window.healed.is_none_or(|healed| outage.from <= healed);
        (is_in_force, window.applying)
    })
    .map(|(id, _, _)| id)
}

/// How long after a fault's end its losses may still be noticed.
pub(crate) fn detection_grace(client: &ClientSpec) -> Duration {
    let notices = match client.health_check {
        Some(check) => check.every + check.timeout * check.tries,
        None => (client.poll_timeout + client.poll_grace).max(client.request_timeout),
    };
    notices + GRACE
}

/// A fault that cut a watcher which was connected when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Onset {
    pub(crate) fault: FaultId,
    pub(crate) group: GroupId,
    pub(crate) watcher: WatcherId,
    /// When the fault began to be applied: it was in force on the first proxy no earlier, so that a reset which a
    /// watcher notices before the last proxy has answered is no negative time.
    pub(crate) applying: Offset,
    /// When it was in force on every proxy.
    pub(crate) applied: Offset,
    /// When the watcher noticed.
    pub(crate) noticed: Option<Offset>,
    /// Whether its connection was certainly hit, noticed or not.
    pub(crate) is_hit: bool,
    /// Nothing was noticed up to here.
    pub(crate) watched_until: Offset,
}

/// Each watcher that was connected at the onset of a fault that cuts its group's connections.
pub(crate) fn onsets(evidence: &Evidence<'_>) -> Vec<Onset> {
    let mut onsets = Vec::new();
    for (id, fault, window) in evidence.cuts() {
        let (applying, Some(applied)) = (window.applying, window.applied) else { continue };
        if fault.action.crashes() {
            continue;
        }
        let hits_all = hits_all(evidence, fault);
        let seen = |group: &&GroupId| evidence.plan.sees_connections(&evidence.plan.groups[group.index()]);
        for group in fault.groups.iter().filter(seen) {
            let grace = detection_grace(&evidence.plan.groups[group.index()].client);
            for watcher in evidence.watchers_of(*group) {
                let life = &evidence.index.lives[watcher.index()];
                if !life.is_connected(applying) {
                    continue;
                }
                let noticed = of_watcher(&evidence.outages, watcher)
                    .iter()
                    .find(|outage| outage.fault == Some(id) && !outage.is_crash)
                    .map(|outage| outage.from);
                let healed = window.healed.map_or(evidence.horizon, |healed| healed + grace);
                let watched_until = healed.min(evidence.horizon);
                onsets.push(Onset {
                    fault: id,
                    group: *group,
                    watcher,
                    applying,
                    applied,
                    noticed,
                    is_hit: noticed.is_some() || hits_all,
                    watched_until,
                });
            }
        }
    }
    onsets
}

/// Whether a fault hits every live connection of its groups. One with some nodes or some of the connections alone does not,
/// nor does one that lets live connections be until they carry something.
fn hits_all(evidence: &Evidence<'_>, fault: &FaultPlan) -> bool {
    let mut nodes = (0..evidence.plan.server.nodes).map(NodeId);
    let is_on_all_nodes = fault.nodes.is_empty() || nodes.all(|node| fault.nodes.contains(&node));
    let is_on_all = match fault.action {
        FaultAction::Toxic { toxic } | FaultAction::Ramp { toxic, .. } => {
            toxic.toxicity_ppm == ALL_PPM && !matches!(toxic.kind, ToxicKind::LimitData { .. })
        }
        FaultAction::Silence
        | FaultAction::Path { .. }
        | FaultAction::Watcher { .. }
        | FaultAction::Control { .. }
        | FaultAction::InvalidContent { .. } => false,
        // A round comes to one node after another, and which node led is not in the plan.
        FaultAction::Server { fault } => matches!(
            fault,
            ServerFault::Kill | ServerFault::Stop | ServerFault::Pause | ServerFault::Disconnect
        ),
        FaultAction::Refuse => evidence.plan.proxy.kind == ProxyKind::Toxiproxy,
        FaultAction::Reset
        | FaultAction::Blackhole { .. }
        | FaultAction::OneWay { .. }
        | FaultAction::HalfOpen
        | FaultAction::Flap { .. }
        | FaultAction::Crash => true,
    };
    is_on_all_nodes && is_on_all
}

/// The outages of one watcher among those of all.
pub(crate) fn of_watcher(outages: &[Outage], watcher: WatcherId) -> &[Outage] {
    let from = outages.partition_point(|outage| outage.watcher < watcher);
    let until = outages.partition_point(|outage| outage.watcher <= watcher);
    &outages[from..until]
}

#[cfg(test)]
mod tests;
