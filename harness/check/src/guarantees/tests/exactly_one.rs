//! Each kind of event that is wrong breaks exactly the guarantee that it is for.

use shakedown_model::event::Found;
use shakedown_model::schedule::MutationKind;
use shakedown_model::verdict::Guarantee::LastGood;
use shakedown_model::{ItemId, Version};

use super::*;

fn misplaced(claims: Option<(u32, u32)>) -> Tiny {
    let mut tiny = one_change().corrupt(12_000, 0, Corruption::Misplaced);
    let Some(Event::Corrupt(corrupt)) = tiny.input.events.last_mut() else { panic!() };
    corrupt.claims = claims.map(|(item, version)| (ItemId(item), Version(version)));
    tiny
}

fn leaked() -> Tiny {
    let (tiny, gray, others) = Tiny::calm().with_gray();
    let tiny = tiny.mutation(MutationKind::Gray, (0, 2), (10_000, 10_010), PublishOutcome::Acked);
    let tiny = tiny.deliveries(10_100, gray, 0, 2).delivery(10_100, others[0], 0, 2);
    let tiny = tiny.mutation(MutationKind::Promote, (0, 3), (15_000, 15_020), PublishOutcome::Acked);
    reads(tiny.deliveries(15_100, 0..4, 0, 3), Some(3))
}

fn taken_over() -> Tiny {
    let times = (20_000, 20_010);
    let tiny = one_change().mutation(MutationKind::Invalid, (0, 3), times, PublishOutcome::Acked);
    reads((0..4).fold(tiny, |tiny, watcher| tiny.invalid(20_100, watcher, 3, Some(3))), Some(3))
}

fn cold_read(version: Option<u32>) -> Tiny {
    let mut cold = read(45_100, 0, ReadSource::Snapshot, version);
    cold.is_cold = true;
    let tiny = one_change().crash(40_000, 0).cold_start(45_000, 0).event(Event::Read(cold));
    tiny.delivery(45_200, 0, 0, 2).delivery(45_200, 0, 1, 1).subscribed(45_300, 0)
}

fn absent_read(tiny: Tiny) -> Tiny {
    reads(tiny, None).found(81_600, (0, 0), Found::Absent)
}

#[test]
fn no_more_and_no_less() {
    let deleted = || Tiny::calm().deleted(2, 10_000);
    let cases: [(&str, Tiny, Option<Guarantee>); 17] = [
        ("all is well", one_change(), None),
        (
            "a write that was acked and not stored",
            Tiny::calm().acked(0, 2, 10_000, 10_010),
            Some(NothingLost),
        ),
        ("a delete that was acked and not done", deleted(), Some(NothingLost)),
        (
            "a watcher that is not told",
            reads(Tiny::calm().acked(0, 2, 10_000, 10_010).deliveries(10_100, 0..3, 0, 2), Some(2)),
            Some(Converges),
        ),
        (
            "a watcher that is not told of a delete",
            absent_read(deleted().absent(10_100, 0..3)),
            Some(Converges),
        ),
        ("an old answer", one_change().delivery(11_000, 0, 0, 1).delivery(12_000, 0, 0, 2), Some(Monotonic)),
        ("a torn answer", one_change().corrupt(11_000, 0, Corruption::Md5), Some(Intact)),
        (
            "nothing where there is something",
            one_change().absent(11_000, 0..1).delivery(12_000, 0, 0, 2),
            Some(Intact),
        ),
        (
            "a version that nobody wrote",
            one_change().delivery(11_000, 0, 0, 9).delivery(12_000, 0, 0, 2),
            Some(NothingInvented),
        ),
        ("content of another run", misplaced(None), Some(NothingInvented)),
        ("content of another item", misplaced(Some((1, 1))), Some(Isolated)),
        ("gray content for all", leaked(), Some(Isolated)),
        ("a second callback", one_change().delivery(11_000, 0, 0, 2), Some(Once)),
        ("an application that takes over what it cannot use", taken_over(), Some(LastGood)),
        (
            "attempts without a pause",
            one_change().lost(26_000, 0).attempt(0, 9, (26_000, 26_001), Connected).subscribed(26_100, 0),
            Some(WithinPolicy),
        ),
        ("a torn snapshot", cold_read(None), Some(SafeFailover)),
        ("a whole snapshot", cold_read(Some(2)), None),
    ];
    for (name, tiny, expected) in cases {
        let judged = tiny.judgement().guarantees;
        let failed: Vec<_> = judged.iter().filter(|result| result.outcome == Fail).collect();
        let names: Vec<_> = failed.iter().map(|result| result.guarantee).collect();
        assert_eq!(names, expected.into_iter().collect::<Vec<_>>(), "{name}: {failed:?}");
    }
}
