//! Ambiguous publishes, with and without CAS.

use shakedown_model::event::PublishOutcome::Ambiguous;
use shakedown_model::schedule::MutationKind::Delete;

use super::*;

fn cas(tiny: Tiny) -> Tiny {
    tiny.planned(|plan| plan.mutator.cas = true)
}

/// Version 2 is ambiguous, version 3 acked and read; watcher 0 went back to version 2 in between.
fn went_back() -> Tiny {
    let tiny = Tiny::calm().publish(0, 2, (10_000, 13_000), Ambiguous).acked(0, 3, 14_000, 14_010);
    let tiny = tiny.deliveries(14_100, 0..4, 0, 3).delivery(15_000, 0, 0, 2).delivery(16_000, 0, 0, 3);
    reads(tiny, Some(3))
}

#[test]
fn a_write_under_cas_lands_in_its_place_or_not_at_all() {
    let deleted_before = || {
        let tiny =
            Tiny::calm().deleted(2, 9_000).absent(9_100, 0..4).publish(0, 3, (10_000, 13_000), Ambiguous);
        let tiny = tiny.acked(0, 4, 14_000, 14_010).deliveries(14_100, 0..4, 0, 4);
        reads(tiny.delivery(15_000, 0, 0, 3).delivery(16_000, 0, 0, 4), Some(4))
    };
    let deleted_after = || {
        let tiny = went_back().deleted(4, 20_500).absent(20_600, 0..4);
        reads(tiny, None).found(81_600, (0, 0), shakedown_model::event::Found::Absent)
    };
    table(
        Monotonic,
        &[
            ("without CAS it may explain a step back", went_back(), Unknown),
            ("under CAS it does not", cas(went_back()), Fail),
            ("CAS names nothing where nothing is", cas(deleted_before()), Unknown),
            ("CAS inserts where a delete left nothing", cas(deleted_after()), Unknown),
        ],
    );
}

#[test]
fn the_end_of_an_item_is_settled_by_a_later_acked_write() {
    let behind = |tiny: Tiny| {
        let mut tiny = tiny;
        tiny.input.events.retain(
            |event| !matches!(event, Event::Delivery(delivery) if delivery.watcher.0 == 3 && delivery.version.0 == 3),
        );
        tiny
    };
    let last = || {
        let tiny = one_change().publish(0, 3, (20_000, 23_000), Ambiguous);
        reads(tiny.deliveries(23_100, 0..2, 0, 3), Some(2))
    };
    table(
        Converges,
        &[
            ("without CAS the late one may land at any time", behind(went_back()), Unknown),
            ("under CAS a later ack excludes it", behind(cas(went_back())), Fail),
            ("the last one may land after the reads", last(), Unknown),
            ("the last one may do so under CAS, too", cas(last()), Unknown),
            ("all agree", cas(went_back()), Pass),
        ],
    );
}

#[test]
fn a_fresh_read_of_an_older_ambiguous_value() {
    let overtaken = || reads(went_back(), Some(2));
    let deleted = || {
        let tiny = Tiny::calm().mutation(Delete, (0, 2), (10_000, 13_000), Ambiguous);
        let tiny = tiny.acked(0, 3, 14_000, 14_010).deliveries(14_100, 0..4, 0, 3);
        reads(tiny, None).found(81_600, (0, 0), shakedown_model::event::Found::Absent)
    };
    table(
        NothingLost,
        &[
            ("without CAS it may have landed last", overtaken(), Unknown),
            ("under CAS it cannot", cas(overtaken()), Fail),
            ("a delete may land last", deleted(), Unknown),
            ("a delete knows no CAS", cas(deleted()), Unknown),
        ],
    );
}
