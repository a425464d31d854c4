//! The publisher against the embedded server, on real sockets.

use std::net::{Ipv4Addr, SocketAddr};

use shakedown_embedded::{EmbeddedServer, RunningServer, ServerConfig};
use shakedown_model::NodeId;
use shakedown_model::payload::md5_hex;
use shakedown_model::plan::{EmbeddedSettings, Generation};
use tokio::time::{Instant, sleep};

use super::*;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn start(generation: Generation) -> RunningServer {
    let settings = EmbeddedSettings { dump_tick: Duration::from_millis(5), ..EmbeddedSettings::default() };
    let config =
        ServerConfig { http: ANY_PORT, grpc: ANY_PORT, data: None, generation, login: None, settings };
    EmbeddedServer::start(config).unwrap()
}

fn publisher(generation: Generation, by: PublishBy, nodes: &[NodeAddress]) -> NacosPublisher {
    let version = if generation == Generation::V3 { "3.1.0" } else { "2.5.0" };
    let server = ServerSpec { version: version.to_owned(), ..ServerSpec::default() };
    NacosPublisher::to(&server, by, nodes)
}

fn node(server: &RunningServer) -> NodeAddress {
    NodeAddress::new(NodeId(0), server.http_addr(), server.grpc_addr())
}

fn key() -> ItemKey {
    ItemKey { data_id: "item-0".into(), group: "g".into(), namespace: "team".into() }
}

fn write(content: &str, replaces: Option<&str>) -> Step {
    Step::Write { content: content.to_owned(), replaces: replaces.map(md5_hex) }
}

/// Waits until everybody is served `content`, at most 20 s.
async fn until_served(publisher: &NacosPublisher, content: Option<&str>) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = publisher.read(&key()).await.unwrap();
        if found.as_deref() == content {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?} is served, not {content:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn works_through(generation: Generation, by: PublishBy) {
    let server = start(generation);
    let publisher = publisher(generation, by, &[node(&server)]);
    let take = async |step| publisher.take(&key(), step).await;
    take(write("one", None)).await.unwrap();
    until_served(&publisher, Some("one")).await;

    let conflict = take(write("two", Some("zero"))).await;
    assert!(matches!(conflict, Err(PublishError::Conflict(_))), "{conflict:?}");
    take(write("two", Some("one"))).await.unwrap();
    until_served(&publisher, Some("two")).await;

    take(Step::WriteGray { content: "gray".into(), ips: "10.99.0.1,10.99.0.2".into() }).await.unwrap();
    take(write("three", Some("two"))).await.unwrap();
    until_served(&publisher, Some("three")).await;
    take(Step::EndGray).await.unwrap();

    take(Step::Delete).await.unwrap();
    until_served(&publisher, None).await;
    take(write("four", Some("three"))).await.unwrap();
    until_served(&publisher, Some("four")).await;
}

#[tokio::test]
async fn every_step_by_v1_http() {
    works_through(Generation::V2, PublishBy::Http).await;
}

#[tokio::test]
async fn every_step_by_v3_http() {
    works_through(Generation::V3, PublishBy::Http).await;
}

#[tokio::test]
async fn every_step_by_grpc() {
    works_through(Generation::V2, PublishBy::Grpc).await;
    works_through(Generation::V3, PublishBy::Grpc).await;
}

#[tokio::test]
async fn a_node_that_is_not_there_is_passed_over() {
    for by in [PublishBy::Http, PublishBy::Grpc] {
        let gone = start(Generation::V2);
        let (first, server) = (node(&gone), start(Generation::V2));
        gone.stop();
        let publisher = publisher(Generation::V2, by, &[first, node(&server)]);
        publisher.take(&key(), write("one", None)).await.unwrap();
        until_served(&publisher, Some("one")).await;
        server.stop();
        let refused = publisher.take(&key(), write("two", None)).await;
        assert!(matches!(refused, Err(PublishError::Refused(_) | PublishError::Ambiguous(_))), "{refused:?}");
    }
}

/// A node that accepts connections and never answers, as one that stands still.
async fn silent_node() -> (tokio::net::TcpListener, NodeAddress) {
    let listener = tokio::net::TcpListener::bind(ANY_PORT).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, NodeAddress::new(NodeId(0), address, address))
}

#[tokio::test]
async fn after_a_change_without_an_answer_the_next_ones_go_to_the_next_node() {
    let (_silent, first) = silent_node().await;
    let server = start(Generation::V2);
    let publisher = publisher(Generation::V2, PublishBy::Http, &[first, node(&server)]);
    // The mutator's patience ends before the client's own: the change is given up, and is not sent again.
    let key = key();
    let given_up = tokio::time::timeout(Duration::from_millis(50), publisher.take(&key, write("one", None)));
    assert!(given_up.await.is_err());
    publisher.take(&key, write("two", None)).await.unwrap();
    until_served(&publisher, Some("two")).await;
}
