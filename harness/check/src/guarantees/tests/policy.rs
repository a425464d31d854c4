//! Within policy for backoffs whose bounds depend on what came before.

use std::time::Duration;

use shakedown_model::GroupId;
use shakedown_model::backoff::{Backoff, Jitter};
use shakedown_model::fault::FaultAction;
use shakedown_model::plan::DriverSpec;

use super::*;

/// Attempts of watcher 2 with these pauses in milliseconds, under a policy of its group.
fn pauses(backoff: Backoff, pauses: &[u64]) -> Tiny {
    let mut tiny = Tiny::calm().planned(|plan| plan.groups[1].client.backoff = backoff).lost(26_000, 2);
    let mut from = 26_000;
    for (number, pause) in (1..).zip(pauses) {
        tiny = tiny.attempt(2, number, (from, from + pause), TimedOut);
        from += pause + 10;
    }
    tiny
}

#[test]
fn decorrelated_jitter_is_judged_by_the_pause_before() {
    let decorrelated = Backoff::Exponential {
        base: Duration::from_secs(1),
        cap: Duration::from_secs(20),
        jitter: Jitter::Decorrelated,
    };
    let judged = |list: &[u64]| pauses(decorrelated, list);
    table(
        WithinPolicy,
        &[
            ("the least", judged(&[1_000, 1_000, 1_000]), Pass),
            ("three times the one before", judged(&[3_000, 9_000, 20_000]), Pass),
            ("more than three times the one before", judged(&[1_000, 4_000]), Fail),
            ("four times is right after a longer one", judged(&[1_400, 4_000]), Pass),
            ("less than the base", judged(&[3_000, 800]), Fail),
            ("more than the cap", judged(&[3_000, 9_000, 23_000]), Fail),
            ("the first as if the base had come before", judged(&[3_400]), Fail),
        ],
    );
}

#[test]
fn equal_jitter_and_linear_growth_have_both_bounds() {
    let equal = Backoff::Linear {
        base: Duration::from_secs(1),
        step: Duration::from_secs(1),
        cap: Duration::from_secs(3),
        jitter: Jitter::Equal,
    };
    table(
        WithinPolicy,
        &[
            ("within", pauses(equal, &[500, 2_000, 1_500, 3_000]), Pass),
            ("below half", pauses(equal, &[500, 800]), Fail),
            ("above the cap", pauses(equal, &[500, 1_000, 1_500, 3_500]), Fail),
        ],
    );
}

/// The same of real clients that are said to be like an SDK.
fn real(tiny: Tiny) -> Tiny {
    tiny.planned(|plan| {
        let client = &mut plan.groups[1].client;
        client.driver = Some(DriverSpec { name: "go".into(), command: None, clients_per_process: 1 });
        client.like = Some("nacos-go-2".into());
    })
}

/// A pause of watcher 2 from 26 s, where 1 s is declared.
fn second(pause: u64) -> Tiny {
    pauses(Backoff::Constant { delay: Duration::from_secs(1) }, &[pause])
}

#[test]
fn a_real_client_is_not_blamed_for_recorded_lag_at_either_end_of_its_pause() {
    let late = |tiny: Tiny, due, late_ms: u64| tiny.lag(due, late_ms * 1_000_000);
    table(
        WithinPolicy,
        &[
            ("too long", real(second(1_500)), Fail),
            ("late to notice", late(real(second(1_500)), 26_010, 400), Pass),
            ("late to notice, but not so much", late(real(second(1_500)), 26_010, 390), Fail),
            ("late at both ends", late(late(real(second(1_500)), 26_010, 200), 27_010, 200), Pass),
            ("late between them", late(real(second(1_500)), 26_500, 400), Fail),
            ("late long before", late(real(second(1_500)), 25_900, 400), Fail),
            ("a simulated one starts its pause when it stamps it", late(second(1_500), 26_010, 400), Fail),
            ("too short", real(second(600)), Fail),
            ("its end before was seen late", late(real(second(600)), 25_700, 300), Pass),
            ("not so late", late(real(second(600)), 25_700, 290), Fail),
            ("late, but after", late(real(second(600)), 26_100, 300), Fail),
            ("lag shortens no pause of a simulated one", late(second(600), 25_700, 300), Fail),
        ],
    );
}

#[test]
fn a_real_client_is_judged_where_it_is_known_what_it_should_do_and_what_it_did() {
    let too_short = |like: Option<&str>, action: FaultAction| {
        real(second(10)).planned(|plan| {
            plan.groups[1].client.like = like.map(str::to_owned);
            plan.faults[0].groups = vec![GroupId(1)];
            plan.faults[0].action = action;
        })
    };
    table(
        WithinPolicy,
        &[
            ("it should be like an SDK", too_short(Some("nacos-go-2"), FaultAction::Reset), Fail),
            ("nothing is expected of it", too_short(None, FaultAction::Reset), Pass),
            (
                "attempts may have been refused unseen",
                too_short(Some("nacos-go-2"), FaultAction::Refuse),
                Pass,
            ),
        ],
    );
}
