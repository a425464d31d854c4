use std::sync::Mutex;
use std::time::Duration;

use shakedown_model::fault::{Bite, FaultAction, FaultDefect, FaultPlan, Overload};
use shakedown_model::plan::ProxyKind;
use shakedown_model::{FaultId, Offset, PhaseId};
use tokio::time::sleep;

use super::*;
use crate::fault::{Site, prepare};
use crate::testing::World;

const MS: Duration = Duration::from_millis(1);

/// A control plane that takes 10 ms for each call.
#[derive(Default)]
struct Plane {
    log: Mutex<Vec<String>>,
    stores_strays: bool,
    is_down: bool,
}

impl Plane {
    async fn call(&self, what: String) -> Result<(), String> {
        sleep(10 * MS).await;
        self.log.lock().unwrap().push(what);
        if self.is_down { Err("refused".into()) } else { Ok(()) }
    }
}

impl ControlPlane for Plane {
    fn nodes(&self) -> Vec<NodeId> {
        vec![NodeId(0), NodeId(1)]
    }

    fn read(&self, node: NodeId, _nth: u64) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.call(format!("read {node}")))
    }

    fn publish(&self, node: NodeId, _nth: u64) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.call(format!("publish {node}")))
    }

    fn login(&self, node: NodeId) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.call(format!("login {node}")))
    }

    fn stray(&self, _what: StrayWrite, nth: u64) -> BoxFuture<'_, StrayAnswer> {
        Box::pin(async move {
            self.call(format!("stray {nth}")).await.ok();
            if self.stores_strays { StrayAnswer::Stored } else { StrayAnswer::Refused }
        })
    }

    fn clean(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.log.lock().unwrap().push("clean".into()) })
    }
}

/// What a fault saw that was in force for a second.
async fn second(plane: Plane, fault: ControlFault) -> (Bite, Vec<String>) {
    let plane = Arc::new(plane);
    let control: Arc<dyn ControlPlane> = Arc::<Plane>::clone(&plane);
    let fault = fault_of(&control, fault);
    fault.apply().await.unwrap();
    sleep(1000 * MS).await;
    fault.heal().await.unwrap();
    let at_end = plane.log.lock().unwrap().len();
    sleep(1000 * MS).await;
    let log = plane.log.lock().unwrap().clone();
    assert_eq!(log.len(), at_end, "nobody calls after the end");
    assert_eq!(log.last().map(String::as_str), Some("clean"));
    (fault.seen().await.unwrap(), log)
}

const LOAD: Overload = Overload { users: 4, reads: 3, publishes: 1, logins: 0, pause: Duration::ZERO };

#[tokio::test(start_paused = true)]
async fn users_call_one_after_the_other_on_all_nodes() {
    let (bite, log) = second(Plane::default(), ControlFault::Overload(LOAD)).await;
    let count = |what: &str| log.iter().filter(|line| line.starts_with(what)).count();
    // Four users, 10 ms each: 400 calls in a second, less what is under way at its end.
    assert!((390..=400).contains(&(count("read") + count("publish"))), "{}", log.len());
    assert!((250..350).contains(&count("read")), "{}", count("read"));
    assert!((150..250).contains(&log.iter().filter(|line| line.ends_with(" 1")).count()));
    let Bite::Bit(words) = bite else { panic!("{bite:?}") };
    assert!(
        words.starts_with("4 users: ") && words.contains("p50 10.0 ms") && words.contains("none failed"),
        "{words}"
    );
    assert!(!words.contains("logins"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn a_load_without_an_answer_missed() {
    let (bite, log) = second(Plane { is_down: true, ..Plane::default() }, ControlFault::Overload(LOAD)).await;
    assert!(matches!(&bite, Bite::Missed(words) if words.contains("the first with: refused")), "{bite:?}");
    assert!(log.len() < 50, "who is refused pauses: {}", log.len());
}

#[tokio::test(start_paused = true)]
async fn stray_writes_bite_when_they_come_to_what_they_must() {
    let every = 90 * MS;
    for (what, stores_strays, expected) in [
        (StrayWrite::Oversize, false, Bite::Bit("10 writes refused, 0 stored".into())),
        (StrayWrite::LostRace, true, Bite::Missed("0 writes refused, 10 stored".into())),
        (StrayWrite::WrongGroup, true, Bite::Bit("0 writes refused, 10 stored".into())),
        (StrayWrite::WrongNamespace, false, Bite::Missed("10 writes refused, 0 stored".into())),
    ] {
        let plane = Plane { stores_strays, ..Plane::default() };
        let (bite, _) = second(plane, ControlFault::StrayWrites { what, every }).await;
        assert_eq!(bite, expected, "{what:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_toothless_fault_calls_nobody_and_is_found_out() {
    let stray = ControlFault::StrayWrites { what: StrayWrite::Oversize, every: 90 * MS };
    for fault in [ControlFault::Overload(LOAD), stray] {
        let plane = Arc::new(Plane::default());
        let (world, proxies) = World::new();
        let control: Arc<dyn ControlPlane> = Arc::<Plane>::clone(&plane);
        let site = Site { control, ..world.site(&proxies, ProxyKind::Embedded) };
        let plan = FaultPlan {
            name: "toothless".into(),
            phase: PhaseId(0),
            from: Offset::ZERO,
            until: Offset::from_secs(1),
            action: FaultAction::Control { fault },
            groups: Vec::new(),
            nodes: Vec::new(),
            defect: Some(FaultDefect::Toothless),
        };
        let fault = prepare(&site, FaultId(0), &plan).unwrap().fault;
        fault.apply().await.unwrap();
        sleep(1000 * MS).await;
        fault.heal().await.unwrap();
        assert_eq!(*plane.log.lock().unwrap(), [""; 0]);
        let bite = fault.seen().await.unwrap();
        assert!(matches!(&bite, Bite::Missed(words) if !words.ends_with(": ")), "{bite:?}");
    }
}
