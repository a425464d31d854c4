//! Fetch rate: how many contents the watchers of a group got from the server in a second, one value per whole second.
//!
//! It is the load that a change makes there: each content was asked for. One that a simulated client held already counts as
//! well; what a real one fetches again, nobody hears. Seconds count from the start of a measured phase; the drain belongs to
//! the last one. Contents that did not verify, and those from a disk, are not in it.

use shakedown_model::event::Path;
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::{GroupId, Offset, PhaseId, WatcherId};

use super::Findings;
use crate::evidence::Evidence;
use crate::index::Held;

const SECOND: u64 = 1_000_000_000;

/// The seconds of a measured phase.
struct Seconds {
    phase: PhaseId,
    from: Offset,
    contents: Vec<u64>,
}

/// Takes the fetch rate of each group.
pub(crate) fn take(evidence: &Evidence<'_>, findings: &mut Findings) {
    if evidence.index.last == Offset::ZERO {
        return;
    }
    for (group, _) in evidence.groups() {
        let mut phases = seconds(evidence);
        count(evidence, group, &mut phases);
        for Seconds { phase, contents, .. } in phases {
            let rate = findings.figures.entry(Measure::FetchRate, Scope::Phase(phase), Some(group));
            contents.into_iter().for_each(|contents| rate.record(contents));
        }
    }
}

/// The whole seconds of each measured phase, as far as the record goes.
fn seconds(evidence: &Evidence<'_>) -> Vec<Seconds> {
    let whole = evidence.measured_phases().map(|(phase, from, until)| {
        let whole = until.min(evidence.horizon).0.saturating_sub(from.0) / SECOND;
        let whole = usize::try_from(whole).expect("a run is far shorter than 2^32 seconds");
        Seconds { phase, from, contents: vec![0; whole] }
    });
    whole.filter(|seconds| !seconds.contents.is_empty()).collect()
}

fn count(evidence: &Evidence<'_>, group: GroupId, phases: &mut [Seconds]) {
    let index = &evidence.index;
    for watcher in evidence.watchers_of(group) {
        for slot in index.slots.of_watcher(watcher) {
            let fetched =
                |held: &&Held| held.is_callback() && !held.is_absent() && held.path() != Path::Cache;
            index.held(slot).iter().filter(fetched).for_each(|held| add(phases, held.at));
        }
    }
    let in_group = |watcher: WatcherId| {
        watcher.index() < index.slots.watchers() && index.slots.group_of(watcher) == group
    };
    let again = index.fetched_again.iter().filter(|(_, watcher)| in_group(*watcher));
    again.for_each(|(at, _)| add(phases, *at));
}

/// Adds a content to the second in which it came, if that is a whole one of a measured phase.
fn add(phases: &mut [Seconds], at: Offset) {
    let Some(seconds) = phases.iter_mut().rfind(|seconds| seconds.from <= at) else { return };
    let nth = usize::try_from((at.0 - seconds.from.0) / SECOND).unwrap_or(usize::MAX);
    if let Some(contents) = seconds.contents.get_mut(nth) {
        *contents += 1;
    }
}

#[cfg(test)]
mod tests {
    use shakedown_model::ItemId;
    use shakedown_model::event::{Event, PublishOutcome};
    use shakedown_model::gate::Stat;
    use shakedown_model::verdict::Outcome;

    use super::*;
    use crate::result::StatValue::Count;
    use crate::testing::{CUT, LEGACY, MODERN, STEADY, Tiny, ms};

    #[test]
    fn contents_are_counted_by_whole_seconds_of_a_phase() {
        let mut tiny = Tiny::calm();
        for (nth, at) in [(2, 5_100), (3, 5_900), (4, 6_000), (5, 25_000)] {
            tiny = tiny
                .publish(0, nth, (at - 100, at - 50), PublishOutcome::Acked)
                .delivery(at, 0, 0, nth)
                .delivery(at + 1, 1, 0, nth);
        }
        let figure = |scope, group| tiny.figure(Measure::FetchRate, scope, Some(group)).unwrap();
        let steady = figure(STEADY, MODERN);
        assert_eq!((steady.count, steady.stat(Stat::Max)), (15, Count(4)));
        assert_eq!(figure(CUT, MODERN).stat(Stat::Max), Count(2));
        assert_eq!(figure(STEADY, LEGACY).stat(Stat::Max), Count(0));
    }

    #[test]
    fn what_is_held_already_counts_in_the_group_that_fetched_it() {
        let again = |at, watcher, item| Event::FetchedAgain {
            at: ms(at),
            watcher: WatcherId(watcher),
            item: ItemId(item),
        };
        let tiny = Tiny::calm().event(again(7_100, 0, 0)).event(again(7_200, 1, 0)).event(again(7_300, 2, 1));
        let figure = |group| tiny.figure(Measure::FetchRate, STEADY, Some(group)).unwrap().stat(Stat::Max);
        assert_eq!((figure(MODERN), figure(LEGACY)), (Count(2), Count(1)));
        assert_eq!(tiny.finding("recording").0, Outcome::Pass);
        let stray = Tiny::calm().event(again(7_100, 99, 0));
        assert_eq!(stray.finding("recording").0, Outcome::Fail);
    }
}
