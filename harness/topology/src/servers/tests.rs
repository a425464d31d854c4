//! Embedded nodes, as a run starts and stops them.

use std::path::Path;

use shakedown_model::plan::{EmbeddedSettings, Generation, ServerSpec, UpgradeSpec};
use shakedown_nacos::ConfigKey;
use shakedown_nacos::admin::{AdminClient, Publication, PublishAnswer};
use tokio::time::{Duration, Instant};

use super::*;
use crate::parts::{Part, PartConnections, PartPlace};

const DEADLINE: Duration = Duration::from_secs(20);

async fn two_nodes() -> Servers {
    let mut embedded =
        EmbeddedSettings { dump_tick: Duration::from_millis(5), ..EmbeddedSettings::default() };
    embedded.cluster.change_scan = Duration::ZERO;
    let spec = ServerSpec { nodes: 2, embedded, ..ServerSpec::default() };
    let place = ServerPlace {
        data: Path::new(""),
        logs: Path::new(""),
        guard: None,
        seed: Seed(1),
        containers: None,
        progress: &|_| {},
        program: Path::new(""),
        is_spread: false,
    };
    Servers::start(&spec, &place, &mut Ports::new()).await.unwrap()
}

async fn publish(node: &NodeAddress, content: &str) {
    let admin = AdminClient::new(node.http, DEADLINE);
    let answer = admin.publish(Publication::new(&ConfigKey::public("d", "g"), content)).await;
    assert!(matches!(answer, PublishAnswer::Acked), "{answer:?}");
}

async fn until_served(node: &NodeAddress, content: &str) {
    let admin = AdminClient::new(node.http, DEADLINE);
    let deadline = Instant::now() + DEADLINE;
    loop {
        let found = admin.get(&ConfigKey::public("d", "g")).await.unwrap();
        if found.as_deref() == Some(content) {
            return;
        }
        assert!(Instant::now() < deadline, "node {} serves {found:?}, not {content}", node.node);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_node_that_was_stopped_comes_back_at_its_address_and_is_no_failure() {
    let servers = two_nodes().await;
    let nodes = servers.nodes().to_vec();
    let [first, second] = &nodes[..] else { panic!("{servers:?}") };
    assert_eq!(first.grpc.port(), first.http.port() + 1000);
    publish(first, "one").await;
    until_served(second, "one").await;
    let control = servers.control();
    control.kill(first.node).await.unwrap();
    assert!(tokio::net::TcpStream::connect(first.http).await.is_err());
    assert_eq!(servers.failed(), None);
    publish(second, "two").await;
    control.start(first.node).await.unwrap();
    until_served(first, "two").await;
    control.stop(second.node).await.unwrap();
    publish(first, "three").await;
    servers.stop().await;
    assert!(tokio::net::TcpStream::connect(first.http).await.is_err());
}

#[tokio::test]
async fn a_node_is_moved_only_from_the_state_that_it_is_in() {
    let servers = two_nodes().await;
    let control = servers.control();
    let message = control.start(NodeId(0)).await.unwrap_err().to_string();
    assert_eq!(message, "nacos node 0 cannot be started: it runs");
    control.stop(NodeId(0)).await.unwrap();
    let message = control.kill(NodeId(0)).await.unwrap_err().to_string();
    assert_eq!(message, "nacos node 0 cannot be killed: it does not run");
    let message = control.stop(NodeId(7)).await.unwrap_err().to_string();
    assert_eq!(message, "nacos node 7 cannot be stopped: there is no such node");
    control.start(NodeId(0)).await.unwrap();
}

#[tokio::test]
async fn running_nodes_are_parts() {
    let servers = two_nodes().await;
    let first = servers.nodes()[0].clone();
    let connected = tokio::net::TcpStream::connect(first.http).await.unwrap();
    let connections = |parts: &[Part]| parts.first().map(|part| part.connections.clone());
    let deadline = Instant::now() + DEADLINE;
    loop {
        let parts = servers.control().parts();
        let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["nacos-0", "nacos-1"]);
        assert_eq!(parts[1].place, PartPlace::Threads("nacos-1".to_owned()));
        if connections(&parts) == Some(PartConnections::Known(1)) {
            break;
        }
        assert!(Instant::now() < deadline, "{parts:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(connected);
    servers.control().stop(NodeId(0)).await.unwrap();
    assert_eq!(servers.control().parts().len(), 1);
}

#[test]
fn a_node_of_a_cluster_that_gave_up_is_started_again_until_its_time_is_up() {
    let alone = ServerSpec::default();
    let cluster = ServerSpec { nodes: 3, ..ServerSpec::default() };
    let launched = Instant::now();
    let after = |seconds| launched + Duration::from_secs(seconds);
    let times = (launched, after(60));
    assert!(!may_start_again(&cluster, after(1), times), "it cannot be started at all");
    assert!(may_start_again(&cluster, after(30), times));
    assert!(!may_start_again(&alone, after(30), times), "it has no leader to wait for");
    assert!(!may_start_again(&cluster, after(60), times), "its time is up");
}

#[test]
fn an_upgraded_node_speaks_its_new_generation() {
    let upgrade = UpgradeSpec { version: "3.1.0".to_owned(), home: None, image: None };
    let spec = ServerSpec { version: "2.5.0".to_owned(), upgrade: Some(upgrade), ..ServerSpec::default() };
    assert_eq!(as_started(&spec, false).generation(), Generation::V2);
    assert_eq!(as_started(&spec, true).generation(), Generation::V3);
}
