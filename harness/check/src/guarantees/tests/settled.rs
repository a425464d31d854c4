//! What a read settled is stored, as if it had been acked.

use shakedown_model::event::PublishOutcome::{Ambiguous, Settled};
use shakedown_model::schedule::MutationKind::Delete;

use super::*;

/// Version 3 of item 0 was sent at 11 s, seen at 11.1 s and settled at 18 s.
fn settled() -> Tiny {
    let tiny = one_change().publish(0, 3, (11_000, 18_000), Settled);
    reads(tiny.deliveries(11_100, 0..4, 0, 3), Some(3))
}

#[test]
fn what_a_read_settled_is_to_be_kept_and_explains_nothing() {
    let without_watcher_3 = || {
        let mut tiny = settled();
        tiny.input.events.retain(
            |event| !matches!(event, Event::Delivery(delivery) if delivery.watcher.0 == 3 && delivery.version.0 == 3),
        );
        tiny
    };
    let deleted = || {
        let tiny = one_change().mutation(Delete, (0, 3), (11_000, 18_000), Settled).absent(11_100, 0..4);
        reads(tiny, None)
    };
    let absent = || deleted().found(81_600, (0, 0), shakedown_model::event::Found::Absent);
    table(
        NothingLost,
        &[
            ("it is there", settled(), Pass),
            ("it is not there", reads(settled(), Some(2)), Fail),
            ("a delete", absent(), Pass),
            ("a deleted one is back", reads(deleted(), Some(2)), Fail),
        ],
    );
    table(Converges, &[("all hold it", settled(), Pass), ("one does not", without_watcher_3(), Fail)]);
    table(
        NothingInvented,
        &[
            ("seen before it was settled", settled(), Pass),
            ("seen before it was sent", settled().delivery(10_900, 0, 0, 3), Fail),
        ],
    );
    table(Monotonic, &[("it explains no step back", settled().delivery(12_000, 0, 0, 2), Fail)]);
    table(Intact, &[("a delete takes content away", absent(), Pass)]);
}

#[test]
fn what_was_ambiguous_before_it_is_overtaken_under_cas() {
    let behind = |outcome| {
        let tiny = one_change().publish(0, 3, (11_000, 14_000), Ambiguous);
        let tiny = tiny.publish(0, 4, (15_000, 18_000), outcome).planned(|plan| plan.mutator.cas = true);
        reads(tiny.deliveries(15_100, 0..3, 0, 4), Some(4))
    };
    table(
        Converges,
        &[
            ("by one that is stored", behind(Settled), Fail),
            ("not by one that may not be", behind(Ambiguous), Unknown),
        ],
    );
}
