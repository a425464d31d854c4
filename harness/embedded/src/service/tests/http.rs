use shakedown_nacos::http::connection::HttpConnection;
use shakedown_nacos::http::listening::ListenEntry;
use shakedown_nacos::md5_hex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// Sends raw bytes that end their connection; answers everything that comes back.
async fn raw(server: &RunningServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.http_addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    soon("the answer", stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn call(
    server: &RunningServer,
    method: &str,
    target: &str,
    headers: &str,
    body: &str,
) -> (u16, String, String) {
    let request = format!(
        "{method} /nacos/v1/{target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = raw(server, &request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
}

async fn status_and_body(server: &RunningServer, method: &str, target: &str, body: &str) -> (u16, String) {
    let (status, _, body) = call(server, method, target, "", body).await;
    (status, body)
}

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

#[tokio::test]
async fn publish_get_and_delete_answer_as_the_real_server_does() {
    let server = start();
    let configs = "cs/configs?dataId=d&group=g";
    assert_eq!(
        status_and_body(&server, "GET", configs, "").await,
        (404, "config data not exist\n".to_owned())
    );
    assert_eq!(
        status_and_body(&server, "POST", "cs/configs", "dataId=d&group=g&content=a%20b").await,
        ok("true")
    );
    publish_visibly(&server, "other", "x").await;
    assert_eq!(status_and_body(&server, "GET", configs, "").await, ok("a b"));
    assert_eq!(status_and_body(&server, "DELETE", configs, "").await, ok("true"));
    assert_eq!(status_and_body(&server, "DELETE", configs, "").await, ok("true"));
    publish_visibly(&server, "other", "y").await;
    assert_eq!(status_and_body(&server, "GET", configs, "").await.0, 404);
}

#[tokio::test]
async fn a_get_carries_md5_type_and_date() {
    let server = start();
    status_and_body(&server, "POST", "cs/configs", "dataId=d&group=g&content=%7B%7D&type=json").await;
    publish_visibly(&server, "other", "x").await;
    let (_, head, _) = call(&server, "GET", "cs/configs?dataId=d&group=g", "", "").await;
    for line in [
        format!("content-md5: {}", md5_hex("{}")).as_str(),
        "config-type: json",
        "content-type: application/json;charset=utf-8",
        "pragma: no-cache",
        "cache-control: no-cache,no-store",
        "expires: thu, 01 jan 1970 00:00:00 gmt",
        "last-modified: ",
    ] {
        assert!(head.contains(line), "no `{line}` in {head}");
    }
}

#[tokio::test]
async fn bad_parameters_are_400_and_a_lost_cas_is_500() {
    let server = start();
    let publish = |body: &'static str| status_and_body(&server, "POST", "cs/configs", body);
    assert_eq!(
        publish("dataId=a/b&group=g&content=x").await,
        (400, "caused: invalid dataId : a/b;".to_owned())
    );
    assert_eq!(publish("dataId=d&group=g&content=+").await.0, 400);
    assert_eq!(publish("dataId=d&content=x").await.0, 400);
    assert_eq!(publish("dataId=d&group=g&content=x&tag=t").await.0, 400);
    assert_eq!(publish("dataId=d&group=g&content=x").await.0, 200);
    let cas = call(&server, "POST", "cs/configs", "casMd5: 00\r\n", "dataId=d&group=g&content=y").await;
    assert_eq!(cas.0, 500);
    assert!(cas.2.contains("Cas publish fail, server md5 may have changed."));
    assert_eq!(status_and_body(&server, "POST", "cs/configs/listener", "Listening-Configs=").await.0, 400);
    assert_eq!(status_and_body(&server, "PUT", "cs/configs", "").await.0, 405);
    assert_eq!(status_and_body(&server, "GET", "ns/instance", "").await.0, 404);
}

#[tokio::test]
async fn health_is_ok() {
    let server = start();
    assert_eq!(status_and_body(&server, "GET", "console/health/readiness", "").await, ok("OK"));
    assert_eq!(status_and_body(&server, "GET", "console/health/liveness", "").await, ok("OK"));
}

#[tokio::test]
async fn one_connection_serves_polls_and_gets_one_after_the_other() {
    let server = start();
    let mut connection = HttpConnection::connect(server.http_addr(), Ipv4Addr::LOCALHOST).await.unwrap();
    publish_visibly(&server, "d", "one").await;
    let listened = |content: &str| [ListenEntry { key: key("d"), md5: md5_hex(content) }];
    let timeout = Duration::from_secs(30);
    let differs = connection.listen(&listened("old"), timeout, false).await.unwrap();
    assert_eq!(differs.changed, [key("d")]);
    assert_eq!(connection.listen(&listened("one"), timeout, true).await.unwrap().changed, []);
    let current = listened("one");
    let (woken, ()) = soon("the wake", async {
        tokio::join!(connection.listen(&current, timeout, false), async {
            until_hanging(&server, 1).await;
            publish(&server, "d", "two").await;
        })
    })
    .await;
    assert_eq!(woken.unwrap().changed, [key("d")]);
    assert_eq!(connection.get_config(&key("d")).await.unwrap().content.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_poll_ends_empty_at_its_time() {
    let server = start_with(|settings| {
        settings.poll_min_hang = Duration::from_millis(30);
        settings.poll_margin = Duration::from_millis(10);
    });
    let listener = "cs/configs/listener";
    let headers = "Long-Pulling-Timeout: 100\r\n";
    let started = tokio::time::Instant::now();
    let (status, _, body) = call(&server, "POST", listener, headers, "Listening-Configs=d%02g%02%01").await;
    assert_eq!((status, body.as_str()), (200, ""));
    assert!(started.elapsed() >= Duration::from_millis(90));
}

#[tokio::test]
async fn a_short_poll_names_the_changed_keys_encoded_once_and_ends_the_line() {
    let server = start();
    publish_visibly(&server, "d", "one").await;
    let body = "Listening-Configs=d%02g%02old%01e%02g%02old%02t%01";
    let answer = status_and_body(&server, "POST", "cs/configs/listener", body).await;
    assert_eq!(answer, ok("d%02g%01e%02g%02t%01\n"));
}
