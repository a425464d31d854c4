//! The client against scripted peers, on real sockets.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A peer that answers every request of every connection with `answer` (nothing: closes), and hands out the first.
async fn peer(answer: &'static str) -> (SocketAddr, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (tx, rx) = tokio::sync::mpsc::channel(10);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = vec![0; 4096];
            let count = socket.read(&mut buffer).await.unwrap();
            drop(tx.send(String::from_utf8_lossy(&buffer[..count]).into_owned()).await);
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (addr, rx)
}

fn client(server: SocketAddr) -> AdminClient {
    AdminClient::new(server, Duration::from_secs(5)).unwrap()
}

fn key() -> ConfigKey {
    ConfigKey::new("d", "g", "t")
}

#[tokio::test]
async fn a_publish_is_a_form_that_true_acknowledges() {
    let (addr, mut seen) = peer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue").await;
    let key = key();
    let publication = Publication { cas_md5: Some("abc"), ..Publication::new(&key, "a=1 & b\n") };
    assert_eq!(client(addr).publish(publication).await, PublishAnswer::Acked);
    let request = seen.recv().await.unwrap();
    assert!(request.starts_with("POST /nacos/v1/cs/configs HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("casmd5: abc\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\ndataId=d&group=g&tenant=t&content=a%3D1+%26+b%0A"), "{request}");
}

#[tokio::test]
async fn nothing_sent_is_refused_and_a_broken_answer_is_ambiguous() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let key = key();
    let publication = Publication::new(&key, "x");
    let refused = client(nobody).publish(publication).await;
    assert!(matches!(refused, PublishAnswer::Refused { status: None, .. }), "{refused:?}");

    let (closing, mut seen) = peer("").await;
    let ambiguous = client(closing).publish(publication).await;
    assert!(matches!(ambiguous, PublishAnswer::Ambiguous { .. }), "{ambiguous:?}");
    seen.recv().await.unwrap();
    assert!(seen.try_recv().is_err(), "a publish was sent twice");

    let (cut, _seen) = peer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntr").await;
    let ambiguous = client(cut).publish(publication).await;
    assert!(matches!(ambiguous, PublishAnswer::Ambiguous { .. }), "{ambiguous:?}");
}

#[tokio::test]
async fn a_time_out_is_ambiguous() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = AdminClient::new(listener.local_addr().unwrap(), Duration::from_millis(200)).unwrap();
    let answer = silent.publish(Publication::new(&key(), "x")).await;
    assert!(matches!(answer, PublishAnswer::Ambiguous { .. }), "{answer:?}");
}

#[tokio::test]
async fn gets_and_deletes_name_the_item() {
    let (addr, mut seen) = peer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(client(addr).get(&key()).await.unwrap().as_deref(), Some("hello"));
    assert!(seen.recv().await.unwrap().starts_with("GET /nacos/v1/cs/configs?dataId=d&group=g&tenant=t "));
    client(addr).delete(&ConfigKey::public("d", "g")).await.unwrap();
    assert!(seen.recv().await.unwrap().starts_with("DELETE /nacos/v1/cs/configs?dataId=d&group=g "));
}

#[tokio::test]
async fn absent_and_failed_are_told_apart() {
    let (absent, _) = peer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client(absent).get(&key()).await.unwrap(), None);
    let (failing, _) = peer("HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\nbusy").await;
    let failed = client(failing).get(&key()).await;
    assert!(matches!(failed, Err(AdminError::Status { status: 409, .. })), "{failed:?}");
}

#[tokio::test]
async fn readiness_has_a_path_per_line() {
    let (ready, mut seen) = peer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK").await;
    assert!(client(ready).is_ready(ServerLine::V2).await);
    assert!(seen.recv().await.unwrap().starts_with("GET /nacos/v1/console/health/readiness "));
    assert!(client(ready).is_ready(ServerLine::V3).await);
    assert!(seen.recv().await.unwrap().starts_with("GET /nacos/v3/admin/core/state/readiness "));
    let (starting, _) = peer("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").await;
    assert!(!client(starting).is_ready(ServerLine::V2).await);
}
