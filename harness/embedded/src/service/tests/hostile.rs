//! Clients that mean harm or do not care: the server stays up and serves the others.

use std::collections::BTreeSet;

use shakedown_model::Seed;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::cluster::one_node;

async fn still_serves(server: &RunningServer, content: &str) {
    publish_visibly(server, "alive", content).await;
    let mut client = Client::connect(server).await;
    assert_eq!(client.listen(&[("alive", "")]).await, ["alive"]);
    assert_eq!(server.failed(), None);
}

fn garbage(seed: Seed, len: usize) -> Vec<u8> {
    (0..len as u64).map(|n| u8::try_from(seed.below(n, 256)).unwrap()).collect()
}

/// Writes what the server takes, and waits until it has closed the connection or answered.
async fn throw(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close in the middle of it, which is right.
    stream.write_all(bytes).await.ok();
    stream.shutdown().await.ok();
    let mut answer = vec![0; 64 * 1024];
    while soon("an end", stream.read(&mut answer)).await.is_ok_and(|read| read > 0) {}
}

#[tokio::test]
async fn garbage_on_either_port_ends_only_its_own_connection() {
    let server = start();
    for n in 0..20 {
        let bytes = garbage(Seed(3).nth(n), 4096);
        throw(server.http_addr(), &bytes).await;
        throw(server.grpc_addr(), &bytes).await;
        let prefaced = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &bytes].concat();
        throw(server.grpc_addr(), &prefaced).await;
    }
    still_serves(&server, "after garbage").await;
}

#[tokio::test]
async fn huge_heads_and_broken_bodies_are_refused() {
    let server = start();
    let huge = format!("GET /nacos/v1/cs/configs HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    throw(server.http_addr(), huge.as_bytes()).await;
    let many = "X: y\r\n".repeat(100_000);
    throw(server.http_addr(), format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()).await;
    let short = "POST /nacos/v1/cs/configs HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\ndataId=";
    throw(server.http_addr(), short.as_bytes()).await;
    let listener = "POST /nacos/v1/cs/configs/listener HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
    for body in [
        "Listening-Configs=%",
        "Listening-Configs=%01%01",
        "%ff%fe=%00",
        "Listening-Configs=%02%02%02%02%02%01",
    ] {
        let request = format!("{listener}Content-Length: {}\r\n\r\n{body}", body.len());
        throw(server.http_addr(), request.as_bytes()).await;
    }
    still_serves(&server, "after huge heads").await;
}

#[tokio::test]
async fn a_payload_that_is_none_is_answered_with_an_error() {
    let server = start();
    let mut client = Client::connect(&server).await;
    let mut broken = Payload::new(&ConfigBatchListenRequest::default());
    broken.body.as_mut().unwrap().value = "{\"configListenContexts\":7}".into();
    let reply = soon("a reply", client.0.unary(&broken)).await.unwrap();
    assert_eq!(reply.payload.type_name(), "ErrorResponse");
    assert!(soon("a reply", client.0.unary(&Payload::default())).await.is_ok());
    client.0.send_on_stream(&Payload::default()).unwrap();
    client.0.send_on_stream(&broken).unwrap();
    still_serves(&server, "after broken payloads").await;
    assert_eq!(client.listen(&[("alive", "")]).await, ["alive"]);
}

#[tokio::test]
async fn a_client_that_goes_away_while_it_polls_is_forgotten() {
    let poll = "POST /nacos/v1/cs/configs/listener HTTP/1.1\r\nHost: h\r\nLong-Pulling-Timeout: 30000\r\n\
                Content-Length: 29\r\n\r\nListening-Configs=d%02g%02%01";
    let cluster = one_node(EmbeddedSettings::default(), None);
    let node = Rc::new(Node::new(cluster.node_in_place(), Arc::default()));
    let listener = tokio::net::TcpListener::bind(ANY_PORT).await.unwrap();
    let hanging = || node.input(|core, _| core.hanging_count());
    LocalSet::new()
        .run_until(async {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (accepted, peer) = listener.accept().await.unwrap();
            let served =
                tokio::task::spawn_local(super::super::http::serve(Rc::clone(&node), accepted, peer));
            client.write_all(poll.as_bytes()).await.unwrap();
            soon("the poll", async {
                while hanging() == 0 {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            drop(client);
            soon("the end", served).await.unwrap();
        })
        .await;
    assert_eq!(hanging(), 0);
}

#[tokio::test]
async fn a_slow_reader_makes_its_own_pushes_busy_and_gets_them_once_it_reads() {
    const KEYS: usize = 2_000;
    let server = start_with(|settings| {
        settings.push_ack_timeout = Duration::from_secs(60);
        settings.push_retry_step = Duration::from_millis(50);
    });
    // What does not fit these windows and the server's queue of 32 KiB (some 700 of 2,000) is busy, and retried.
    let limits = GrpcLimits { window_bytes: 65_535, pending: KEYS, ..GrpcLimits::default() };
    let mut slow = Client::connect_with(&server, limits).await;
    let names: Vec<_> = (0..KEYS).map(|n| format!("key-{n}")).collect();
    let listened: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(slow.listen(&listened).await, [""; 0]);
    let mut quick = Client::connect(&server).await;
    quick.listen(&[("last", "")]).await;
    // Nobody awaits an event of the slow client, so nothing of its socket is read.
    for name in &names {
        publish(&server, name, "changed").await;
    }
    publish(&server, "last", "changed").await;
    assert_eq!(quick.next_change().await.data_id, "last");
    let mut told = BTreeSet::new();
    while told.len() < KEYS {
        let change = slow.next_change().await;
        slow.acknowledge(&change);
        told.insert(change.data_id);
    }
    assert_eq!(server.failed(), None);
}
