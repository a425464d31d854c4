//! Faults of servers through the nemesis, in virtual time.

use std::sync::Mutex;
use std::time::Duration;

use shakedown_model::fault::{Bite, FaultAction, FaultDefect, FaultWindow, Outage};
use shakedown_model::plan::ProxyKind;
use shakedown_model::{GroupId, Offset, PhaseId};
use shakedown_record::Clock;
use tokio::time::sleep_until;

use super::*;
use crate::nemesis::{self, NemesisConfig, NemesisHandle};
use crate::testing::{FakeServers, World, WorldProbe, plan};

struct Stage {
    servers: Arc<FakeServers>,
    clock: Clock,
    handle: NemesisHandle,
    told: Arc<Mutex<Vec<FaultWindow>>>,
}

/// A fault from 10 s to 20 s.
fn stage(fault: ServerFault, nodes: &[u16]) -> Stage {
    stage_with(fault, nodes, None)
}

fn stage_with(fault: ServerFault, nodes: &[u16], defect: Option<FaultDefect>) -> Stage {
    let (world, proxies) = World::new();
    let servers = Arc::clone(&world.servers);
    let clock = Clock::start();
    let told: Arc<Mutex<Vec<FaultWindow>>> = Arc::default();
    let config = NemesisConfig {
        clock,
        site: world.site(&proxies, ProxyKind::Embedded),
        probe: Arc::new(WorldProbe(Arc::clone(&world))),
        service: Arc::<FakeServers>::clone(&servers),
        dump_tick: Duration::from_millis(100),
        sink: {
            let told = Arc::clone(&told);
            Arc::new(move |window| told.lock().unwrap().push(window.clone()))
        },
    };
    let fault = FaultPlan {
        name: "down".into(),
        phase: PhaseId(0),
        from: Offset::from_secs(10),
        until: Offset::from_secs(20),
        action: FaultAction::Server { fault },
        groups: vec![GroupId(0), GroupId(1)],
        nodes: nodes.iter().copied().map(NodeId).collect(),
        defect,
    };
    let handle = nemesis::start(&plan(vec![fault]), config).unwrap();
    Stage { servers, clock, handle, told }
}

async fn window_of(stage: Stage) -> FaultWindow {
    let mut report = stage.handle.join().await;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert!(stage.servers.all_up(), "what was taken away is back");
    assert_eq!(stage.told.lock().unwrap().last(), report.windows.last(), "the sink hears the last word");
    report.windows.pop().unwrap()
}

/// About the instants, in seconds: a probe goes every 0.2 s and a listener comes back within some more.
fn assert_about(outages: &[Outage], from: f64, until: f64) {
    let [outage] = outages else { panic!("{outages:?}") };
    let end = outage.until.expect("it ended").as_secs_f64();
    let start = outage.from.as_secs_f64();
    assert!((start - from).abs() < 0.35 && (end - until).abs() < 0.5, "{start} to {end}");
}

fn bit(window: &FaultWindow) -> &str {
    match &window.bite {
        Bite::Bit(text) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_node_refuses_until_it_is_started_again_and_the_other_serves() {
    let window = window_of(stage(ServerFault::Kill, &[0])).await;
    assert_eq!(window.healing, Some(Offset::from_secs(20)));
    let [killed, other] = &window.service[..] else { panic!("{window:?}") };
    for outages in [&killed.write, &killed.read, &killed.push] {
        assert_about(outages, 10.0, 25.0);
    }
    assert!(other.write.is_empty() && other.read.is_empty() && other.push.is_empty(), "{other:?}");
    assert!(bit(&window).starts_with("befell node 0. node 0: writes refused 15."), "{}", bit(&window));
}

#[tokio::test(start_paused = true)]
async fn nodes_that_are_told_to_do_wrong_count_how_often_they_did() {
    let trouble = NodeTrouble::ExpireTokens;
    let stage = stage(ServerFault::Trouble { trouble }, &[]);
    let servers = Arc::clone(&stage.servers);
    let window = window_of(stage).await;
    assert_eq!(bit(&window), "node 0: 3 of 5 tokens, node 1: 3 of 5 tokens");
    let told = servers.troubles.lock().unwrap().clone();
    let both = [NodeId(0), NodeId(1)];
    let expected =
        both.map(|node| (node, 0, Some(trouble))).into_iter().chain(both.map(|node| (node, 0, None)));
    assert_eq!(told, expected.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_trouble_that_met_nothing_missed() {
    let stage = stage(ServerFault::Trouble { trouble: NodeTrouble::Evict { share_ppm: 1 } }, &[1]);
    *stage.servers.moves_are_void.lock().unwrap() = true;
    let window = window_of(stage).await;
    assert_eq!(window.bite, Bite::Missed("node 1: 0 of 5 connections".into()));
}

#[tokio::test(start_paused = true)]
async fn a_paused_node_keeps_its_connections_and_is_silent() {
    let stage = stage(ServerFault::Pause, &[1]);
    let servers = Arc::clone(&stage.servers);
    let window = window_of(stage).await;
    assert_eq!(*servers.moves.lock().unwrap(), [(NodeId(1), NodeMove::Pause), (NodeId(1), NodeMove::Resume)]);
    let [other, paused] = &window.service[..] else { panic!("{window:?}") };
    assert_about(&paused.write, 10.0, 20.0);
    assert_about(&paused.read, 10.0, 20.0);
    assert!(paused.push[0].failed > 10, "writes at the other node were not pushed: {:?}", paused.push);
    assert!(other.push.is_empty(), "{other:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rolling_restart_takes_one_node_after_another_and_as_long_as_it_takes() {
    let stage = stage(ServerFault::RollingRestart { pause: Duration::from_secs(6) }, &[]);
    let servers = Arc::clone(&stage.servers);
    let window = window_of(stage).await;
    use NodeMove::{Start, Stop};
    let both = [(NodeId(0), Stop), (NodeId(0), Start), (NodeId(1), Stop), (NodeId(1), Start)];
    assert_eq!(*servers.moves.lock().unwrap(), both);
    // 0.5 s and 5 s each, 6 s between: beyond the planned end.
    assert_eq!(window.healing, Some(Offset::from_secs(27)));
    let [first, second] = &window.service[..] else { panic!("{window:?}") };
    assert_about(&first.write, 10.0, 15.5);
    assert_about(&second.write, 21.5, 27.0);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_starts_what_it_stopped_as_the_new_version() {
    let stage = stage(ServerFault::Upgrade { pause: Duration::ZERO }, &[1]);
    let servers = Arc::clone(&stage.servers);
    let window = window_of(stage).await;
    let moves = [(NodeId(1), NodeMove::Stop), (NodeId(1), NodeMove::StartUpgraded)];
    assert_eq!(*servers.moves.lock().unwrap(), moves);
    assert_eq!(window.healing, Some(Offset::from_secs(20)), "no sooner than planned");
    assert!(bit(&window).contains("befell node 1."));
}

#[tokio::test(start_paused = true)]
async fn whoever_leads_is_lost() {
    let window = window_of(stage(ServerFault::LeaderLoss, &[])).await;
    assert!(bit(&window).starts_with("befell node 1. node 1: writes refused"), "{}", bit(&window));
}

#[tokio::test(start_paused = true)]
async fn a_kill_that_killed_nobody_is_missed() {
    let stage = stage(ServerFault::Kill, &[0]);
    *stage.servers.moves_are_void.lock().unwrap() = true;
    let window = window_of(stage).await;
    assert_eq!(window.bite, Bite::Missed("node 0: no write, read or push failed".into()));
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_a_round_leaves_no_node_down() {
    let stage = stage(ServerFault::RollingRestart { pause: Duration::ZERO }, &[]);
    sleep_until(stage.clock.instant(Offset::from_secs(12))).await;
    let report = stage.handle.stop().await;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert!(stage.servers.all_up());
    let moves = stage.servers.moves.lock().unwrap();
    assert!(moves.iter().all(|(node, _)| *node == NodeId(0)), "the second was left alone: {moves:?}");
}

#[tokio::test(start_paused = true)]
async fn a_toothless_fault_moves_no_node_and_is_found_out() {
    let pause = Duration::ZERO;
    for fault in [
        ServerFault::Kill,
        ServerFault::Stop,
        ServerFault::Pause,
        ServerFault::Disconnect,
        ServerFault::RollingRestart { pause },
        ServerFault::Upgrade { pause },
        ServerFault::LeaderLoss,
        ServerFault::Trouble { trouble: NodeTrouble::ExpireTokens },
        EXPIRED,
    ] {
        let stage = stage_with(fault, &[], Some(FaultDefect::Toothless));
        let servers = Arc::clone(&stage.servers);
        let window = window_of(stage).await;
        assert_eq!(*servers.moves.lock().unwrap(), [], "{fault:?}");
        assert!(servers.troubles.lock().unwrap().iter().all(|told| told.2.is_none()), "{fault:?}");
        assert!(window.applied.is_some() && window.healed.is_some() && window.trouble.is_none());
        assert!(matches!(window.bite, Bite::Missed(_)), "{fault:?}: {:?}", window.bite);
        let window = window_of(self::stage(fault, &[])).await;
        assert!(!bit(&window).is_empty());
    }
}

const EXPIRED: ServerFault = ServerFault::Certificate { trouble: CertificateTrouble::Expired, cuts: false };

#[tokio::test(start_paused = true)]
async fn a_bad_certificate_keeps_a_careful_client_away_from_the_onset_to_the_end() {
    let stage = stage(EXPIRED, &[1]);
    let (servers, clock) = (Arc::clone(&stage.servers), stage.clock);
    let clients = Arc::clone(&servers);
    tokio::spawn(async move {
        for second in [8, 12, 14, 16, 22] {
            sleep_until(clock.instant(Offset::from_secs(second))).await;
            drop(clients.shake_hands(NodeId(1)).await);
        }
    });
    let window = window_of(stage).await;
    let words = "a careful client was refused because of an expired certificate; \
                 node 1: 3 of 3 handshakes of clients failed";
    assert_eq!(bit(&window), words);
    assert!(window.service.iter().all(|node| node.write.is_empty()), "the node itself serves: {window:?}");
    let [untouched, front] = *servers.fronts.lock().unwrap();
    assert_eq!((untouched, front.0), ((None, Handshakes::default()), None), "it is right again");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_nobody_is_shown_missed() {
    let stage = stage(EXPIRED, &[]);
    *stage.servers.moves_are_void.lock().unwrap() = true;
    let window = window_of(stage).await;
    let words = "node 0: at the onset a session came about; node 1: at the onset a session came about";
    assert_eq!(window.bite, Bite::Missed(words.into()));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_was_bad_before_is_no_bite_of_a_fault() {
    let stage = stage(EXPIRED, &[0]);
    let other = Some(CertificateTrouble::OtherName);
    stage.servers.fronts.lock().unwrap()[0].0 = other;
    let window = window_of(stage).await;
    let words =
        "node 0: before the onset no session came about: refused because of a certificate for another name";
    assert_eq!(window.bite, Bite::Missed(words.into()));
}
