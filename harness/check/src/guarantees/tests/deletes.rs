//! Deletes: from one on, absent is what the item's version looks like.

use shakedown_model::event::Found;
use shakedown_model::schedule::MutationKind::Delete;

use super::*;

/// Item 0 deleted as version 2, which everybody learned of, and a fresh read finds nothing.
fn deleted() -> Tiny {
    gone(Tiny::calm().deleted(2, 10_000).absent(10_100, 0..4))
}

/// Replaces the final read of item 0 by one that finds nothing.
fn gone(tiny: Tiny) -> Tiny {
    reads(tiny, None).planned(|_| {}).found(81_600, (0, 0), Found::Absent)
}

/// Deleted as version 2 and written again as version 3, which everybody got.
fn recreated() -> Tiny {
    reads(deleted().acked(0, 3, 20_500, 20_510).deliveries(20_600, 0..4, 0, 3), Some(3))
}

#[test]
fn nothing_lost() {
    let ambiguous = |tiny: Tiny| tiny.mutation(Delete, (0, 3), (20_000, 23_000), PublishOutcome::Ambiguous);
    table(
        NothingLost,
        &[
            ("holds", deleted(), Pass),
            ("the deleted value is back", reads(deleted(), Some(1)), Fail),
            ("nothing intact where there should be nothing", reads(deleted(), None), Fail),
            ("written again", recreated(), Pass),
            ("written again and gone", gone(recreated()), Fail),
            ("gone, and nobody deleted it", gone(one_change()), Fail),
            ("an ambiguous delete landed", gone(ambiguous(one_change())), Pass),
            ("an ambiguous delete did not land", ambiguous(one_change()), Pass),
        ],
    );
    let witness = reads(deleted(), Some(1)).guarantee(NothingLost).witness;
    assert_eq!(
        witness,
        [
            "10.010s nothing (version 2 is a delete) of item item-0 was acked",
            "81.500s a fresh read of item item-0 from node 0 returned version 1"
        ]
    );
}

#[test]
fn converges() {
    let deaf = gone(Tiny::calm().deleted(2, 10_000).absent(10_100, 0..3));
    let ends_absent = reads(recreated().absent(60_000, 0..1), Some(3));
    let forgot = deleted()
        .planned(|plan| plan.groups[0].client.cache = shakedown_model::plan::Cache::None)
        .crash(40_000, 0)
        .cold_start(45_000, 0)
        .delivery(45_400, 0, 1, 1)
        .subscribed(45_500, 0);
    table(
        Converges,
        &[
            ("holds", deleted(), Pass),
            ("one watcher keeps what was deleted", deaf, Fail),
            ("one watcher lost what is there", ends_absent, Fail),
            ("written again", recreated(), Pass),
            ("who forgot and found nothing agrees", forgot.clone(), Pass),
            ("who forgot and found nothing where there is something", reads(forgot, Some(1)), Fail),
        ],
    );
}

#[test]
fn monotonic() {
    let twice = gone(recreated().deleted(4, 30_500).absent(30_600, 0..4));
    let stale = recreated().absent(21_000, 0..1).delivery(21_100, 0, 0, 3);
    // Deleted, created and deleted again before the first absence was read; then the item as it was in between.
    let late = Tiny::calm()
        .deleted(2, 10_000)
        .acked(0, 3, 10_050, 10_060)
        .deleted(4, 10_070)
        .absent(10_075, 0..1)
        .delivery(10_100, 0, 0, 3)
        .absent(10_200, 0..1);
    table(
        Monotonic,
        &[
            ("holds", deleted(), Pass),
            ("written again", recreated(), Pass),
            ("deleted again", twice, Pass),
            ("back to the deleted one", gone(deleted().delivery(12_000, 1, 0, 1)), Fail),
            ("absent after it was written again", stale, Fail),
            ("an absence is the delete that fits what came after it", late, Pass),
        ],
    );
    let witness = deleted().delivery(12_000, 1, 0, 1).guarantee(Monotonic).witness;
    assert_eq!(
        witness,
        [
            "10.100s watcher 1 (modern) held nothing (version 2 is a delete) of item item-0",
            "12.000s watcher 1 (modern) went back to version 1 of item item-0"
        ]
    );
}

#[test]
fn intact() {
    let gone_too_early = Tiny::calm().absent(9_000, 0..1).deleted(2, 10_000);
    let refused =
        Tiny::calm().mutation(Delete, (0, 2), (10_000, 10_010), PublishOutcome::Refused).absent(10_100, 0..1);
    let ambiguous = Tiny::calm()
        .mutation(Delete, (0, 2), (10_000, 13_000), PublishOutcome::Ambiguous)
        .absent(10_100, 0..1);
    let never_held = deleted().corrupt(46_000, 0, Corruption::Absent);
    let deleting = |tiny: Tiny| tiny.planned(|plan| plan.mutator.kinds.delete = 1);
    table(
        Intact,
        &[
            ("holds", deleted(), Pass),
            ("absent though nobody deleted it", one_change().absent(12_000, 0..1), Fail),
            ("absent before it was deleted", gone_too_early, Fail),
            ("absent after a refused delete", refused, Fail),
            ("absent after an ambiguous delete", ambiguous, Pass),
            ("nothing where nothing is, for one that never held it", never_held, Pass),
            ("the delete may be missing", deleting(one_change().absent(12_000, 0..1)).cut_short(), Unknown),
            ("nobody deletes in this plan", one_change().absent(12_000, 0..1).cut_short(), Fail),
        ],
    );
}

#[test]
fn once() {
    let unnoticed = gone(recreated_unnoticed());
    table(
        Once,
        &[
            ("holds", deleted(), Pass),
            ("told twice", deleted().absent(11_000, 0..1), Fail),
            ("deleted, written and deleted", unnoticed, Pass),
            ("asked again where nothing is", deleted().corrupt(11_000, 0, Corruption::Absent), Pass),
        ],
    );
}

/// Written again as version 3 and deleted as version 4 while nobody looked.
fn recreated_unnoticed() -> Tiny {
    deleted().acked(0, 3, 20_500, 20_510).deleted(4, 20_520)
}

#[test]
fn who_holds_nothing_while_the_item_comes_and_goes_holds_the_newest_delete() {
    let tiny = gone(recreated_unnoticed());
    for guarantee in [NothingLost, Converges, Monotonic, Intact, Once] {
        assert_eq!(tiny.guarantee(guarantee).outcome, Pass, "{guarantee}");
    }
    let counts = tiny.judgement().counts;
    assert_eq!((counts.expected, counts.undelivered), (12, 0), "three mutations and four watchers");
}
