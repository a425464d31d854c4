//! Every kind of fault has its place on a stage, where it is tried with teeth and without.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_model::fault::{
    BadAnswer, CertificateTrouble, ControlFault, FaultAction, FaultPlan, NodeTrouble, PathTrouble,
    ServerFault, SpoiledCache, StrayWrite, StreamTrouble, ToxicKind, WatcherFault,
};
use shakedown_scenario::Overrides;

use super::*;

/// Every kind. A new one fails to compile in [`kind`] until it is here, and the test until a stage has it.
const KINDS: [&str; 65] = [
    "latency",
    "bandwidth",
    "slow_close",
    "timeout",
    "reset_peer",
    "slicer",
    "limit_data",
    "ramp",
    "reset",
    "blackhole",
    "one_way",
    "half_open",
    "silence",
    "refuse",
    "flap",
    "crash",
    "blocked_callback",
    "slow_consumer",
    "panicking_callback",
    "full_disk",
    "missing cache",
    "empty cache",
    "torn cache",
    "foreign cache",
    "overload",
    "oversize",
    "lost_race",
    "wrong_group",
    "wrong_namespace",
    "kill",
    "stop",
    "pause",
    "rolling_restart",
    "leader_loss",
    "disconnect",
    "upgrade",
    "status",
    "slow",
    "slow_body",
    "truncated",
    "wrong_length",
    "garbage",
    "go_away",
    "rst_stream",
    "stalled_window",
    "swallowed_ack",
    "expire_tokens",
    "evict",
    "status on the way",
    "slow on the way",
    "slow_body on the way",
    "truncated on the way",
    "wrong_length on the way",
    "garbage on the way",
    "go_away on the way",
    "rst_stream on the way",
    "stalled_window on the way",
    "swallowed_ack on the way",
    "drifted_md5",
    "invalid_content",
    "expired certificate",
    "certificate not yet valid",
    "certificate of another name",
    "certificate of an unknown authority",
    "clients_untrusted",
];

/// What embedded parts cannot do, and where it is tried without teeth instead.
const ELSEWHERE: [(&str, &str); 3] = [
    ("leader_loss", "a test of faults::server, on servers in virtual time"),
    ("disconnect", "a test of faults::server, on servers in virtual time"),
    ("upgrade", "a test of faults::server, on servers in virtual time"),
];

const fn kind(action: &FaultAction) -> &'static str {
    match action {
        FaultAction::Toxic { toxic } => match toxic.kind {
            ToxicKind::Latency { .. } => KINDS[0],
            ToxicKind::Bandwidth { .. } => KINDS[1],
            ToxicKind::SlowClose { .. } => KINDS[2],
            ToxicKind::Timeout { .. } => KINDS[3],
            ToxicKind::ResetPeer { .. } => KINDS[4],
            ToxicKind::Slicer { .. } => KINDS[5],
            ToxicKind::LimitData { .. } => KINDS[6],
        },
        FaultAction::Ramp { .. } => KINDS[7],
        FaultAction::Reset => KINDS[8],
        FaultAction::Blackhole { .. } => KINDS[9],
        FaultAction::OneWay { .. } => KINDS[10],
        FaultAction::HalfOpen => KINDS[11],
        FaultAction::Silence => KINDS[12],
        FaultAction::Refuse => KINDS[13],
        FaultAction::Flap { .. } => KINDS[14],
        FaultAction::Path { trouble } => on_the_way(trouble),
        FaultAction::Crash => KINDS[15],
        FaultAction::Watcher { fault, .. } => match fault {
            WatcherFault::BlockedCallback => KINDS[16],
            WatcherFault::SlowConsumer { .. } => KINDS[17],
            WatcherFault::PanickingCallback => KINDS[18],
            WatcherFault::FullDisk => KINDS[19],
            WatcherFault::SpoiledCache { cache: SpoiledCache::Missing } => KINDS[20],
            WatcherFault::SpoiledCache { cache: SpoiledCache::Empty } => KINDS[21],
            WatcherFault::SpoiledCache { cache: SpoiledCache::Torn } => KINDS[22],
            WatcherFault::SpoiledCache { cache: SpoiledCache::Foreign } => KINDS[23],
        },
        FaultAction::Control { fault: ControlFault::Overload(_) } => KINDS[24],
        FaultAction::Control { fault: ControlFault::StrayWrites { what, .. } } => match what {
            StrayWrite::Oversize => KINDS[25],
            StrayWrite::LostRace => KINDS[26],
            StrayWrite::WrongGroup => KINDS[27],
            StrayWrite::WrongNamespace => KINDS[28],
        },
        FaultAction::Server { fault } => of_server(fault),
        FaultAction::InvalidContent { .. } => KINDS[59],
    }
}

const fn of_server(fault: &ServerFault) -> &'static str {
    match fault {
        ServerFault::Kill => KINDS[29],
        ServerFault::Stop => KINDS[30],
        ServerFault::Pause => KINDS[31],
        ServerFault::RollingRestart { .. } => KINDS[32],
        ServerFault::LeaderLoss => KINDS[33],
        ServerFault::Disconnect => KINDS[34],
        ServerFault::Upgrade { .. } => KINDS[35],
        ServerFault::Certificate { trouble, .. } => match trouble {
            CertificateTrouble::Expired => KINDS[60],
            CertificateTrouble::NotYetValid => KINDS[61],
            CertificateTrouble::OtherName => KINDS[62],
            CertificateTrouble::UnknownAuthority => KINDS[63],
            CertificateTrouble::ClientsUntrusted => KINDS[64],
        },
        ServerFault::Trouble { trouble } => match trouble {
            NodeTrouble::Answers(answers) => match answers.bad {
                BadAnswer::Status(_) => KINDS[36],
                BadAnswer::Slow(_) => KINDS[37],
                BadAnswer::SlowBody(_) => KINDS[38],
                BadAnswer::Truncated => KINDS[39],
                BadAnswer::WrongLength => KINDS[40],
                BadAnswer::Garbage => KINDS[41],
            },
            NodeTrouble::Stream { what, .. } => match what {
                StreamTrouble::GoAway => KINDS[42],
                StreamTrouble::RstStream => KINDS[43],
                StreamTrouble::StalledWindow => KINDS[44],
                StreamTrouble::SwallowedAck => KINDS[45],
            },
            NodeTrouble::ExpireTokens => KINDS[46],
            NodeTrouble::Evict { .. } => KINDS[47],
            NodeTrouble::DriftedMd5 { .. } => KINDS[58],
        },
    }
}

const fn on_the_way(trouble: &PathTrouble) -> &'static str {
    match trouble {
        PathTrouble::Answers(answers) => match answers.bad {
            BadAnswer::Status(_) => KINDS[48],
            BadAnswer::Slow(_) => KINDS[49],
            BadAnswer::SlowBody(_) => KINDS[50],
            BadAnswer::Truncated => KINDS[51],
            BadAnswer::WrongLength => KINDS[52],
            BadAnswer::Garbage => KINDS[53],
        },
        PathTrouble::Stream { what, .. } => match what {
            StreamTrouble::GoAway => KINDS[54],
            StreamTrouble::RstStream => KINDS[55],
            StreamTrouble::StalledWindow => KINDS[56],
            StreamTrouble::SwallowedAck => KINDS[57],
        },
    }
}

/// The faults of a stage, each with its kind.
fn faults(stage: Stage) -> Vec<FaultPlan> {
    let loaded = shakedown_scenario::load_text(stage.name(), stage.text(), &Overrides::new());
    loaded.unwrap_or_else(|problems| panic!("{problems}")).plan.faults
}

fn stages() -> impl Iterator<Item = Stage> {
    Stage::ALL.into_iter().filter(|stage| stage.is_of_faults())
}

#[test]
fn every_kind_of_fault_is_on_a_stage_or_has_another_place() {
    let on_stages: BTreeSet<&str> = stages().flat_map(faults).map(|fault| kind(&fault.action)).collect();
    let elsewhere: BTreeSet<&str> = ELSEWHERE.iter().map(|(kind, _)| *kind).collect();
    for kind in KINDS {
        assert_ne!(
            on_stages.contains(kind),
            elsewhere.contains(kind),
            "a stage of faults has `{kind}`, or `ELSEWHERE` says where it is tried without teeth"
        );
    }
    assert_eq!(KINDS.iter().collect::<BTreeSet<_>>().len(), KINDS.len());
    assert!(elsewhere.iter().all(|kind| KINDS.contains(kind)));
}

#[test]
fn every_fault_of_a_stage_is_without_teeth_in_one_row_and_has_them_in_the_other() {
    for stage in stages() {
        let rows: Vec<&Row> = ROWS.iter().filter(|row| row.stage == stage).collect();
        assert!(rows.iter().all(|row| row.planted == Planted::Faults), "{stage:?}");
        let mut tried = BTreeMap::<&str, usize>::new();
        for fault in rows.iter().flat_map(|row| row.toothless) {
            *tried.entry(fault).or_default() += 1;
        }
        let named: Vec<String> = faults(stage).into_iter().map(|fault| fault.name).collect();
        let once: BTreeMap<&str, usize> = named.iter().map(|name| (name.as_str(), 1)).collect();
        assert_eq!((rows.len(), tried), (2, once), "{stage:?}");
    }
}

#[test]
fn only_stages_of_faults_have_rows_of_faults() {
    let of_faults = |row: &&Row| row.planted == Planted::Faults || !row.toothless.is_empty();
    assert!(ROWS.iter().filter(of_faults).all(|row| row.stage.is_of_faults()));
}
