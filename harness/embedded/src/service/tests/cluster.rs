//! Several nodes over one database, and connections that are asked to go elsewhere.

use ::http::Method;
use shakedown_model::Seed;
use shakedown_nacos::grpc::message::{ConnectResetRequest, ConnectResetResponse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// A cluster of two nodes whose scans are off, with what `change` makes of its settings.
fn two_nodes(change: impl FnOnce(&mut EmbeddedSettings)) -> (EmbeddedCluster, [RunningServer; 2]) {
    let mut settings =
        EmbeddedSettings { dump_tick: Duration::from_millis(5), ..EmbeddedSettings::default() };
    settings.cluster.change_scan = Duration::ZERO;
    settings.cluster.full_dump = Duration::ZERO;
    change(&mut settings);
    let config = ClusterConfig {
        nodes: vec![NodePorts { http: ANY_PORT, grpc: ANY_PORT }; 2],
        data: None,
        generation: Generation::V2,
        login: None,
        settings,
        seed: Seed(1),
    };
    let cluster = EmbeddedCluster::open(config).unwrap();
    let nodes = [cluster.start(0).unwrap(), cluster.start(1).unwrap()];
    (cluster, nodes)
}

async fn content(server: &RunningServer, data_id: &str) -> Option<String> {
    AdminClient::new(server.http_addr(), DEADLINE).get(&key(data_id)).await.unwrap()
}

async fn until_served(server: &RunningServer, data_id: &str, expected: &str) {
    soon("the content", async {
        while content(server, data_id).await.as_deref() != Some(expected) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Calls an operator's path by HTTP; answers status line and body.
async fn call(server: &RunningServer, method: &Method, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.http_addr()).await.unwrap();
    let request = format!("{method} /nacos{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

impl Client {
    async fn next_reset(&mut self) -> ConnectResetRequest {
        match self.next_push().await {
            Pushed::ConnectReset(reset) => reset,
            other => panic!("{other:?} is not a reset"),
        }
    }
}

#[tokio::test]
async fn a_write_on_one_node_reaches_the_clients_of_the_other() {
    let (_cluster, [first, second]) = two_nodes(|_| {});
    let mut client = Client::connect(&second).await;
    assert_eq!(client.listen(&[("d", "")]).await, [""; 0]);
    publish(&first, "d", "one").await;
    assert_eq!(client.next_change().await.data_id, "d");
    until_served(&second, "d", "one").await;
}

#[tokio::test]
async fn a_node_that_is_not_told_serves_the_old_content_but_judges_writes_by_the_new() {
    let (cluster, [first, second]) = two_nodes(|settings| settings.cluster.broadcast_loss_ppm = 1_000_000);
    publish_visibly(&first, "d", "one").await;
    assert_eq!(content(&second, "d").await, None);

    let admin = AdminClient::new(second.http_addr(), DEADLINE);
    let md5 = shakedown_nacos::md5_hex("one");
    let two = key("d");
    let outdated = Some("0123456789abcdef0123456789abcdef");
    let outdated = Publication { cas_md5: outdated, ..Publication::new(&two, "two") };
    assert!(matches!(admin.publish(outdated).await, PublishAnswer::Conflict { .. }));
    let newest = Publication { cas_md5: Some(&md5), ..Publication::new(&two, "two") };
    let answer = admin.publish(newest).await;
    assert!(matches!(answer, PublishAnswer::Acked), "{answer:?}");
    until_served(&second, "d", "two").await;
    assert_eq!(content(&first, "d").await.as_deref(), Some("one"));

    // A start dumps everything.
    first.stop();
    let first = cluster.start(0).unwrap();
    assert_eq!(content(&first, "d").await.as_deref(), Some("two"));
}

#[tokio::test]
async fn what_was_not_told_is_found_by_the_scan_removals_included() {
    let (_cluster, [first, second]) = two_nodes(|settings| {
        settings.cluster.broadcast_loss_ppm = 1_000_000;
        settings.cluster.change_scan = Duration::from_millis(50);
    });
    publish(&first, "d", "one").await;
    until_served(&second, "d", "one").await;
    let admin = AdminClient::new(first.http_addr(), DEADLINE);
    assert!(matches!(admin.delete(&key("d")).await, PublishAnswer::Acked));
    soon("the removal", async {
        while content(&second, "d").await.is_some() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_node_stops_and_starts_alone() {
    let (cluster, [first, second]) = two_nodes(|_| {});
    publish_visibly(&first, "d", "one").await;
    first.stop();
    publish_visibly(&second, "d", "two").await;
    let first = cluster.start(0).unwrap();
    assert_eq!(content(&first, "d").await.as_deref(), Some("two"));
    publish_visibly(&first, "d", "three").await;
    until_served(&second, "d", "three").await;
}

#[tokio::test]
async fn a_connection_is_asked_to_go_elsewhere_and_the_call_awaits_its_answer() {
    let server = start();
    let mut client = Client::connect(&server).await;
    let (_, current) = call(&server, &Method::GET, "/v2/core/loader/current").await;
    let name = current.split('"').nth(1).unwrap().to_owned();
    assert!(current.contains("\"connectType\":\"GRPC\""), "{current}");
    let path = format!("/v2/core/loader/reloadClient?connectionId={name}&redirectAddress=127.0.0.9:8848");
    let answers = async {
        let reset = client.next_reset().await;
        let place = (reset.server_ip.as_deref(), reset.server_port.as_deref());
        assert_eq!(place, (Some("127.0.0.9"), Some("8848")));
        let ack = ConnectResetResponse { request_id: reset.request_id, ..Default::default() };
        client.0.send_on_stream(&Payload::new(&ack)).unwrap();
    };
    let (answer, ()) = tokio::join!(call(&server, &Method::GET, &path), answers);
    assert_eq!(answer, ("HTTP/1.1 200 OK".to_owned(), "success".to_owned()));
    // Nobody of that name: nothing is asked, and the call succeeds.
    let (status, _) = call(&server, &Method::GET, "/v2/core/loader/reloadClient?connectionId=none").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn as_many_connections_are_asked_to_go_as_are_too_many() {
    let server = start_with(|settings| settings.idle_scan = Duration::from_millis(20));
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Client::connect(&server).await);
    }
    // None is kept back when none shall be kept: the real server takes 0 for "nothing to do".
    call(&server, &Method::GET, "/v2/core/loader/reloadCurrent?count=0").await;
    call(&server, &Method::GET, "/v2/core/loader/reloadCurrent?count=1").await;
    for client in &mut clients[..2] {
        let reset = client.next_reset().await;
        assert_eq!((reset.server_ip, reset.server_port), (None, None));
    }
    // The third one's next push is of its listen, and no reset.
    clients[2].listen(&[("d", "")]).await;
    publish(&server, "d", "one").await;
    assert_eq!(clients[2].next_change().await.data_id, "d");
    let missing = call(&server, &Method::GET, "/v2/core/loader/reloadCurrent").await;
    assert_eq!(missing.0, "HTTP/1.1 400 Bad Request");
    assert!(missing.1.contains("'count' for method parameter type Integer is not present"), "{missing:?}");
}

#[tokio::test]
async fn a_fuller_node_sends_connections_to_an_emptier_one() {
    let (_cluster, [first, second]) = two_nodes(|settings| settings.idle_scan = Duration::from_millis(20));
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(Client::connect(&first).await);
    }
    // The call goes to the other node; of 2 on average, 2 stay and 2 go.
    let answer = call(&second, &Method::GET, "/v2/core/loader/smartReloadCluster").await;
    assert_eq!(answer, ("HTTP/1.1 200 OK".to_owned(), "Ok".to_owned()));
    for client in &mut clients[..2] {
        let reset = client.next_reset().await;
        assert_eq!(reset.server_port, Some(second.http_addr().port().to_string()));
    }
    let (_, metrics) = call(&second, &Method::GET, "/v2/core/loader/cluster").await;
    assert!(metrics.contains("\"total\":4") && metrics.contains("\"memberCount\":2"), "{metrics}");
}

#[tokio::test]
async fn generation_3_answers_in_its_form() {
    let server = start_as(Generation::V3, None, |_| {});
    let current = call(&server, &Method::GET, "/v3/admin/core/loader/current").await;
    assert_eq!(current.1, r#"{"code":0,"message":"success","data":{}}"#);
    let reload = call(&server, &Method::POST, "/v3/admin/core/loader/reloadCurrent?count=1").await;
    assert_eq!(reload.1, r#"{"code":0,"message":"success","data":null}"#);
    let missing = call(&server, &Method::POST, "/v3/admin/core/loader/reloadClient").await;
    let words = "Required request parameter 'connectionId' for method parameter type String is not present";
    assert!(missing.1.contains("10000") && missing.1.contains(words), "{missing:?}");
    let old = call(&server, &Method::GET, "/v2/core/loader/current").await;
    assert_eq!(old.0, "HTTP/1.1 410 Gone");
}

#[tokio::test]
async fn a_full_node_closes_connections_without_a_word_and_refuses_polls_later() {
    let server = start_with(|settings| settings.max_connections = Some(1));
    let mut first = Client::connect(&server).await;
    let connected = GrpcConnection::connect(server.grpc_addr(), Ipv4Addr::LOCALHOST, GrpcLimits::default());
    let mut second = soon("connecting", connected).await.unwrap();
    second.open_stream(&Payload::new(&ConnectionSetupRequest::default())).unwrap();
    let end = soon("the end", second.next_event()).await;
    assert!(matches!(end, Event::Ended(_)), "{end:?}");

    let mut stream = TcpStream::connect(server.http_addr()).await.unwrap();
    let body = "Listening-Configs=d%02g%02%01";
    let poll = format!(
        "POST /nacos/v1/cs/configs/listener HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
         Long-Pulling-Timeout: 30000\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let asked = std::time::Instant::now();
    stream.write_all(poll.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("the refusal", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(asked.elapsed() >= Duration::from_secs(1));
    assert_eq!(first.listen(&[("d", "")]).await, [""; 0]);
}
