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

#[test]
fn a_real_client_is_judged_where_it_is_known_what_it_should_do_and_what_it_did() {
    let too_short = |like: Option<&str>, action: FaultAction| {
        let backoff = Backoff::Constant { delay: Duration::from_secs(1) };
        pauses(backoff, &[10]).planned(|plan| {
            let client = &mut plan.groups[1].client;
            client.driver = Some(DriverSpec { name: "go".into(), command: None, clients_per_process: 1 });
            client.like = like.map(str::to_owned);
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
