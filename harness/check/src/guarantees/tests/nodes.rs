//! Several nodes: a fresh read from each.

use shakedown_model::Version;
use shakedown_model::event::Found::{Absent, Unfit, Version as Holds};

use super::*;

/// One change on two nodes; node 1 answers this.
fn second(found: shakedown_model::event::Found) -> Tiny {
    let tiny = one_change().planned(|plan| plan.server.nodes = 2).found(81_600, (1, 0), found);
    tiny.found(81_600, (1, 1), Holds(Version(1)))
}

#[test]
fn every_node_must_return_the_last_acked_value() {
    table(
        NothingLost,
        &[
            ("both do", second(Holds(Version(2))), Pass),
            ("one is behind", second(Holds(Version(1))), Fail),
            ("one has nothing", second(Absent), Fail),
            ("one has nothing intact", second(Unfit), Fail),
            ("one was not read", one_change().planned(|plan| plan.server.nodes = 2), Unknown),
        ],
    );
    let witness = second(Holds(Version(1))).guarantee(NothingLost).witness;
    assert_eq!(witness[1], "81.600s a fresh read of item item-0 from node 1 returned version 1");
}

#[test]
fn ending_on_what_any_node_returns_is_enough() {
    let split = |tiny: Tiny| tiny.delivery(70_000, 0, 0, 3);
    table(
        Converges,
        &[
            ("nodes agree", second(Holds(Version(2))), Pass),
            ("nodes differ, which is for nothing lost", second(Holds(Version(1))), Pass),
            ("ahead of both", split(second(Holds(Version(2)))), Fail),
            ("with the one that is ahead", split(second(Holds(Version(3)))), Pass),
        ],
    );
}
