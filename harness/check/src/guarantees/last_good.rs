//! Last good: invalid content never displaces the last good one in an application.
//!
//! Judged on what simulated applications were given: of each invalid version, they say what they work with from then on. That
//! must be the newest good version that they were given in this life, or nothing where there was none, or the item was
//! deleted. One that was given an invalid version and says nothing of it took it for good. A client's own answers are no part
//! of it: it hands on what the server has. Real clients' applications are not asked. A run in which nothing invalid reached a
//! simulated application did not exercise the guarantee: it passes and says so.

use std::collections::BTreeSet;

use shakedown_model::event::Invalid;
use shakedown_model::schedule::MutationKind;
use shakedown_model::verdict::Outcome;
use shakedown_model::{ItemId, Offset, Version, WatcherId};

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::{Held, Slot};
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let publishes = evidence.index.publishes.all();
    let published = publishes.iter().filter(|publish| publish.kind == MutationKind::Invalid).count() as u64;
    let mut found = Found::default();
    // Of an absence that nobody had deleted it is not known whether the application took it for one.
    let unknown: BTreeSet<usize> = match evidence.index.invalids[..] {
        [] => BTreeSet::new(),
        _ => evidence.index.vanished().map(|held| held.slot().index()).collect(),
    };
    for invalid in &evidence.index.invalids {
        let slot = evidence.index.slots.slot(invalid.watcher, invalid.item);
        if let Some(slot) = slot.filter(|slot| !unknown.contains(&slot.index())) {
            found.judge(evidence, slot, invalid);
        }
    }
    if published > 0 {
        found.look_for_silent(evidence);
    }
    found.judged(published)
}

#[derive(Default)]
struct Found {
    displaced: Violations,
    unclear: Violations,
    checked: u64,
    /// Of them, those after which an application rightly has nothing.
    with_nothing: u64,
    /// Invalid contents that applications of real clients were given.
    real: u64,
}

impl Found {
    fn judge(&mut self, evidence: &Evidence<'_>, slot: Slot, invalid: &Invalid) {
        self.checked += 1;
        let good = last_good(evidence, slot, invalid);
        let expected = good.filter(|held| !held.is_absent()).map(|held| held.version);
        if invalid.uses == expected {
            self.with_nothing += u64::from(expected.is_none());
            return;
        }
        // A delivery that the recording lacks may be that of just what it works with; invalid content is that in no case.
        let is_clear = evidence.is_whole() || invalid.uses == Some(invalid.version);
        let violations = if is_clear { &mut self.displaced } else { &mut self.unclear };
        violations.add(|| {
            let (watcher, item) = words(evidence, invalid.watcher, invalid.item);
            let before = good.map_or_else(
                || format!("{watcher} had been given nothing good of {item}"),
                |good| format!("{} {watcher} was given {} of {item}", good.at, good.words()),
            );
            let uses = invalid.uses.map_or("nothing".to_owned(), |version| format!("version {version}"));
            [
                before,
                format!(
                    "{} it was given version {}, which is invalid, and works with {uses}",
                    invalid.at, invalid.version
                ),
            ]
        });
    }

    /// Looks for invalid content that an application was given and says nothing of.
    fn look_for_silent(&mut self, evidence: &Evidence<'_>) {
        let index = &evidence.index;
        let told: BTreeSet<(WatcherId, ItemId, Version)> =
            index.invalids.iter().map(|invalid| (invalid.watcher, invalid.item, invalid.version)).collect();
        for slot in index.slots.all() {
            let (watcher, item) = (index.slots.watcher(slot), index.slots.item(slot));
            let given = |held: &&Held| held.is_callback() && !held.is_absent();
            for held in index.held(slot).iter().filter(given) {
                if !is_invalid(evidence, item, held.version) {
                    continue;
                }
                if evidence.group_spec(watcher).client.driver.is_some() {
                    self.real += 1;
                } else if !told.contains(&(watcher, item, held.version)) {
                    self.take_for_good(evidence, (watcher, item), held);
                }
            }
        }
    }

    fn take_for_good(&mut self, evidence: &Evidence<'_>, (watcher, item): (WatcherId, ItemId), held: &Held) {
        self.checked += 1;
        let violations = if evidence.is_whole() { &mut self.displaced } else { &mut self.unclear };
        violations.add(|| {
            let (watcher, item) = words(evidence, watcher, item);
            let version = held.version;
            [format!(
                "{} {watcher} was given version {version} of {item}, which is invalid, and took it for good",
                held.at
            )]
        });
    }

    fn judged(self, published: u64) -> Judged {
        let Self { displaced, unclear, checked, with_nothing, real } = self;
        let of = move |n| format!("{} of {}", count(n), counted(checked, "invalid content"));
        let failed = displaced.failed(|n| format!("{} displaced the last good one in an application", of(n)));
        let is_unclear =
            |n| format!("{} may have displaced the last good one: a delivery may be missing", of(n));
        failed.or_else(|| unclear.unknown(is_unclear)).unwrap_or_else(|| {
            let text = match (checked, published) {
                (0, 0) => "not exercised: no invalid content was published".to_owned(),
                (0, _) if real > 0 => format!(
                    "not exercised: {} reached real clients, whose applications are not asked",
                    counted(real, "invalid content")
                ),
                (0, n) => {
                    format!("not exercised: none of {} reached an application", counted(n, "invalid version"))
                }
                (n, _) => {
                    let given = counted(n, "invalid content");
                    let rest = match with_nothing {
                        0 => String::new(),
                        none => format!("; {} of them found none, at a start or after a delete", count(none)),
                    };
                    format!("{given} reached applications, which went on with the last good one{rest}")
                }
            };
            Judged::new(Outcome::Pass, text)
        })
    }
}

/// What an application was given last before an invalid version, in its life, that was not invalid: content, or that there is
/// none.
fn last_good<'a>(evidence: &'a Evidence<'_>, slot: Slot, invalid: &Invalid) -> Option<&'a Held> {
    let index = &evidence.index;
    let life = &index.lives[invalid.watcher.index()];
    let began = life.last_crash(invalid.at).unwrap_or(Offset::ZERO);
    let held = index.held(slot);
    let given = held[..held.partition_point(|held| held.at <= invalid.at)].iter().rev();
    let mut given = given.take_while(|held| held.at >= began).filter(|held| held.is_callback());
    given.find(|held| held.is_absent() || !is_invalid(evidence, invalid.item, held.version))
}

fn is_invalid(evidence: &Evidence<'_>, item: ItemId, version: Version) -> bool {
    let publish = evidence.index.publishes.get(item, version);
    publish.is_some_and(|publish| publish.kind == MutationKind::Invalid)
}

fn words(evidence: &Evidence<'_>, watcher: WatcherId, item: ItemId) -> (String, String) {
    (evidence.watcher_words(watcher), evidence.item_words(item))
}
