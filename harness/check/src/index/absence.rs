//! Which version an absence is: that of a delete, which looks as every other delete of the item.
//!
//! An absence shows the newest delete sent by then which fits between what the watcher held before and after; the reader
//! of a re-created item that is deleted again while the watcher holds nothing gets no callback, and holds the second
//! delete from its ack on. So does a watcher which begins a life with nothing, while the item is deleted. An absence
//! without any delete that was sent is content that vanished.

use shakedown_model::event::{Path, Publish, PublishOutcome};
use shakedown_model::schedule::MutationKind;
use shakedown_model::{Offset, Version};

use super::publishes::{Publishes, is_stored};
use super::{Held, Life, Slot, Slots};

/// Gives every absence its version, adds those that were held without a callback, and takes out those without a delete
/// that changed nothing for the watcher.
pub(super) fn resolve(
    held: Vec<Held>,
    slots: &Slots,
    publishes: &Publishes,
    lives: &[Life],
) -> (Vec<Held>, Vec<Held>) {
    let has_deletes = publishes.all().iter().any(is_delete);
    if !has_deletes && !held.iter().any(Held::is_absent) {
        return (held, Vec::new());
    }
    let mut resolved = Resolved { held: Vec::with_capacity(held.len()), vanished: Vec::new() };
    let mut from = 0;
    for slot in slots.all() {
        let until = from + held[from..].partition_point(|held| held.slot <= slot);
        let item = slots.item(slot);
        let deletes: Vec<&Publish> = publishes.of(item).iter().filter(|p| is_delete(p)).collect();
        let of_slot = &held[from..until];
        if deletes.is_empty() && !of_slot.iter().any(Held::is_absent) {
            resolved.held.extend_from_slice(of_slot);
        } else {
            let life = &lives[slots.watcher(slot).index()];
            let births = births(of_slot, life, slot, publishes.of(item));
            resolved.slot(&merged(of_slot, births), &deletes, life);
        }
        from = until;
    }
    (resolved.held, resolved.vanished)
}

fn is_delete(publish: &Publish) -> bool {
    publish.kind == MutationKind::Delete && publish.outcome != PublishOutcome::Refused
}

/// The absences at the beginning of a life, at its subscription, that no record tells of.
fn births(held: &[Held], life: &Life, slot: Slot, publishes: &[Publish]) -> Vec<Held> {
    let first = life.first_subscribed().map(|at| (Offset::ZERO, at));
    let lives = first.into_iter().chain(life.downs().iter().copied());
    let mut births = Vec::new();
    for (from, subscribed) in lives.filter(|(_, subscribed)| *subscribed != Offset::NEVER) {
        let after = held.partition_point(|held| held.at <= from);
        let has_record = held[after..].first().is_some_and(|held| held.at <= subscribed);
        let newest =
            publishes.iter().rfind(|p| is_stored(p) && p.kind != MutationKind::Gray && p.done <= subscribed);
        let Some(newest) = newest.filter(|newest| is_delete(newest)) else { continue };
        // What was read late, from before the delete, says that the watcher did not begin with nothing.
        let is_late = held[after..].iter().any(|held| !held.is_absent() && held.version < newest.version);
        if !has_record && !is_late {
            births.push(Held::new(subscribed, slot, Version(0), (None, Path::Initial)).absent().silent());
        }
    }
    births
}

fn merged(held: &[Held], births: Vec<Held>) -> Vec<Held> {
    let mut all = held.to_vec();
    for birth in births {
        let at = all.partition_point(|held| held.at <= birth.at);
        all.insert(at, birth);
    }
    all
}

struct Resolved {
    held: Vec<Held>,
    vanished: Vec<Held>,
}

impl Resolved {
    fn slot(&mut self, held: &[Held], deletes: &[&Publish], life: &Life) {
        let mut before: Option<(Offset, Version)> = None;
        for (nth, one) in held.iter().enumerate() {
            if !one.is_absent() {
                before = Some((one.at, one.version));
                self.held.push(*one);
                continue;
            }
            let least =
                before.filter(|(at, _)| !life.crashed_between(*at, one.at)).map(|(_, version)| version);
            let next = held[nth + 1..].iter().find(|next| !next.is_absent());
            let below = next.filter(|next| !life.crashed_between(one.at, next.at)).map(|next| next.version);
            let Some(version) = version_of(one.at, deletes, (least, below)) else {
                // Who was called with it holds nothing now; who was not, what it held before.
                let list = if one.is_callback() { &mut self.held } else { &mut self.vanished };
                list.push(*one);
                continue;
            };
            let mut shown = *one;
            shown.version = version;
            self.held.push(shown);
            before = Some((one.at, version));
            let until = held.get(nth + 1).map_or(Offset::NEVER, |next| next.at);
            let until = until.min(life.next_crash(one.at));
            let newer = deletes.partition_point(|delete| delete.version <= version);
            let fits =
                |again: &&&Publish| again.done < until && below.is_none_or(|below| again.version < below);
            // They end in the order of their versions, so that none fits behind one that does not.
            for again in deletes[newer..].iter().take_while(fits).filter(|p| is_stored(p) && one.at < p.done)
            {
                self.held.push(one.as_if(again.done, again.version));
                before = Some((again.done, again.version));
            }
        }
    }
}

/// The delete that an absence shows: the newest that fits, else the newest; `None` when none was sent.
fn version_of(
    at: Offset,
    deletes: &[&Publish],
    (least, below): (Option<Version>, Option<Version>),
) -> Option<Version> {
    let sent = &deletes[..deletes.partition_point(|delete| delete.sent <= at)];
    let is_late_enough = |version: Version| least.is_none_or(|least| version >= least);
    let fits = sent
        .iter()
        .rfind(|delete| is_late_enough(delete.version) && below.is_none_or(|below| delete.version < below));
    fits.or_else(|| sent.last()).map(|delete| delete.version)
}
