use shakedown_nacos::http::connection::HttpConnection;
use shakedown_nacos::http::listening::ListenEntry;
use shakedown_nacos::md5_hex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// Sends raw bytes that end their connection; answers everything that comes back.
pub(super) async fn raw(server: &RunningServer, request: &str) -> String {
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
        "content-type: text/plain;charset=utf-8",
        "encrypted-data-key: ",
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
    let illegal = "Param 'dataId' is illegal, illegal characters should not appear in the param.\r\n";
    assert_eq!(publish("dataId=a/b&group=g&content=x").await, (400, illegal.to_owned()));
    let blank = "caused: content is blank :  ;";
    assert_eq!(publish("dataId=d&group=g&content=+").await, (400, blank.to_owned()));
    let missing = publish("dataId=d&content=x").await;
    assert!(missing.1.contains("\"message\":\"Required request parameter 'group'"), "{missing:?}");
    assert_eq!(missing.0, 400);
    let tag = "caused: too long tag, over 16;";
    assert_eq!(publish("dataId=d&group=g&content=x&tag=aaaaaaaaaaaaaaaaa").await, (400, tag.to_owned()));
    assert_eq!(publish("dataId=d&group=g&content=x").await.0, 200);
    let cas = call(&server, "POST", "cs/configs", "casMd5: 00\r\n", "dataId=d&group=g&content=y").await;
    assert_eq!(cas.0, 500);
    assert_eq!(cas.2, "caused: Cas publish fail, server md5 may have changed.;");
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
async fn a_short_poll_of_a_newer_client_is_told_nothing() {
    let server = start();
    let body = "Listening-Configs=d%02g%02old%01";
    let (status, head, answer) =
        call(&server, "POST", "cs/configs/listener", "Client-Version: 2.0.4\r\n", body).await;
    assert_eq!((status, answer.as_str()), (200, ""), "as a running 2.5.0 does");
    assert!(!head.contains("probe-modify"), "{head}");
}

#[tokio::test]
async fn a_no_hangup_poll_names_the_changed_keys_encoded_once_and_ends_the_line() {
    let server = start();
    let body = "Listening-Configs=d%02g%02old%01e%02g%02old%02t%01";
    let headers = "Long-Pulling-Timeout: 30000\r\nLong-Pulling-Timeout-No-Hangup: true\r\n";
    let (_, _, answer) = call(&server, "POST", "cs/configs/listener", headers, body).await;
    assert_eq!(answer, "d%02g%01e%02g%02t%01\n");
}

#[tokio::test]
async fn a_client_that_names_no_version_finds_a_short_polls_answer_in_headers() {
    let server = start();
    let body = "Listening-Configs=d%02g%02old%01e%02g%02old%02t%01";
    let (status, head, answer) = call(&server, "POST", "cs/configs/listener", "", body).await;
    assert_eq!((status, answer.as_str()), (200, ""));
    assert!(head.contains("\nprobe-modify-response: d:g;e:g;\r"), "{head}");
    assert!(head.contains("\nprobe-modify-response-new: d%02g%01e%02g%02t%01\r"), "{head}");
}

#[tokio::test]
async fn malformed_polls_are_refused() {
    let server = start();
    let poll = |headers: &'static str, body: &'static str| {
        let server = &server;
        async move {
            let (status, _, body) = call(server, "POST", "cs/configs/listener", headers, body).await;
            (status, body)
        }
    };
    let refused = |message: &str| (400, format!("caused: {message};"));
    assert_eq!(poll("", "Listening-Configs=").await, refused("invalid probeModify"));
    assert_eq!(poll("", "Listening-Configs=d%02g%01").await, refused("invalid probeModify"));
    assert_eq!(poll("", "Listening-Configs=d%02g%02m%02t%02x%01").await.0, 500);
    assert_eq!(poll("", "Listening-Configs=a/b%02g%02%01").await.0, 400);
    let timeout = "Long-Pulling-Timeout: abc\r\n";
    let not_a_number = refused("For input string: \"abc\"");
    assert_eq!(poll(timeout, "Listening-Configs=d%02g%02%01").await, not_a_number);
    // What differs is told without a look at the number.
    assert_eq!(poll(timeout, "Listening-Configs=d%02g%02old%01").await, ok("d%02g%01\n"));
}
