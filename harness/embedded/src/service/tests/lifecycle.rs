use super::*;
use crate::cluster::one_node;
use crate::core::{Caller, Core, NewConfig, Read};

fn persistent(
    data: &std::path::Path,
    http: SocketAddr,
    grpc: SocketAddr,
) -> Result<RunningServer, StartError> {
    let settings = EmbeddedSettings { dump_tick: Duration::from_millis(5), ..EmbeddedSettings::default() };
    EmbeddedServer::start(ServerConfig {
        http,
        grpc,
        data: Some(data.to_owned()),
        generation: Generation::V2,
        login: None,
        settings,
    })
}

async fn content(server: &RunningServer, data_id: &str) -> Option<String> {
    AdminClient::new(server.http_addr(), DEADLINE).get(&key(data_id)).await.unwrap()
}

#[tokio::test]
async fn configs_survive_a_restart_on_the_same_ports() {
    let data = tempfile::tempdir().unwrap();
    let first = persistent(data.path(), ANY_PORT, ANY_PORT).unwrap();
    let (http, grpc) = (first.http_addr(), first.grpc_addr());
    publish_visibly(&first, "kept", "组 one").await;
    publish_visibly(&first, "gone", "x").await;
    let deleted = AdminClient::new(http, DEADLINE).delete(&key("gone")).await;
    assert_eq!(deleted, PublishAnswer::Acked);
    first.stop();
    let second = persistent(data.path(), http, grpc).unwrap();
    assert_eq!(content(&second, "kept").await.as_deref(), Some("组 one"));
    assert_eq!(content(&second, "gone").await, None);
}

#[tokio::test]
async fn without_a_data_directory_nothing_survives() {
    let first = start();
    publish_visibly(&first, "d", "one").await;
    first.stop();
    assert_eq!(content(&start(), "d").await, None);
}

#[tokio::test]
async fn a_damaged_data_directory_is_told_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("configs.log"), "0badf00d {}\n").unwrap();
    let error = persistent(data.path(), ANY_PORT, ANY_PORT).unwrap_err().to_string();
    assert!(error.contains("configs.log` is damaged at line 1"), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_named_with_advice() {
    let server = start();
    for (http, grpc) in [(server.http_addr(), ANY_PORT), (ANY_PORT, server.grpc_addr())] {
        let settings = EmbeddedSettings::default();
        let error = EmbeddedServer::start(ServerConfig {
            http,
            grpc,
            data: None,
            generation: Generation::V2,
            login: None,
            settings,
        })
        .unwrap_err();
        let taken = if http == ANY_PORT { grpc } else { http };
        let message = error.to_string();
        assert!(message.starts_with(&format!("cannot listen on {taken} for ")), "{message}");
        assert!(message.contains("the port is taken; stop what uses it"), "{message}");
    }
}

#[tokio::test]
async fn stopping_closes_every_connection() {
    let server = start();
    let mut client = Client::connect(&server).await;
    let address = server.http_addr();
    server.stop();
    let end = soon("the end", client.0.next_event()).await;
    assert!(matches!(end, Event::Ended(_)), "{end:?}");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_full_disk_refuses_publishes_and_what_was_acked_stays() {
    let data = tempfile::tempdir().unwrap();
    let settings = || EmbeddedSettings { dump_tick: Duration::ZERO, ..EmbeddedSettings::default() };
    let content = |node: &Node| {
        node.input(Core::turn);
        match node.input(|core, now| core.query(now, &key("d"), &Caller::at("1.1.1.1"), false)) {
            Read::Found(found) => Some(found.entry.content.to_string()),
            Read::Absent | Read::Busy(_) => None,
        }
    };
    let full = one_node(settings(), Some(data.path()));
    full.fill_disk();
    let node = Node::new(full.node_in_place(), Arc::default());
    let error = node.publish(new_config("d", "one")).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot write the change to the data directory: No space left"), "{error}");
    assert_eq!(content(&node), None);
    drop((node, full));

    let cluster = one_node(settings(), Some(data.path()));
    let node = Node::new(cluster.node_in_place(), Arc::default());
    node.publish(new_config("d", "two")).await.unwrap();
    drop((node, cluster));
    let node = Node::new(one_node(settings(), Some(data.path())).node_in_place(), Arc::default());
    assert_eq!(content(&node).as_deref(), Some("two"));
}

fn new_config(data_id: &str, content: &str) -> NewConfig {
    NewConfig::plain(key(data_id), content)
}
