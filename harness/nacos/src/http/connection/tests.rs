//! The connection against scripted peers, on real sockets.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// A peer that takes one connection and hands it to `script`.
async fn peer<F>(script: impl FnOnce(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        script(socket).await;
    });
    addr
}

/// Reads one request whole and returns its text.
async fn read_request(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = socket.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the client closed within a request");
        text.extend_from_slice(&buffer[..count]);
        let so_far = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = so_far.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return so_far;
            }
        }
    }
}

/// Answers each request with the next of `answers`; checks that the request has `wanted` in it.
async fn answering(answers: Vec<(&'static str, &'static str)>) -> SocketAddr {
    peer(|mut socket| async move {
        for (wanted, answer) in answers {
            let request = read_request(&mut socket).await;
            assert!(request.contains(wanted), "{wanted:?} is not in {request:?}");
            for byte in answer.as_bytes() {
                // One write per byte: the client must not care how bytes fall.
                socket.write_all(&[*byte]).await.unwrap();
            }
        }
        drop(socket.read(&mut [0]).await);
    })
    .await
}

async fn connect(peer: SocketAddr) -> HttpConnection {
    HttpConnection::connect(peer, Ipv4Addr::UNSPECIFIED).await.unwrap()
}

fn key() -> ConfigKey {
    ConfigKey::new("d", "g", "t")
}

fn entries() -> Vec<ListenEntry> {
    vec![ListenEntry { key: key(), md5: "m".into() }]
}

#[tokio::test]
async fn gets_and_polls_share_one_connection() {
    let addr = answering(vec![
        (
            "GET /nacos/v1/cs/configs?dataId=d&group=g&tenant=t HTTP/1.1\r\n",
            "HTTP/1.1 200 OK\r\nContent-MD5: abc\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (
            "long-pulling-timeout: 30000\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nd%02g%02t%01e%02\r\n5\r\ng%01\n\r\n0\r\n\r\n",
        ),
        ("Listening-Configs=d%02g%02m%02t%01", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("dataId=d", "HTTP/1.1 404 Not Found\r\nContent-Length: 22\r\n\r\nconfig data not exist\n"),
    ])
    .await;
    let mut connection = connect(addr).await;
    let before = Instant::now();
    let got = connection.get_config(&key()).await.unwrap();
    assert_eq!((got.content.as_deref(), got.md5.as_deref()), (Some("hello"), Some("abc")));
    assert!(got.received >= before && got.received <= Instant::now());
    let woken = connection.listen(&entries(), Duration::from_secs(30), false).await.unwrap();
    assert_eq!(woken.changed, [key(), ConfigKey::public("e", "g")]);
    assert!(woken.received >= got.received);
    let quiet = connection.listen(&entries(), Duration::from_secs(30), true).await.unwrap();
    assert_eq!(quiet.changed, []);
    assert_eq!(connection.get_config(&key()).await.unwrap().content, None);
    assert!(connection.is_open());
}

#[tokio::test]
async fn an_error_status_leaves_the_connection_usable() {
    let addr = answering(vec![
        ("no-hangup: true", "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"),
        ("dataId=d", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ])
    .await;
    let mut connection = connect(addr).await;
    let refused = connection.listen(&entries(), LONG, true).await;
    assert!(
        matches!(refused, Err(HttpError::Status { status: 503, ref text, .. }) if text == "busy"),
        "{refused:?}"
    );
    assert_eq!(connection.get_config(&key()).await.unwrap().content.as_deref(), Some("ok"));
}

#[tokio::test]
async fn the_last_answer_of_a_closing_server_counts() {
    let addr =
        answering(vec![("dataId", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")])
            .await;
    let mut connection = connect(addr).await;
    assert_eq!(connection.get_config(&key()).await.unwrap().content.as_deref(), Some("ok"));
    let next = connection.get_config(&key()).await;
    assert!(matches!(next, Err(HttpError::Ended(End { cause: EndCause::Closed, .. }))), "{next:?}");
    assert!(!connection.is_open());
}

#[tokio::test]
async fn a_reset_within_an_answer_is_told_from_a_close() {
    for (resets, cause) in [(true, EndCause::Reset), (false, EndCause::Closed)] {
        let addr = peer(move |mut socket| async move {
            read_request(&mut socket).await;
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut").await.unwrap();
            if resets {
                socket.set_zero_linger().unwrap();
            }
        })
        .await;
        let mut connection = connect(addr).await;
        let failed = timeout(LONG, connection.get_config(&key())).await.unwrap();
        assert!(matches!(&failed, Err(HttpError::Ended(end)) if end.cause == cause), "{failed:?}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    let addr = peer(|mut socket| async move {
        read_request(&mut socket).await;
        socket.write_all(b"\0\0\0\x04\0\0\0\0\0 nonsense\r\n\r\n").await.unwrap();
        drop(socket.read(&mut [0]).await);
    })
    .await;
    let failed = connect(addr).await.get_config(&key()).await;
    assert!(matches!(&failed, Err(HttpError::Ended(End { cause: EndCause::Protocol, .. }))), "{failed:?}");
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_not_the_connections_end() {
    let addr = answering(vec![("d", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue")]).await;
    let mut connection = connect(addr).await;
    let failed = connection.listen(&entries(), LONG, false).await;
    assert!(matches!(failed, Err(HttpError::Answer(AnswerError::CutShort))), "{failed:?}");
    assert!(connection.is_open());
}

#[tokio::test]
async fn the_end_of_an_idle_connection_is_noticed() {
    let (tx, rx) = tokio::sync::oneshot::channel::<()>();
    let addr = peer(|socket| async move {
        rx.await.unwrap();
        drop(socket);
    })
    .await;
    let mut connection = connect(addr).await;
    assert!(timeout(Duration::from_millis(50), connection.ended()).await.is_err());
    tx.send(()).unwrap();
    assert_eq!(timeout(LONG, connection.ended()).await.unwrap().cause, EndCause::Closed);
    assert_eq!(connection.ended().await.cause, EndCause::Closed, "it stays ended");
}

#[tokio::test]
async fn a_request_after_the_end_of_an_idle_connection_fails_at_once() {
    let (closed, is_closed) = tokio::sync::oneshot::channel::<()>();
    let addr = peer(|mut socket| async move {
        read_request(&mut socket).await;
        socket.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        drop(socket);
        closed.send(()).unwrap();
    })
    .await;
    let mut connection = connect(addr).await;
    assert_eq!(connection.get_config(&key()).await.unwrap().content, None);
    is_closed.await.unwrap();
    let answer = timeout(LONG, connection.get_config(&key())).await.expect("it does not wait for ever");
    assert!(matches!(answer, Err(HttpError::Ended(_))), "{answer:?}");
}

#[tokio::test]
async fn a_peer_that_never_answers_leaves_the_caller_in_charge() {
    let (_tx, rx) = tokio::sync::oneshot::channel::<()>();
    let addr = peer(|socket| async move {
        drop(rx.await);
        drop(socket);
    })
    .await;
    let mut connection = connect(addr).await;
    let entries = entries();
    let poll = connection.listen(&entries, Duration::from_secs(30), false);
    assert!(timeout(Duration::from_millis(100), poll).await.is_err());
}
