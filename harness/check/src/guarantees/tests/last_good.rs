//! Content that no application can use, and what applications go on with.

use shakedown_model::plan::DriverSpec;
use shakedown_model::schedule::MutationKind;
use shakedown_model::verdict::Guarantee::LastGood;

use super::*;

/// Version 2 of item 0, which everybody got, and version 3 after it, which is invalid.
fn published() -> Tiny {
    let times = (20_000, 20_010);
    reads(one_change().mutation(MutationKind::Invalid, (0, 3), times, PublishOutcome::Acked), Some(3))
}

/// Everybody is given version 3 and goes on with version 2, but watcher 0 with this.
fn but_one(uses: Option<u32>) -> Tiny {
    published().invalid(20_100, 0, 3, uses).all_but_one()
}

impl Tiny {
    fn all_but_one(self) -> Self {
        (1..4).fold(self, |tiny, watcher| tiny.invalid(20_100, watcher, 3, Some(2)))
    }

    fn driven(self) -> Self {
        let driver = DriverSpec { name: "go".to_owned(), command: None, clients_per_process: 1 };
        self.planned(|plan| plan.groups[0].client.driver = Some(driver))
    }
}

#[test]
fn last_good() {
    let silent = || published().delivery(20_100, 0, 0, 3).all_but_one();
    let again =
        || but_one(Some(2)).mutation(MutationKind::Invalid, (0, 4), (21_000, 21_010), PublishOutcome::Acked);
    let mended = || but_one(Some(2)).acked(0, 4, 21_000, 21_010).deliveries(21_100, 0..4, 0, 4);
    let after_mending = |uses| {
        let tiny = mended().mutation(MutationKind::Invalid, (0, 5), (22_000, 22_010), PublishOutcome::Acked);
        tiny.invalid(22_100, 0, 5, uses)
    };
    let cold = |uses| but_one(Some(2)).crash(40_000, 0).cold_start(45_000, 0).invalid(45_100, 0, 3, uses);
    let deleted = |uses| {
        let tiny = Tiny::calm().deleted(2, 10_000).absent(10_100, 0..4);
        let tiny = tiny.mutation(MutationKind::Invalid, (0, 3), (20_000, 20_010), PublishOutcome::Acked);
        tiny.invalid(20_100, 0, 3, uses)
    };
    table(
        LastGood,
        &[
            ("holds", but_one(Some(2)), Pass),
            ("taken over", but_one(Some(3)), Fail),
            ("the config is lost", but_one(None), Fail),
            ("an older one than the last", but_one(Some(1)), Fail),
            ("taken for good without a word", silent(), Fail),
            ("a second one", again().invalid(21_100, 0, 4, Some(2)), Pass),
            ("the second one is taken over", again().invalid(21_100, 0, 4, Some(4)), Fail),
            ("the invalid one before it is no good one", again().invalid(21_100, 0, 4, Some(3)), Fail),
            ("mended", mended(), Pass),
            ("the one that mended is the last good one", after_mending(Some(4)), Pass),
            ("the one before that is not", after_mending(Some(2)), Fail),
            ("a cold start has nothing", cold(None), Pass),
            ("a cold start cannot have what was before it", cold(Some(2)), Fail),
            ("after a delete there is nothing", deleted(None), Pass),
            ("a deleted one is not the last good one", deleted(Some(1)), Fail),
            ("published and given to nobody", published(), Pass),
            ("nothing invalid", one_change(), Pass),
            ("empty", Tiny::empty(), Pass),
            ("cut short", but_one(Some(2)).cut_short(), Unknown),
            ("taken over, although cut short", but_one(Some(3)).cut_short(), Fail),
            ("a delivery may be missing", but_one(Some(1)).cut_short(), Unknown),
            ("a word may be missing", silent().cut_short(), Unknown),
        ],
    );
}

#[test]
fn the_text_says_what_was_judged() {
    let texts = [
        (one_change(), "not exercised: no invalid content was published"),
        (published(), "not exercised: none of 1 invalid version reached an application"),
        (
            published().delivery(20_100, 0, 0, 3).driven(),
            "not exercised: 1 invalid content reached real clients, whose applications are not asked",
        ),
        (but_one(Some(2)), "4 invalid contents reached applications, which went on with the last good one"),
        (
            but_one(Some(2)).crash(40_000, 0).cold_start(45_000, 0).invalid(45_100, 0, 3, None),
            "5 invalid contents reached applications, which went on with the last good one; 1 of them found none, at a start \
             or after a delete",
        ),
        (but_one(Some(3)), "1 of 4 invalid contents displaced the last good one in an application"),
    ];
    for (tiny, expected) in texts {
        assert_eq!(tiny.guarantee(LastGood).text, expected);
    }
    let witness = but_one(Some(3)).guarantee(LastGood).witness;
    assert_eq!(
        witness,
        [
            "10.100s watcher 0 (modern) was given version 2 of item item-0",
            "20.100s it was given version 3, which is invalid, and works with version 3",
        ]
    );
}
