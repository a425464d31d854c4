//! For every guarantee: histories that hold, are broken in each way, are empty and are cut short.

use shakedown_model::event::AttemptOutcome::{Connected, TimedOut};
use shakedown_model::event::{Corruption, Event, PublishOutcome, ReadSource};
use shakedown_model::manifest::RunStatus;
use shakedown_model::payload::PayloadError;
use shakedown_model::verdict::Guarantee::{self, Converges, Intact, Isolated, Monotonic, NothingInvented};
use shakedown_model::verdict::Guarantee::{NothingLost, Once, SafeFailover, WithinPolicy};
use shakedown_model::verdict::Outcome::{self, Fail, Pass, Unknown};

use crate::testing::{Tiny, read};

mod ambiguous;
mod deletes;
mod exactly_one;
mod gray;
mod last_good;
mod nodes;
mod policy;
mod settled;

/// Judges each history and compares, with its name; a failure must bring a witness.
fn table(guarantee: Guarantee, cases: &[(&str, Tiny, Outcome)]) {
    for (name, tiny, expected) in cases {
        let result = tiny.guarantee(guarantee);
        assert_eq!(result.outcome, *expected, "{name}: {}: {:?}", result.text, result.witness);
        if *expected == Fail {
            assert!(!result.witness.is_empty() && result.witness.len() <= 10, "{name}: {:?}", result.witness);
        }
    }
}

/// The calm run with version 2 of item 0, which everybody got and a fresh read returns.
fn one_change() -> Tiny {
    reads(Tiny::calm().acked(0, 2, 10_000, 10_010).deliveries(10_100, 0..4, 0, 2), Some(2))
}

/// Replaces the final read of item 0.
fn reads(mut tiny: Tiny, version: Option<u32>) -> Tiny {
    tiny.input.events.retain(|event| !matches!(event, Event::FinalRead { item, .. } if item.0 == 0));
    tiny.final_read(81_500, 0, version)
}

fn without_final_reads(mut tiny: Tiny) -> Tiny {
    tiny.input.events.retain(|event| !matches!(event, Event::FinalRead { .. }));
    tiny
}

#[test]
fn nothing_lost() {
    let ambiguous =
        |item_version| one_change().publish(0, item_version, (11_000, 14_000), PublishOutcome::Ambiguous);
    let refused = one_change().publish(0, 3, (11_000, 11_010), PublishOutcome::Refused);
    let overtaken =
        Tiny::calm().publish(0, 2, (10_000, 13_000), PublishOutcome::Ambiguous).acked(0, 3, 14_000, 14_010);
    table(
        NothingLost,
        &[
            ("holds", one_change(), Pass),
            ("older than acked", reads(one_change(), Some(1)), Fail),
            ("nothing intact", reads(one_change(), None), Fail),
            ("never published", reads(one_change(), Some(9)), Fail),
            ("refused and there all the same", reads(refused, Some(3)), Fail),
            ("the ambiguous one did not appear", ambiguous(3), Pass),
            ("the ambiguous one appeared", reads(ambiguous(3), Some(3)), Pass),
            ("an older ambiguous one came last", reads(overtaken, Some(2)), Unknown),
            ("not read", without_final_reads(one_change()), Unknown),
            ("a node was not read", one_change().planned(|plan| plan.server.nodes = 2), Unknown),
            ("empty", Tiny::empty(), Unknown),
            ("cut short", one_change().cut_short(), Unknown),
            ("a publish may be missing", reads(one_change(), Some(3)).cut_short(), Unknown),
            ("interrupted", reads(one_change(), Some(1)).status(RunStatus::Interrupted), Unknown),
        ],
    );
}

#[test]
fn converges() {
    let behind = reads(Tiny::calm().acked(0, 2, 10_000, 10_010).deliveries(10_100, 0..3, 0, 2), Some(2));
    let ambiguous = |tiny: Tiny| tiny.publish(0, 3, (11_000, 14_000), PublishOutcome::Ambiguous);
    let mut never_came = one_change();
    never_came.input.events.retain(
        |event| !matches!(event, Event::Subscribed { watcher, .. } | Event::Delivery(shakedown_model::event::Delivery { watcher, .. }) if watcher.0 == 3),
    );
    table(
        Converges,
        &[
            ("holds", one_change(), Pass),
            ("one watcher is behind", behind.clone(), Fail),
            ("one watcher is behind for good after a loss", behind.clone().lost(26_000, 3), Fail),
            ("one watcher is down on purpose", behind.clone().crash(40_000, 3), Pass),
            ("one watcher went back at the end", one_change().delivery(70_000, 0, 0, 1), Fail),
            ("ahead of the read", reads(one_change(), Some(1)), Fail),
            ("an ambiguous item that agrees", ambiguous(one_change()), Pass),
            ("an ambiguous item that differs", ambiguous(behind.clone()), Unknown),
            ("the read returned nothing", reads(one_change(), None), Unknown),
            ("one watcher never subscribed", never_came, Unknown),
            ("empty", Tiny::empty(), Unknown),
            ("cut short", behind.clone().cut_short(), Unknown),
            ("interrupted", behind.status(RunStatus::Interrupted), Unknown),
        ],
    );
}

#[test]
fn monotonic() {
    let back = one_change().delivery(12_000, 1, 0, 1);
    let legacy_back = one_change().delivery(12_000, 2, 0, 1);
    let ambiguous = back.clone().publish(0, 3, (11_000, 11_900), PublishOutcome::Ambiguous);
    let later = back.clone().publish(0, 3, (13_000, 13_900), PublishOutcome::Ambiguous);
    let crashed = one_change().crash(40_000, 1).cold_start(45_000, 1).delivery(45_100, 1, 0, 1);
    table(
        Monotonic,
        &[
            ("holds", one_change(), Pass),
            ("back", back.clone(), Fail),
            ("the same again is no step back", one_change().delivery(12_000, 1, 0, 2), Pass),
            ("a crash forgets", crashed, Pass),
            ("an ambiguous publish may explain it", ambiguous, Unknown),
            ("an ambiguous publish sent later does not", later, Fail),
            (
                "from an invented version",
                one_change().delivery(12_000, 1, 0, 9).delivery(12_100, 1, 0, 2),
                Pass,
            ),
            ("empty", Tiny::empty(), Unknown),
            ("cut short", one_change().cut_short(), Unknown),
            ("seen although cut short", legacy_back.cut_short(), Fail),
            ("a crash may be missing", back.clone().cut_short(), Unknown),
            ("seen although interrupted", back.clone().status(RunStatus::Interrupted), Fail),
            ("interrupted", one_change().status(RunStatus::Interrupted), Pass),
        ],
    );
    let witness = back.guarantee(Monotonic).witness;
    assert_eq!(
        witness,
        [
            "10.100s watcher 1 (modern) held version 2 of item item-0",
            "12.000s watcher 1 (modern) went back to version 1 of item item-0"
        ]
    );
}

#[test]
fn intact() {
    let corrupt = |corruption| one_change().corrupt(12_000, 0, corruption);
    table(
        Intact,
        &[
            ("holds", one_change(), Pass),
            ("torn", corrupt(Corruption::Payload(PayloadError::Length)), Fail),
            ("mixed", corrupt(Corruption::Payload(PayloadError::Checksum)), Fail),
            ("foreign", corrupt(Corruption::Payload(PayloadError::Foreign)), Fail),
            ("md5", corrupt(Corruption::Md5), Fail),
            ("absent", corrupt(Corruption::Absent), Fail),
            ("misplaced is another guarantee's", corrupt(Corruption::Misplaced), Pass),
            ("empty", Tiny::empty(), Unknown),
            ("cut short", one_change().cut_short(), Unknown),
            ("seen although cut short", corrupt(Corruption::Md5).cut_short(), Fail),
        ],
    );
}

#[test]
fn nothing_invented() {
    let refused =
        one_change().publish(0, 3, (11_000, 11_010), PublishOutcome::Refused).delivery(11_500, 0, 0, 3);
    let ambiguous =
        one_change().publish(0, 3, (11_000, 14_000), PublishOutcome::Ambiguous).delivery(11_500, 0, 0, 3);
    let early = one_change().delivery(10_900, 0, 0, 3).acked(0, 3, 11_000, 11_010);
    table(
        NothingInvented,
        &[
            ("holds", one_change(), Pass),
            ("never published", one_change().delivery(12_000, 0, 0, 9), Fail),
            ("refused", refused, Fail),
            ("ambiguous", ambiguous, Pass),
            ("before it was sent", early.clone(), Fail),
            ("misplaced", one_change().corrupt(12_000, 0, Corruption::Misplaced), Fail),
            ("read by an application", one_change().read(12_000, 0, ReadSource::Memory, Some(9)), Fail),
            ("read after the drain", reads(one_change(), Some(9)), Fail),
            ("torn is another guarantee's", one_change().corrupt(12_000, 0, Corruption::Md5), Pass),
            ("empty", Tiny::empty(), Unknown),
            ("cut short", one_change().cut_short(), Unknown),
            ("the publish may be missing", one_change().delivery(12_000, 0, 0, 9).cut_short(), Unknown),
            ("seen although cut short", early.cut_short(), Fail),
        ],
    );
}

#[test]
fn within_policy() {
    // Java: none before attempt 1, then 100 ms more before each; legacy: one second before each.
    let java =
        |number, gap: u64| Tiny::calm().lost(26_000, 0).attempt(0, number, (26_000, 26_000 + gap), TimedOut);
    let constant = |gap: u64| Tiny::calm().lost(26_000, 2).attempt(2, 1, (26_000, 26_000 + gap), TimedOut);
    let mut no_lag = constant(1_500);
    no_lag.input.events.retain(|event| !matches!(event, Event::Lag { .. }));
    table(
        WithinPolicy,
        &[
            ("holds", java(2, 100), Pass),
            ("no pause before the first", java(1, 0), Pass),
            ("within the tolerance", java(3, 151), Pass),
            ("too short", java(3, 149), Fail),
            ("no pause at all", java(30, 10), Fail),
            ("too long", java(2, 151), Fail),
            ("a tenth of a second", constant(1_100), Pass),
            ("more than a tenth", constant(1_101), Fail),
            ("less than a tenth off", constant(899), Fail),
            ("too long, as lag explains", constant(1_500).lag(27_200, 450_000_000), Pass),
            ("too long, and lag was elsewhere", constant(1_500).lag(29_000, 450_000_000), Fail),
            ("too short, whatever the lag", java(3, 100).lag(26_050, 450_000_000), Fail),
            ("too long, and no lag was recorded", no_lag, Unknown),
            ("the first of a life is free", Tiny::calm().attempt(0, 0, (900, 3_900), Connected), Pass),
            ("nobody reconnected", Tiny::calm(), Pass),
            ("empty", Tiny::empty(), Pass),
            ("cut short", java(2, 100).cut_short(), Unknown),
            ("seen although cut short", java(3, 10).cut_short(), Fail),
        ],
    );
    assert!(Tiny::calm().guarantee(WithinPolicy).text.starts_with("not exercised"));
}

#[test]
fn safe_failover() {
    let crashed = || one_change().crash(40_000, 0).cold_start(45_000, 0);
    let cold = |source, version| {
        let mut cold = read(45_100, 0, source, version);
        cold.is_cold = true;
        crashed().event(Event::Read(cold))
    };
    let unmarked = {
        let mut unmarked = read(45_100, 0, ReadSource::Snapshot, Some(2));
        unmarked.says_stale = false;
        crashed().event(Event::Read(unmarked))
    };
    let just_before = |version| {
        let tiny = one_change().acked(0, 3, 39_000, 39_010).delivery(39_700, 0, 0, 3).crash(40_000, 0);
        tiny.cold_start(45_000, 0).read(45_100, 0, ReadSource::Snapshot, Some(version))
    };
    let no_cache = cold(ReadSource::Nothing, None)
        .planned(|plan| plan.groups[0].client.cache = shakedown_model::plan::Cache::None);
    table(
        SafeFailover,
        &[
            ("holds", cold(ReadSource::Snapshot, Some(2)), Pass),
            ("torn", cold(ReadSource::Snapshot, None), Fail),
            ("older than the last", cold(ReadSource::Snapshot, Some(1)), Fail),
            ("not marked", unmarked, Fail),
            ("no answer", cold(ReadSource::Nothing, None), Fail),
            ("from memory", cold(ReadSource::Memory, Some(2)), Fail),
            ("the last one may not be on disk yet", just_before(2), Pass),
            ("the last one is on disk", just_before(3), Pass),
            ("long gone", just_before(1), Fail),
            ("a client without a cache", no_cache, Pass),
            ("a warm read is none of it", one_change().read(30_000, 0, ReadSource::Memory, Some(1)), Pass),
            ("empty", Tiny::empty(), Pass),
            ("cut short", cold(ReadSource::Snapshot, Some(2)).cut_short(), Unknown),
            ("seen although cut short", cold(ReadSource::Snapshot, None).cut_short(), Fail),
            ("a delivery may be missing", cold(ReadSource::Snapshot, Some(1)).cut_short(), Unknown),
        ],
    );
    let file = |version| one_change().read(30_000, 0, ReadSource::Failover, version);
    let with_files = |tiny: Tiny| {
        tiny.planned(|plan| plan.groups[0].client.failover = shakedown_model::plan::Failover::Initial)
    };
    table(
        SafeFailover,
        &[
            ("a failover file", with_files(file(Some(1))), Pass),
            (
                "a failover file comes first at a cold start",
                with_files(cold(ReadSource::Failover, Some(1))),
                Pass,
            ),
            ("a failover file that is not whole", with_files(file(None)), Fail),
            ("a failover file of another version", with_files(file(Some(2))), Fail),
            ("a failover file that nobody left", file(Some(1)), Fail),
            ("a failover file, cut short", with_files(file(Some(1))).cut_short(), Unknown),
        ],
    );
    let text = one_change().planned(|plan| plan.faults.truncate(1)).guarantee(SafeFailover).text;
    assert_eq!(text, "not exercised: no cold start without a server happened");
}

#[test]
fn a_witness_never_has_more_than_ten_lines_and_the_count_is_whole() {
    let mut tiny = one_change();
    for at in 0..100 {
        tiny = tiny.delivery(12_000 + at, 0, 0, 1 + u32::from(at % 2 == 0));
    }
    let result = tiny.guarantee(Monotonic);
    assert_eq!(
        (result.witness.len(), result.text.as_str()),
        (10, "50 steps from a newer to an older version")
    );
}

#[test]
fn isolated() {
    let misplaced = |claims: Option<(u32, u32)>| {
        let mut tiny = one_change().corrupt(12_000, 0, Corruption::Misplaced);
        let Some(Event::Corrupt(corrupt)) = tiny.input.events.last_mut() else { panic!() };
        corrupt.claims =
            claims.map(|(item, version)| (shakedown_model::ItemId(item), shakedown_model::Version(version)));
        tiny
    };
    table(
        Isolated,
        &[
            ("holds", one_change(), Pass),
            ("another item of this run", misplaced(Some((1, 1))), Fail),
            ("the same item of another run", misplaced(Some((0, 2))), Pass),
            ("another run", misplaced(None), Pass),
            ("torn is another guarantee's", one_change().corrupt(12_000, 0, Corruption::Md5), Pass),
            ("empty", Tiny::empty(), Unknown),
            ("cut short", one_change().cut_short(), Unknown),
            ("seen although cut short", misplaced(Some((1, 1))).cut_short(), Fail),
            ("seen although interrupted", misplaced(Some((1, 1))).status(RunStatus::Interrupted), Fail),
        ],
    );
    let places = misplaced(Some((1, 1))).planned(|plan| plan.items.groups = vec!["G".into(), "H".into()]);
    let expected = "12.000s watcher 0 (modern) received item item-0 of group `G`: an intact payload of another item, \
                    which says it is version 1 of item item-0 of group `H`";
    assert_eq!(places.guarantee(Isolated).witness, [expected]);
    table(
        NothingInvented,
        &[
            ("another item of this run is isolated's", misplaced(Some((1, 1))), Pass),
            ("the same item of another run", misplaced(Some((0, 2))), Fail),
        ],
    );
}

#[test]
fn once() {
    let again = one_change().delivery(12_000, 1, 0, 2);
    let crashed = one_change().crash(40_000, 1).cold_start(45_000, 1).delivery(45_100, 1, 0, 2);
    let two_items = Tiny::calm().delivery(12_000, 1, 0, 2).delivery(12_010, 1, 1, 2);
    table(
        Once,
        &[
            ("holds", one_change(), Pass),
            ("twice", again.clone(), Fail),
            ("twice long after", one_change().delivery(70_000, 3, 0, 2), Fail),
            ("coalesced", one_change().acked(0, 3, 11_000, 11_010).delivery(12_000, 1, 0, 4), Pass),
            ("another item", two_items, Pass),
            ("a second life", crashed, Pass),
            ("a step back is another guarantee's", one_change().delivery(12_000, 1, 0, 1), Pass),
            ("empty", Tiny::empty(), Unknown),
            ("cut short", one_change().cut_short(), Unknown),
            ("what came between may be missing", again.clone().cut_short(), Unknown),
            ("seen although interrupted", again.clone().status(RunStatus::Interrupted), Fail),
        ],
    );
    assert_eq!(
        again.guarantee(Once).witness,
        ["12.000s watcher 1 (modern) was called with version 2 of item item-0 again, first at 10.100s"]
    );
}
