//! Convergence: from the last ack until all hold it.

use super::*;

fn convergence(tiny: &Tiny, scope: Scope, group: shakedown_model::GroupId) -> Option<StatValue> {
    let figure = tiny.figure(Measure::Convergence, scope, Some(group))?;
    assert_eq!(figure.count, 1, "one sample per stretch and group");
    Some(figure.stat(Stat::Max))
}

/// Two items change in the steady phase, one in the cut.
fn changes() -> Tiny {
    Tiny::calm()
        .acked(0, 2, 10_000, 10_010)
        .deliveries(10_100, 0..4, 0, 2)
        .acked(1, 2, 11_000, 11_010)
        .deliveries(11_200, [0, 2, 3], 1, 2)
        .delivery(12_010, 1, 1, 2)
        .acked(0, 3, 30_000, 30_010)
        .deliveries(30_060, 0..4, 0, 3)
}

#[test]
fn it_is_per_phase_and_run_and_group() {
    let tiny = changes();
    assert_eq!(convergence(&tiny, STEADY, MODERN), Some(Time(1_000 * MS)));
    assert_eq!(convergence(&tiny, STEADY, LEGACY), Some(Time(190 * MS)));
    assert_eq!(convergence(&tiny, CUT, MODERN), Some(Time(50 * MS)));
    assert_eq!(
        convergence(&tiny, Scope::Run, MODERN),
        Some(Time(50 * MS)),
        "the run's last ack is the cut's"
    );
}

#[test]
fn an_item_that_lags_behind_a_later_ack_holds_it_up() {
    let tiny = Tiny::calm()
        .acked(0, 2, 10_000, 10_010)
        .acked(1, 2, 11_000, 11_010)
        .deliveries(11_100, 0..4, 1, 2)
        .deliveries(14_010, 0..4, 0, 2);
    assert_eq!(convergence(&tiny, STEADY, MODERN), Some(Time(3_000 * MS)));
}

#[test]
fn only_the_newest_version_of_an_item_counts_and_a_newer_one_satisfies_it() {
    let tiny = Tiny::calm()
        .acked(0, 2, 10_000, 10_010)
        .acked(0, 3, 12_000, 12_010)
        .deliveries(12_100, 0..4, 0, 3)
        .acked(0, 4, 21_000, 21_010)
        .deliveries(21_100, 0..4, 0, 4);
    assert_eq!(convergence(&tiny, STEADY, MODERN), Some(Time(90 * MS)));
    let coalesced =
        Tiny::calm().acked(0, 2, 19_900, 19_910).acked(0, 3, 20_100, 20_110).deliveries(20_210, 0..4, 0, 3);
    assert_eq!(convergence(&coalesced, STEADY, MODERN), Some(Time(300 * MS)));
}

#[test]
fn one_watcher_that_does_not_hold_it_censors_it() {
    let never = Tiny::calm().acked(0, 2, 10_000, 10_010).deliveries(10_100, 1..4, 0, 2);
    assert_eq!(convergence(&never, STEADY, MODERN), Some(TIMEOUT));
    assert_eq!(convergence(&never, STEADY, LEGACY), Some(Time(90 * MS)));
    let late = never.delivery(30_011, 0, 0, 2);
    assert_eq!(convergence(&late, STEADY, MODERN), Some(TIMEOUT));
    let crashed = Tiny::calm().crash(40_000, 0).acked(0, 2, 41_000, 41_010).deliveries(41_100, 1..4, 0, 2);
    assert_eq!(convergence(&crashed, CUT, MODERN), Some(Time(90 * MS)), "crashed on purpose");
}

#[test]
fn nothing_changed_or_not_all_can_be_judged_is_no_sample() {
    assert_eq!(convergence(&Tiny::calm(), STEADY, MODERN), None);
    assert_eq!(convergence(&Tiny::empty(), Scope::Run, MODERN), None);
    let mut cut = changes().lost(32_000, 2).cut_short();
    cut.input.events.retain(|event| !matches!(event, shakedown_model::event::Event::FinalRead { .. }));
    cut.input.manifest.ended = None;
    assert_eq!(convergence(&cut, STEADY, MODERN), Some(Time(1_000 * MS)), "recorded for 20 s beyond it");
    assert_eq!((convergence(&cut, CUT, MODERN), convergence(&cut, Scope::Run, MODERN)), (None, None));
}

#[test]
fn what_a_read_settled_counts_from_when_it_was_sent() {
    let tiny = Tiny::calm().acked(1, 2, 9_000, 9_010).deliveries(9_100, 0..4, 1, 2);
    let tiny = tiny.publish(0, 2, (10_000, 18_000), Settled).deliveries(10_200, 0..4, 0, 2);
    assert_eq!(convergence(&tiny, STEADY, MODERN), Some(Time(200 * MS)), "and not from the read");
    let acked_later = tiny.acked(1, 3, 11_000, 11_010).deliveries(11_100, 0..4, 1, 3);
    assert_eq!(convergence(&acked_later, STEADY, MODERN), Some(Time(90 * MS)));
}
