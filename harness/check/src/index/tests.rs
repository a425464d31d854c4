use shakedown_model::event::PublishOutcome;
use shakedown_model::{ItemId, Offset, Version, WatcherId};

use crate::testing::{Tiny, ms};

#[test]
fn deliveries_are_by_slot_in_the_order_of_the_record_and_know_whether_they_are_real() {
    let tiny = Tiny::calm()
        .acked(0, 2, 6_000, 6_005)
        .delivery(6_004, 1, 0, 2)
        .delivery(6_100, 1, 0, 9)
        .delivery(6_200, 1, 0, 1);
    tiny.with_evidence(|evidence| {
        let slot = evidence.index.slots.slot(WatcherId(1), ItemId(0)).unwrap();
        let held: Vec<_> =
            evidence.index.held(slot).iter().map(|held| (held.version.0, held.is_real())).collect();
        assert_eq!(held, [(1, true), (2, true), (9, false), (1, true)]);
    });
}

#[test]
fn a_version_seen_before_it_was_sent_or_after_it_was_refused_is_not_real() {
    let tiny = Tiny::calm()
        .acked(0, 2, 6_000, 6_005)
        .publish(0, 3, (7_000, 7_005), PublishOutcome::Refused)
        .publish(0, 4, (8_000, 8_005), PublishOutcome::Ambiguous);
    tiny.with_evidence(|evidence| {
        let is_published =
            |version, seen| evidence.index.publishes.is_published(ItemId(0), Version(version), ms(seen));
        assert!(is_published(2, 6_000), "on the instant");
        assert!(!is_published(2, 5_999));
        assert!(!is_published(3, 9_000));
        assert!(is_published(4, 8_001), "ambiguous may appear");
        assert!(!is_published(5, 9_000));
    });
}

#[test]
fn records_outside_of_the_plan_are_counted_as_strays() {
    let tiny = Tiny::empty()
        .delivery(900, 99, 0, 1)
        .delivery(900, 0, 99, 1)
        .subscribed(1_000, 4)
        .final_read(9, 2, None);
    tiny.with_evidence(|evidence| assert_eq!(evidence.index.strays, 4));
}

#[test]
fn the_last_final_read_of_a_node_counts() {
    let tiny = Tiny::empty().final_read(81_000, 1, Some(1)).final_read(81_000, 0, None).final_read(
        82_000,
        0,
        Some(4),
    );
    tiny.with_evidence(|evidence| {
        let read = |item| {
            evidence.index.final_reads_of(ItemId(item)).iter().map(|r| r.found.version()).collect::<Vec<_>>()
        };
        assert_eq!(read(0), [Some(Version(4))]);
        assert_eq!(read(1), [Some(Version(1))]);
    });
}

#[test]
fn a_watcher_is_expected_from_its_first_subscription_and_not_while_crashed() {
    let tiny = Tiny::empty()
        .subscribed(1_000, 0)
        .lost(26_000, 0)
        .subscribed(30_000, 0)
        .crash(40_000, 0)
        .cold_start(45_000, 0)
        .subscribed(46_000, 0);
    tiny.with_evidence(|evidence| {
        let life = &evidence.index.lives[0];
        for (at, is_expected) in
            [(1_000, false), (1_001, true), (27_000, true), (40_000, false), (45_500, false), (46_000, true)]
        {
            assert_eq!(life.expects(ms(at)), is_expected, "{at}");
        }
        assert_eq!(life.stretches(), [(ms(1_000), ms(40_000)), (ms(46_000), Offset::NEVER)]);
        assert!(life.is_connected(ms(26_000)) && !life.is_connected(ms(26_001)));
        assert!(!life.ends_down());
    });
}
