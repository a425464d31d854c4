//! The client against scripted peers, on real sockets.

use std::net::SocketAddr;

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
    AdminClient::new(server, Duration::from_secs(5))
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
    let silent = AdminClient::new(listener.local_addr().unwrap(), Duration::from_millis(200));
    let answer = silent.publish(Publication::new(&key(), "x")).await;
    assert!(matches!(answer, PublishAnswer::Ambiguous { .. }), "{answer:?}");
}

#[tokio::test]
async fn gets_and_deletes_name_the_item() {
    let (addr, mut seen) = peer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(client(addr).get(&key()).await.unwrap().as_deref(), Some("hello"));
    assert!(seen.recv().await.unwrap().starts_with("GET /nacos/v1/cs/configs?dataId=d&group=g&tenant=t "));
    let (addr, mut seen) = peer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue").await;
    let key = ConfigKey::public("d", "g");
    assert_eq!(client(addr).delete(&key).await, PublishAnswer::Acked);
    assert!(seen.recv().await.unwrap().starts_with("DELETE /nacos/v1/cs/configs?dataId=d&group=g "));
    assert_eq!(client(addr).stop_beta(&key).await, PublishAnswer::Acked);
    let stop = seen.recv().await.unwrap();
    assert!(stop.starts_with("DELETE /nacos/v1/cs/configs?beta=true&dataId=d&group=g "), "{stop}");
}

/// An answer of 200 with a JSON body, whole.
fn json(body: &str) -> &'static str {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    Box::leak(answer.into_boxed_str())
}

#[tokio::test]
async fn v3_has_its_own_paths_names_and_answers() {
    let (addr, mut seen) = peer(json(r#"{"code":0,"message":"success","data":true}"#)).await;
    let v3 = client(addr).speaking(Generation::V3);
    let key = key();
    let gray = Publication { beta_ips: Some("10.99.0.1,10.99.0.2"), ..Publication::new(&key, "x") };
    assert_eq!(v3.publish(gray).await, PublishAnswer::Acked);
    let request = seen.recv().await.unwrap();
    assert!(request.starts_with("POST /nacos/v3/admin/cs/config HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("betaips: 10.99.0.1,10.99.0.2\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\ndataId=d&groupName=g&namespaceId=t&content=x"), "{request}");
    assert_eq!(v3.stop_beta(&key).await, PublishAnswer::Acked);
    let stop = seen.recv().await.unwrap();
    assert!(
        stop.starts_with("DELETE /nacos/v3/admin/cs/config/beta?dataId=d&groupName=g&namespaceId=t "),
        "{stop}"
    );
    assert_eq!(v3.delete(&ConfigKey::public("d", "g")).await, PublishAnswer::Acked);
    let delete = seen.recv().await.unwrap();
    assert!(delete.starts_with("DELETE /nacos/v3/admin/cs/config?dataId=d&groupName=g "), "{delete}");
}

#[tokio::test]
async fn v3_wraps_content_and_says_absent_with_200() {
    let (there, mut seen) =
        peer(json(r#"{"code":0,"message":"success","data":{"content":"hello","md5":"x","beta":false}}"#))
            .await;
    let v3 = |addr| client(addr).speaking(Generation::V3);
    assert_eq!(v3(there).get(&key()).await.unwrap().as_deref(), Some("hello"));
    let get = seen.recv().await.unwrap();
    assert!(get.starts_with("GET /nacos/v3/client/cs/config?dataId=d&groupName=g&namespaceId=t "), "{get}");
    let (absent, _) = peer(json(r#"{"code":20004,"message":"resource not found","data":null}"#)).await;
    assert_eq!(v3(absent).get(&key()).await.unwrap(), None);
    let (odd, _) = peer(json(r#"{"code":30000,"message":"no","data":null}"#)).await;
    assert!(matches!(v3(odd).get(&key()).await, Err(AdminError::Unreadable { .. })));
}

/// A server that lets `user` in with `word`, hands out `token-1`, `token-2` …, and takes the newest only once
/// `accepts` logins were made.
async fn guarded(accepts: usize) -> (SocketAddr, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        let mut logins = 0;
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = vec![0; 4096];
            let count = socket.read(&mut buffer).await.unwrap();
            let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
            let first = request.lines().next().unwrap_or_default().to_owned();
            let is_login = first.contains("login");
            logins += usize::from(is_login);
            let (status, body) = if is_login && request.ends_with("username=user&password=word") {
                ("200 OK", format!(r#"{{"accessToken":"token-{logins}","tokenTtl":18000}}"#))
            } else if !is_login
                && logins >= accepts
                && request.contains(&format!("accesstoken: token-{logins}"))
            {
                ("200 OK", "true".to_owned())
            } else {
                ("403 Forbidden", "no".to_owned())
            };
            log.lock().unwrap().push(first);
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (addr, seen)
}

fn login(password: &str) -> Login {
    Login { username: "user".into(), password: shakedown_model::Secret::new(password) }
}

#[tokio::test]
async fn calls_are_made_under_one_login_which_is_renewed_when_it_is_refused() {
    let (addr, seen) = guarded(2).await;
    let admin = client(addr).logging_in(Some(&login("word")));
    let key = key();
    assert_eq!(admin.publish(Publication::new(&key, "x")).await, PublishAnswer::Acked);
    assert_eq!(admin.clone().delete(&key).await, PublishAnswer::Acked);
    let methods: Vec<String> =
        seen.lock().unwrap().iter().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect();
    let login = "POST /nacos/v1/auth/users/login";
    let publish = "POST /nacos/v1/cs/configs";
    assert_eq!(methods[..4], [login, publish, login, publish]);
    assert_eq!(methods.len(), 5, "the delete needs no login of its own: {methods:?}");
}

#[tokio::test]
async fn an_account_that_is_not_let_in_publishes_nothing() {
    let (addr, seen) = guarded(0).await;
    let admin = client(addr).logging_in(Some(&login("wrong")));
    let answer = admin.publish(Publication::new(&key(), "x")).await;
    let PublishAnswer::Refused { status: Some(403), text } = &answer else { panic!("{answer:?}") };
    assert!(text.contains("login") && !text.contains("wrong"), "{text}");
    assert!(seen.lock().unwrap().iter().all(|line| line.contains("login")));
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
async fn readiness_has_a_path_per_generation() {
    let (ready, mut seen) = peer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK").await;
    assert!(client(ready).is_ready().await);
    assert!(seen.recv().await.unwrap().starts_with("GET /nacos/v1/console/health/readiness "));
    assert!(client(ready).speaking(Generation::V3).is_ready().await);
    assert!(seen.recv().await.unwrap().starts_with("GET /nacos/v3/admin/core/state/readiness "));
    let (starting, _) = peer("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").await;
    assert!(!client(starting).is_ready().await);
}
