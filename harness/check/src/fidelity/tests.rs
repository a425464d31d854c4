//! Tiny histories of both sides. The plan is that of [`crate::testing`], with `modern` (watchers 0 and 1) as the
//! simulated side and a third group `real` (watchers 4 and 5) beside it, both of three watchers where it says so.

use shakedown_model::event::{Path, ReadSource};
use shakedown_model::manifest::{Closer, ConnectionRecord};
use shakedown_model::plan::{DriverSpec, Protocol};
use shakedown_model::{FaultId, GroupId, ItemId, NodeId, Offset, WatcherId};

use super::outages::{Cut, Outage};
use crate::result::{FidelityMeasure, FidelityPair, FidelitySide, FidelityVerdict};
use crate::testing::{MODERN, Tiny, ms};

const REAL: GroupId = GroupId(2);
const SPLIT: FaultId = FaultId(0);

/// A connection of `watcher` of `group`: opened, answered, closed and by whom, in milliseconds.
fn connection(
    (group, watcher): (GroupId, u32),
    opened: u64,
    answered: Option<u64>,
    closed: Option<(u64, Closer)>,
) -> ConnectionRecord {
    ConnectionRecord {
        group,
        watcher: Some(WatcherId(watcher)),
        node: NodeId(0),
        protocol: Protocol::NacosGrpc,
        opened: ms(opened),
        answered: answered.map(ms),
        closed: closed.map(|(at, _)| ms(at)),
        closed_by: closed.map_or(Closer::Nobody, |(_, by)| by),
        up_bytes: 1,
        down_bytes: 1,
    }
}

/// The usual plan with `modern` and `legacy` as they are and a third group of real clients that `modern` imitates;
/// both have three watchers (`modern` 0 to 2, `legacy` 3 and 4, `real` 5 to 7).
fn twins() -> Tiny {
    Tiny::empty().window(0, 25_000, 35_000).planned(|plan| {
        let mut real = plan.groups[0].clone();
        plan.groups[0].client.like = Some("nacos-java-2".into());
        real.client.like = Some("nacos-java-2".into());
        real.client.driver =
            Some(DriverSpec { name: "java-2".into(), command: None, clients_per_process: 1 });
        real.name = "real".into();
        (plan.groups[0].count, real.count) = (3, 3);
        (plan.groups[1].first, real.first) = (WatcherId(3), WatcherId(5));
        real.first_own = ItemId(2);
        plan.groups.push(real);
        plan.faults[0].groups = vec![MODERN, REAL];
        plan.faults.truncate(1);
    })
}

/// A life under the split (25 s to 35 s): the connection ends at `lost`, attempts are (pause, length), and one stays.
fn life(side: (GroupId, u32), lost: u64, attempts: &[(u64, u64)], last_pause: u64) -> Vec<ConnectionRecord> {
    let mut records = vec![connection(side, 500, Some(510), Some((lost, Closer::Client)))];
    let mut at = lost;
    for (pause, length) in attempts {
        let opened = at + pause;
        at = opened + length;
        records.push(connection(side, opened, None, Some((at, Closer::Client))));
    }
    let opened = at + last_pause;
    records.push(connection(side, opened, Some(opened + 10), None));
    records
}

fn judged(tiny: &Tiny) -> FidelityPair {
    let mut pairs = tiny.judgement().fidelity;
    assert_eq!(pairs.len(), 1);
    pairs.remove(0)
}

fn verdict(pair: &FidelityPair, measure: FidelityMeasure) -> Option<FidelityVerdict> {
    pair.rows.iter().find(|row| row.measure == measure).map(|row| row.verdict)
}

/// Both sides with these lives.
fn compare(real: [&[ConnectionRecord]; 3], simulated: [&[ConnectionRecord]; 3]) -> FidelityPair {
    let mut tiny = twins();
    tiny.input.connections = real.concat();
    tiny.input.connections.extend(simulated.concat());
    judged(&tiny)
}

#[test]
fn twins_that_do_the_same_are_within_in_every_row() {
    let attempts = [(100, 3_000), (200, 3_000)];
    let real: Vec<_> = (5..8).map(|watcher| life((REAL, watcher), 30_000, &attempts, 300)).collect();
    let simulated: Vec<_> = (0..3).map(|watcher| life((MODERN, watcher), 30_004, &attempts, 300)).collect();
    let pair = compare([&real[0], &real[1], &real[2]], [&simulated[0], &simulated[1], &simulated[2]]);
    assert_eq!((pair.real, pair.simulated, pair.like.as_str()), (REAL, MODERN, "nacos-java-2"));
    assert_eq!(pair.notes, Vec::<String>::new());
    let measures: Vec<_> = pair.rows.iter().map(|row| row.measure).collect();
    assert_eq!(
        measures,
        [
            FidelityMeasure::Losses,
            FidelityMeasure::Detect,
            FidelityMeasure::AttemptGap(1),
            FidelityMeasure::AttemptGap(2),
            FidelityMeasure::AttemptGap(3),
            FidelityMeasure::AttemptInterval(2),
            FidelityMeasure::AttemptInterval(3),
            FidelityMeasure::AttemptLength(1),
            FidelityMeasure::AttemptLength(2),
            FidelityMeasure::Reconnect,
        ]
    );
    assert!(pair.rows.iter().all(|row| row.verdict == FidelityVerdict::Within), "{:#?}", pair.rows);
    let detect = &pair.rows[1];
    // From 24,995 ms, when applying began.
    let ns = |ms: u64| ms * 1_000_000;
    let times =
        FidelitySide::Times { count: 3, median_ns: ns(5_005), least_ns: ns(5_005), most_ns: ns(5_005) };
    assert_eq!((detect.real, detect.fault), (times, Some(SPLIT)));
}

#[test]
fn a_difference_of_more_than_a_tenth_is_told_and_an_irregular_sdk_too() {
    let real: Vec<_> = [(5, 100), (6, 150), (7, 300)]
        .map(|(watcher, pause)| life((REAL, watcher), 30_000, &[(pause, 3_000), (1_000, 3_000)], 500))
        .into();
    let simulated: Vec<_> =
        (0..3).map(|watcher| life((MODERN, watcher), 30_000, &[(200, 3_000), (1_111, 3_000)], 500)).collect();
    let pair = compare([&real[0], &real[1], &real[2]], [&simulated[0], &simulated[1], &simulated[2]]);
    assert_eq!(verdict(&pair, FidelityMeasure::AttemptGap(1)), Some(FidelityVerdict::Irregular));
    assert_eq!(verdict(&pair, FidelityMeasure::AttemptGap(2)), Some(FidelityVerdict::Differs));
    assert_eq!(verdict(&pair, FidelityMeasure::AttemptGap(3)), Some(FidelityVerdict::Within));
    let second = pair.rows.iter().find(|row| row.measure == FidelityMeasure::AttemptGap(2)).unwrap();
    assert!((second.difference.unwrap() - 0.111).abs() < 1e-9);
}

#[test]
fn few_samples_say_nothing_and_a_side_that_lost_nothing_shows() {
    let real: Vec<_> = (5..8).map(|watcher| life((REAL, watcher), 30_000, &[], 300)).collect();
    let calm = |watcher| vec![connection((MODERN, watcher), 500, Some(510), None)];
    let one = life((MODERN, 0), 30_000, &[], 300);
    let pair = compare([&real[0], &real[1], &real[2]], [&one, &calm(1), &calm(2)]);
    assert_eq!(verdict(&pair, FidelityMeasure::Losses), Some(FidelityVerdict::Differs));
    assert_eq!(verdict(&pair, FidelityMeasure::Detect), Some(FidelityVerdict::TooFew));
    assert_eq!(
        pair.rows[0].simulated,
        FidelitySide::Share { count: 1, of: 3 },
        "one of three lost its connection"
    );
}

#[test]
fn connections_that_are_not_told_apart_are_said_to_be() {
    let mut tiny = twins();
    let mut blind = connection((REAL, 0), 500, Some(510), None);
    blind.watcher = None;
    tiny.input.connections = vec![blind];
    let pair = judged(&tiny);
    assert_eq!(pair.rows, []);
    assert_eq!(pair.notes.len(), 2);
    assert!(pair.notes[0].contains("`real`"), "{:?}", pair.notes);
}

#[test]
fn a_driver_without_a_twin_on_its_link_is_no_pair() {
    let alone = twins().planned(|plan| plan.groups[0].client.like = Some("nacos-go-2".into()));
    assert_eq!(alone.judgement().fidelity, []);
    let plain = Tiny::calm();
    assert_eq!(plain.judgement().fidelity, []);
}

#[test]
fn the_application_is_given_the_same_by_both() {
    let mut tiny = twins().acked(0, 1, 1, 2).acked(0, 2, 26_000, 26_010);
    for (watchers, caught_up, source) in
        [(5..8, 36_000, ReadSource::Snapshot), (0..3, 36_050, ReadSource::Memory)]
    {
        for watcher in watchers {
            tiny = tiny.delivery(900, watcher, 0, 1).subscribed(1_000, watcher);
            tiny = tiny.came((caught_up, None), watcher, (0, 2), Path::Relist);
            tiny = tiny.read(28_000, watcher, source, Some(1));
        }
    }
    // One real client calls its listener twice with version 2.
    let tiny = tiny.delivery(36_100, 5, 0, 2);
    let pair = judged(&tiny);
    let expect = |measure, verdict_expected| {
        assert_eq!(verdict(&pair, measure), Some(verdict_expected), "{measure:?}");
    };
    expect(FidelityMeasure::CatchUp, FidelityVerdict::Within);
    expect(FidelityMeasure::ReadTime, FidelityVerdict::Within);
    expect(FidelityMeasure::ReadSource(ReadSource::Memory), FidelityVerdict::Differs);
    expect(FidelityMeasure::ReadSource(ReadSource::Snapshot), FidelityVerdict::Differs);
    expect(FidelityMeasure::Late, FidelityVerdict::Within);
    expect(FidelityMeasure::Duplicates, FidelityVerdict::Differs);
    expect(FidelityMeasure::Path(Path::Relist), FidelityVerdict::Within);
    let duplicates = pair.rows.iter().find(|row| row.measure == FidelityMeasure::Duplicates).unwrap();
    assert_eq!(duplicates.real, FidelitySide::Share { count: 1, of: 7 });
    assert_eq!(duplicates.simulated, FidelitySide::Share { count: 0, of: 6 });
}

const GRPC: Cut = Cut {
    protocol: Protocol::NacosGrpc,
    is_crash: false,
    from: Offset::from_millis(10_000),
    healed: Offset::from_millis(20_000),
    horizon: Offset::from_millis(60_000),
};

fn outage(cut: Cut, connections: &[ConnectionRecord]) -> Option<Outage> {
    cut.outage_of(&connections.iter().collect::<Vec<_>>())
}

/// The pause and the length of an attempt.
type Tried = (std::time::Duration, Option<std::time::Duration>);

fn attempt(gap: u64, length: Option<u64>) -> Tried {
    let millis = std::time::Duration::from_millis;
    (millis(gap), length.map(millis))
}

fn attempts(outage: &Outage) -> Vec<Tried> {
    outage.attempts.iter().map(|attempt| (attempt.gap, attempt.length)).collect()
}

#[test]
fn over_grpc_the_next_connection_beside_the_live_one_is_the_loss() {
    let c = |opened, answered, closed| connection((REAL, 5), opened, answered, closed);
    let found = outage(
        GRPC,
        &[
            c(100, Some(110), Some((21_500, Closer::Client))),
            c(14_000, None, Some((17_000, Closer::Client))),
            // Answered, but not for long: it did not stay.
            c(17_100, Some(17_110), Some((20_000, Closer::Proxy))),
            c(20_200, Some(20_210), None),
        ],
    );
    let millis = std::time::Duration::from_millis;
    let found = found.unwrap();
    assert_eq!((found.detect, found.reconnect), (Some(millis(4_000)), Some(millis(6_210))));
    assert_eq!(attempts(&found), [attempt(0, Some(3_000)), attempt(100, Some(2_900)), attempt(200, None)]);
    assert_eq!((found.interval(2), found.interval(3)), (Some(3_100_000_000), Some(3_100_000_000)));
    assert_eq!(found.interval(4), None);
}

#[test]
fn what_was_lost_before_or_long_after_a_fault_is_not_its_loss() {
    let c = |opened, answered, closed| connection((REAL, 5), opened, answered, closed);
    let before = [c(100, Some(110), Some((9_000, Closer::Client))), c(11_000, Some(11_010), None)];
    assert_eq!(outage(GRPC, &before), None);
    let after = [c(100, Some(110), Some((41_000, Closer::Client))), c(41_100, Some(41_110), None)];
    assert_eq!(outage(GRPC, &after), None);
    assert_eq!(outage(GRPC, &[c(100, Some(110), None)]), None);
}

#[test]
fn over_http_an_answered_request_ends_without_a_loss() {
    let cut = Cut { protocol: Protocol::NacosHttp, ..GRPC };
    let c = |opened, answered, closed| connection((REAL, 5), opened, answered, closed);
    let polls = [
        c(100, Some(9_900), Some((10_100, Closer::Client))),
        c(10_101, None, Some((15_000, Closer::Proxy))),
        c(17_000, None, Some((17_001, Closer::Proxy))),
        c(19_001, Some(20_500), Some((20_501, Closer::Client))),
    ];
    let found = outage(cut, &polls).unwrap();
    // The proxy ended it: nothing to notice.
    assert_eq!(found.detect, None);
    assert_eq!(attempts(&found), [attempt(2_000, Some(1)), attempt(2_000, None)]);
    assert_eq!(found.reconnect, Some(std::time::Duration::from_millis(5_500)));
}

#[test]
fn after_a_crash_everything_counts_from_the_first_connection() {
    let cut = Cut { is_crash: true, from: ms(15_000), healed: ms(15_000), ..GRPC };
    let c = |opened, answered, closed| connection((REAL, 5), opened, answered, closed);
    let lives = [
        c(100, Some(110), Some((10_000, Closer::Client))),
        c(16_700, None, Some((19_700, Closer::Client))),
        c(20_700, Some(20_800), None),
    ];
    let found = outage(cut, &lives).unwrap();
    assert_eq!(found.detect, None);
    assert_eq!(attempts(&found), [attempt(0, Some(3_000)), attempt(1_000, None)]);
    assert_eq!(found.reconnect, Some(std::time::Duration::from_millis(4_100)));
}
