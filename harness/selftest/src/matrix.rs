//! What is planted, and what it must break.

use shakedown_model::plan::{ClientDefect, ServerDefect};
use shakedown_model::verdict::Guarantee;
use shakedown_model::verdict::Guarantee::{
    Converges, Intact, Isolated, LastGood, Monotonic, NothingInvented, NothingLost, Once, SafeFailover,
    WithinPolicy,
};

use crate::Stage;

/// What is wrong in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// The embedded server misbehaves.
    Server(ServerDefect),
    /// Simulated clients misbehave.
    Client(ClientDefect),
    /// A setting that is legal, and too slow for a gate.
    Setting,
    /// Faults say that they were applied, and do nothing.
    Faults,
}

/// A planted defect and what it must break: these guarantees and gates, and no others.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its name, unlike every other row's.
    pub name: &'static str,
    /// What is wrong.
    pub planted: Planted,
    /// Where it is tried.
    pub stage: Stage,
    /// What is changed in the stage: the defect, and what it needs to show.
    pub sets: &'static [&'static str],
    /// The guarantees that it must break, in [`Guarantee::ALL`]'s order.
    pub guarantees: &'static [Guarantee],
    /// The gates that it must break, in the stage's order.
    pub gates: &'static [&'static str],
    /// The faults of the stage that are toothless: the run must say of these, and of no others, that they did not bite.
    pub toothless: &'static [&'static str],
}

impl Row {
    /// A row in which every fault bites.
    const CLEAN: Self = Self {
        name: "",
        planted: Planted::Setting,
        stage: Stage::Calm,
        sets: &[],
        guarantees: &[],
        gates: &[],
        toothless: &[],
    };

    /// All that is changed in the stage, as `--set` takes it.
    pub fn settings(&self) -> impl Iterator<Item = String> {
        let toothless = self.toothless.iter().map(|fault| format!("faults.{fault}.defect=toothless"));
        self.sets.iter().map(|set| (*set).to_owned()).chain(toothless)
    }
}

const NOTIFY: &str = "notify.p50 < 600ms in steady";
const PUBLISH: &str = "publish.p50 < 700ms in steady";
const END_TO_END: &str = "end-to-end.p90 < 1500ms in steady";
const T_ALL: &str = "T-all.p50 < 1500ms in steady";
const STALENESS: &str = "staleness.max < 4s in steady";
const DETECT: &str = "detect.max < 2s after cut";
const RECONNECT: &str = "reconnect.max < 9s after cut for pushed";
const CATCH_UP: &str = "catch-up.max < 5s after cut";
const ATTEMPTS: &str = "attempts-per-watcher.max < 30 after cut";
const HERD: &str = "herd-share < 70% after cut for spread";
const FAILOVER: &str = "failover.max < 1500ms in cut for polling";
const STALENESS_OF_ALL: &str = "staleness.max < 8s";
const WRITE_OUTAGE: &str = "write-outage < 4s after restart";
const RECONNECT_AFTER_RESTART: &str = "reconnect.max < 4s after restart";

/// Every row.
pub const ROWS: &[Row] = &[
    Row {
        name: "lose-write",
        planted: Planted::Server(ServerDefect::LoseWrite),
        stage: Stage::Calm,
        sets: &["server.embedded.defect=lose-write"],
        guarantees: &[NothingLost],
        gates: &[STALENESS],
        ..Row::CLEAN
    },
    Row {
        name: "forget-watcher",
        planted: Planted::Server(ServerDefect::ForgetWatcher),
        stage: Stage::Calm,
        // So many items that most mutations are not of those that the forgotten watcher listens to.
        sets: &["server.embedded.defect=forget-watcher", "items.count=8"],
        guarantees: &[Converges],
        gates: &[STALENESS],
        ..Row::CLEAN
    },
    Row {
        name: "answer-old",
        planted: Planted::Server(ServerDefect::AnswerOld),
        stage: Stage::Calm,
        sets: &["server.embedded.defect=answer-old"],
        guarantees: &[Monotonic],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "tear-content",
        planted: Planted::Server(ServerDefect::TearContent),
        stage: Stage::Calm,
        sets: &["server.embedded.defect=tear-content", "watchers.pushed.client.resync=2s"],
        guarantees: &[Intact],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "wrong-md5",
        planted: Planted::Server(ServerDefect::WrongMd5),
        stage: Stage::Calm,
        sets: &["server.embedded.defect=wrong-md5", "watchers.pushed.client.resync=2s"],
        guarantees: &[Intact],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "invent-version",
        planted: Planted::Server(ServerDefect::InventVersion),
        stage: Stage::Calm,
        sets: &["server.embedded.defect=invent-version"],
        guarantees: &[NothingInvented],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "cross-items",
        planted: Planted::Server(ServerDefect::CrossItems),
        stage: Stage::Calm,
        sets: &["server.embedded.defect=cross-items", "watchers.pushed.client.resync=2s"],
        guarantees: &[Isolated],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "leak-gray",
        planted: Planted::Server(ServerDefect::LeakGray),
        stage: Stage::Calm,
        sets: &[
            "server.embedded.defect=leak-gray",
            "mutations.kinds={ write: 3, gray: 1 }",
            "mutations.gray={ hold: 500ms }",
        ],
        guarantees: &[Isolated],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "drop-push",
        planted: Planted::Server(ServerDefect::DropPush),
        stage: Stage::Calm,
        sets: &["server.embedded.defect=drop-push"],
        guarantees: &[Converges],
        gates: &[STALENESS],
        ..Row::CLEAN
    },
    Row {
        name: "keep-deleted",
        planted: Planted::Server(ServerDefect::KeepDeleted),
        stage: Stage::Calm,
        sets: &["server.embedded.defect=keep-deleted", "mutations.kinds={ write: 3, delete: 2 }"],
        guarantees: &[NothingLost],
        gates: &[STALENESS],
        ..Row::CLEAN
    },
    Row {
        name: "lose-at-restart",
        planted: Planted::Server(ServerDefect::LoseAtRestart),
        stage: Stage::Restart,
        sets: &["server.embedded.defect=lose-at-restart"],
        guarantees: &[NothingLost, Monotonic],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "call-twice",
        planted: Planted::Client(ClientDefect::CallTwice),
        stage: Stage::Calm,
        sets: &["watchers.pushed.client.defect=call-twice"],
        guarantees: &[Once],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "ignore-deletes",
        planted: Planted::Client(ClientDefect::IgnoreDeletes),
        stage: Stage::Calm,
        sets: &["watchers.pushed.client.defect=ignore-deletes", "mutations.kinds={ write: 3, delete: 2 }"],
        guarantees: &[Converges],
        gates: &[STALENESS],
        ..Row::CLEAN
    },
    Row {
        name: "no-backoff",
        planted: Planted::Client(ClientDefect::NoBackoff),
        stage: Stage::Rough,
        sets: &["watchers.pushed.client.defect=no-backoff"],
        guarantees: &[WithinPolicy],
        gates: &[ATTEMPTS],
        ..Row::CLEAN
    },
    Row {
        name: "torn-snapshot",
        planted: Planted::Client(ClientDefect::TornSnapshot),
        stage: Stage::Rough,
        sets: &["watchers.polling.client.defect=torn-snapshot"],
        guarantees: &[SafeFailover],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "stale-snapshot",
        planted: Planted::Client(ClientDefect::StaleSnapshot),
        stage: Stage::Rough,
        sets: &["watchers.polling.client.defect=stale-snapshot"],
        guarantees: &[SafeFailover],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "silent-snapshot",
        planted: Planted::Client(ClientDefect::SilentSnapshot),
        stage: Stage::Rough,
        sets: &["watchers.polling.client.defect=silent-snapshot"],
        guarantees: &[SafeFailover],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "keep-stale-listener",
        planted: Planted::Client(ClientDefect::KeepStaleListener),
        stage: Stage::Rough,
        sets: &["watchers.pushed.client.defect=keep-stale-listener"],
        guarantees: &[Converges],
        gates: &[CATCH_UP, STALENESS_OF_ALL],
        ..Row::CLEAN
    },
    Row {
        name: "give-up",
        planted: Planted::Client(ClientDefect::GiveUp),
        stage: Stage::Rough,
        sets: &["watchers.pushed.client.defect=give-up"],
        guarantees: &[Converges],
        gates: &[RECONNECT, CATCH_UP, STALENESS_OF_ALL],
        ..Row::CLEAN
    },
    Row {
        name: "believe-connected",
        planted: Planted::Client(ClientDefect::BelieveConnected),
        stage: Stage::Rough,
        sets: &["watchers.pushed.client.defect=believe-connected"],
        guarantees: &[Converges],
        gates: &[DETECT, STALENESS_OF_ALL],
        ..Row::CLEAN
    },
    Row {
        name: "forget-notify",
        planted: Planted::Client(ClientDefect::ForgetNotify),
        stage: Stage::Calm,
        sets: &[
            "watchers.pushed.client.defect=forget-notify",
            "watchers.pushed.listens.shared=4",
            "mutations.arrivals={ burst: { count: 40, every: 900ms } }",
        ],
        guarantees: &[Converges],
        gates: &[NOTIFY, END_TO_END, T_ALL, STALENESS],
        ..Row::CLEAN
    },
    Row {
        name: "deadlock-on-notify",
        planted: Planted::Client(ClientDefect::DeadlockOnNotify),
        stage: Stage::Calm,
        sets: &[
            "watchers.pushed.client.defect=deadlock-on-notify",
            "watchers.pushed.listens.shared=4",
            "mutations.arrivals={ burst: { count: 40, every: 900ms } }",
        ],
        guarantees: &[Converges],
        gates: &[NOTIFY, END_TO_END, T_ALL, STALENESS],
        ..Row::CLEAN
    },
    Row {
        name: "call-again",
        planted: Planted::Client(ClientDefect::CallAgain),
        stage: Stage::Calm,
        sets: &["watchers.pushed.client.defect=call-again", "watchers.pushed.client.retry=1s"],
        guarantees: &[Once],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "take-invalid",
        planted: Planted::Client(ClientDefect::TakeInvalid),
        stage: Stage::Rough,
        sets: &["watchers.pushed.client.defect=take-invalid"],
        guarantees: &[LastGood],
        gates: &[],
        ..Row::CLEAN
    },
    Row {
        name: "no-jitter",
        planted: Planted::Client(ClientDefect::NoJitter),
        stage: Stage::Rough,
        sets: &["watchers.spread.client.defect=no-jitter"],
        guarantees: &[],
        gates: &[HERD],
        ..Row::CLEAN
    },
    Row {
        name: "slow-dump",
        planted: Planted::Setting,
        stage: Stage::Calm,
        sets: &[
            "server.embedded.dump-tick=2400ms",
            "items.count=24",
            "watchers.polling.listens.shared=24",
            "watchers.pushed.listens.shared=24",
        ],
        guarantees: &[],
        gates: &[NOTIFY, END_TO_END],
        ..Row::CLEAN
    },
    Row {
        name: "slow-ack",
        planted: Planted::Setting,
        stage: Stage::Calm,
        sets: &[
            "server.embedded.publish-awaits-dump=true",
            "server.embedded.dump-tick=4s",
            "items.count=60",
            "watchers.polling.listens.shared=60",
            "watchers.pushed.listens.shared=60",
        ],
        guarantees: &[],
        gates: &[PUBLISH, END_TO_END, T_ALL],
        ..Row::CLEAN
    },
    Row {
        name: "silent-cut",
        planted: Planted::Setting,
        stage: Stage::Rough,
        sets: &["faults.cut.do={ blackhole: { groups: all } }"],
        guarantees: &[],
        gates: &[DETECT],
        ..Row::CLEAN
    },
    Row {
        name: "no-cache",
        planted: Planted::Setting,
        stage: Stage::Rough,
        sets: &["watchers.polling.client.cache=none"],
        guarantees: &[],
        gates: &[FAILOVER],
        ..Row::CLEAN
    },
    Row {
        name: "slow-restart",
        planted: Planted::Setting,
        stage: Stage::Restart,
        sets: &["phases.stopped.for=8s", "faults.restart.for=6s"],
        guarantees: &[],
        gates: &[WRITE_OUTAGE, RECONNECT_AFTER_RESTART],
        ..Row::CLEAN
    },
    Row {
        name: "toothless-links-1",
        planted: Planted::Faults,
        stage: Stage::Links,
        toothless: &[
            "latency",
            "slicer",
            "bandwidth",
            "limit-data",
            "one-way",
            "flap",
            "ramp",
            "timeout",
            "spoiled-status",
            "spoiled-body",
            "spoiled-length",
            "misled-acks",
            "misled-stream",
        ],
        ..Row::CLEAN
    },
    Row {
        name: "toothless-links-2",
        planted: Planted::Faults,
        stage: Stage::Links,
        toothless: &[
            "reset",
            "slow-close",
            "blackhole",
            "reset-peer",
            "half-open",
            "refuse",
            "silence",
            "spoiled-slow",
            "spoiled-half",
            "spoiled-garbage",
            "misled-window",
            "misled-goodbye",
        ],
        ..Row::CLEAN
    },
    Row {
        name: "toothless-watchers-1",
        planted: Planted::Faults,
        stage: Stage::Watchers,
        toothless: &[
            "crash",
            "empty-cache",
            "foreign-cache",
            "slow-consumer",
            "full-disk",
            "wrong-namespace",
            "oversize",
            "expired-tokens",
        ],
        ..Row::CLEAN
    },
    Row {
        name: "toothless-watchers-2",
        planted: Planted::Faults,
        stage: Stage::Watchers,
        toothless: &[
            "missing-cache",
            "torn-cache",
            "blocked-callback",
            "panicking-callback",
            "wrong-group",
            "lost-race",
            "overload",
            "invalid-content",
        ],
        ..Row::CLEAN
    },
    Row {
        name: "toothless-servers-1",
        planted: Planted::Faults,
        stage: Stage::Servers,
        toothless: &[
            "swallowed-acks",
            "reset-streams",
            "evictions",
            "slow-answers",
            "truncated",
            "garbage",
            "stop",
            "pause",
        ],
        ..Row::CLEAN
    },
    Row {
        name: "toothless-servers-2",
        planted: Planted::Faults,
        stage: Stage::Servers,
        toothless: &[
            "stalled-windows",
            "goodbyes",
            "statuses",
            "slow-bodies",
            "wrong-lengths",
            "drift",
            "kill",
            "rolling-restart",
        ],
        ..Row::CLEAN
    },
    Row {
        name: "toothless-tls-1",
        planted: Planted::Faults,
        stage: Stage::Tls,
        toothless: &["expired", "other-name", "untrusted"],
        ..Row::CLEAN
    },
    Row {
        name: "toothless-tls-2",
        planted: Planted::Faults,
        stage: Stage::Tls,
        toothless: &["not-yet-valid", "unknown-authority"],
        ..Row::CLEAN
    },
];

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_planted_defect_has_a_row_and_the_variant_count_is_whole() {
        // A new variant fails to compile here until it is in `ALL`, and the test until it has a row.
        for defect in ServerDefect::ALL {
            let nth = match defect {
                ServerDefect::LoseWrite => 0,
                ServerDefect::ForgetWatcher => 1,
                ServerDefect::AnswerOld => 2,
                ServerDefect::TearContent => 3,
                ServerDefect::InventVersion => 4,
                ServerDefect::CrossItems => 5,
                ServerDefect::LeakGray => 6,
                ServerDefect::DropPush => 7,
                ServerDefect::WrongMd5 => 8,
                ServerDefect::KeepDeleted => 9,
                ServerDefect::LoseAtRestart => 10,
            };
            assert_eq!(ServerDefect::ALL[nth], defect);
            assert!(ROWS.iter().any(|row| row.planted == Planted::Server(defect)), "{defect:?} has no row");
        }
        for defect in ClientDefect::ALL {
            let nth = match defect {
                ClientDefect::NoBackoff => 0,
                ClientDefect::TornSnapshot => 1,
                ClientDefect::CallTwice => 2,
                ClientDefect::KeepStaleListener => 3,
                ClientDefect::GiveUp => 4,
                ClientDefect::NoJitter => 5,
                ClientDefect::IgnoreDeletes => 6,
                ClientDefect::StaleSnapshot => 7,
                ClientDefect::SilentSnapshot => 8,
                ClientDefect::BelieveConnected => 9,
                ClientDefect::ForgetNotify => 10,
                ClientDefect::CallAgain => 11,
                ClientDefect::TakeInvalid => 12,
                ClientDefect::DeadlockOnNotify => 13,
            };
            assert_eq!(ClientDefect::ALL[nth], defect);
            assert!(ROWS.iter().any(|row| row.planted == Planted::Client(defect)), "{defect:?} has no row");
        }
    }

    #[test]
    fn every_guarantee_is_broken_by_a_row() {
        for guarantee in Guarantee::ALL {
            assert!(
                ROWS.iter().any(|row| row.guarantees.contains(&guarantee)),
                "nothing shows that `{guarantee}` catches anything"
            );
        }
    }

    #[test]
    fn every_gate_of_a_stage_is_broken_by_a_row() {
        for stage in Stage::ALL {
            for gate in stage.gates() {
                let breaks = |row: &Row| row.stage == stage && row.gates.contains(&gate);
                assert!(ROWS.iter().any(breaks), "nothing shows that `{gate}` catches anything");
            }
        }
    }

    #[test]
    fn rows_have_their_own_names_and_say_in_order_what_the_stage_has() {
        let names: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
        for row in ROWS {
            let gates: Vec<&str> = row.stage.gates().filter(|gate| row.gates.contains(gate)).collect();
            assert_eq!(gates, row.gates, "{}", row.name);
            assert!(row.guarantees.is_sorted(), "{}", row.name);
            assert!(!crate::Broken::declared(row).is_empty(), "{} breaks nothing", row.name);
        }
    }
}
