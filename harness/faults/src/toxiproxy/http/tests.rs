use shakedown_model::fault::Distribution;
use std::sync::{Arc, Mutex};

use shakedown_model::fault::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::toxiproxy::{BlackholeHeal, Direction};

/// A proxy API that gives the same answer to everything and remembers what it was asked.
struct FakeApi {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
    _tasks: tokio::task::JoinSet<()>,
}

impl FakeApi {
    async fn answering(status: &'static str, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let mut tasks = tokio::task::JoinSet::new();
        let seen = Arc::clone(&requests);
        tasks.spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let request = read_request(&mut connection).await;
                seen.lock().unwrap().push(request);
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { address, requests, _tasks: tasks }
    }

    fn client(&self) -> ToxiproxyClient {
        ToxiproxyClient::new(self.address).unwrap()
    }

    fn only_request(&self) -> (String, Value) {
        let requests = self.requests.lock().unwrap();
        assert_eq!(requests.len(), 1);
        requests[0].clone()
    }
}

/// The method and path, and the JSON of the body (null without one).
async fn read_request(connection: &mut tokio::net::TcpStream) -> (String, Value) {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 1024];
        let count = connection.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length: usize = head
            .lines()
            .filter_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
            .next()
            .unwrap_or(0);
        if body.len() == length {
            let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
            return (line, serde_json::from_str(body).unwrap_or(Value::Null));
        }
    }
}

const PROXY: &str = r#"{"name":"p","listen":"127.0.0.1:28501","upstream":"127.0.0.1:28500","enabled":true,"Logger":{},
    "toxics":[{"attributes":{"latency":100,"jitter":0},"name":"l","type":"latency","stream":"downstream","toxicity":1}]}"#;

#[tokio::test]
async fn the_version_is_read() {
    let api = FakeApi::answering("200 OK", "{\"version\": \"2.12.0\"}\n").await;
    assert_eq!(api.client().version().await.unwrap(), "2.12.0");
    assert_eq!(api.only_request().0, "GET /version");
}

#[tokio::test]
async fn proxies_are_read_with_their_toxics() {
    let body = Box::leak(format!("{{\"p\":{PROXY}}}").into_boxed_str());
    let api = FakeApi::answering("200 OK", body).await;
    let proxies = api.client().proxies().await.unwrap();
    assert_eq!(proxies.len(), 1);
    assert!(proxies[0].enabled);
    let toxic = &proxies[0].toxics[0];
    assert_eq!(
        (toxic.name.as_str(), toxic.kind.as_str(), toxic.stream),
        ("l", "latency", Direction::Downstream)
    );
    assert_eq!(toxic.attributes["latency"], 100);
}

#[tokio::test]
async fn populate_sends_a_list_of_proxies() {
    let body = Box::leak(format!("{{\"proxies\":[{PROXY}]}}").into_boxed_str());
    let api = FakeApi::answering("201 Created", body).await;
    let config = ProxyConfig {
        source: None,
        follow: false,
        name: "p".into(),
        listen: "127.0.0.1:28501".parse().unwrap(),
        upstream: "127.0.0.1:28500".to_owned(),
        enabled: true,
    };
    assert_eq!(api.client().populate(&[config]).await.unwrap().len(), 1);
    let (line, body) = api.only_request();
    assert_eq!(line, "POST /populate");
    assert_eq!(
        body,
        json!([{"name": "p", "listen": "127.0.0.1:28501", "upstream": "127.0.0.1:28500", "enabled": true}])
    );
}

#[tokio::test]
async fn toxics_are_sent_as_toxiproxy_names_them() {
    let kinds = [
        (
            ToxicKind::Latency { latency_ms: 80, jitter_ms: 40, distribution: Distribution::Uniform },
            "latency",
            json!({"latency": 80, "jitter": 40}),
        ),
        (
            ToxicKind::Latency { latency_ms: 80, jitter_ms: 40, distribution: Distribution::Normal },
            "latency",
            json!({"latency": 80, "jitter": 40, "distribution": "normal"}),
        ),
        (ToxicKind::Bandwidth { rate: 64 }, "bandwidth", json!({"rate": 64})),
        (ToxicKind::SlowClose { delay_ms: 9 }, "slow_close", json!({"delay": 9})),
        (
            ToxicKind::Slicer { average_size: 100, size_variation: 10, delay_us: 5 },
            "slicer",
            json!({"average_size": 100, "size_variation": 10, "delay": 5}),
        ),
        (ToxicKind::LimitData { bytes: 7 }, "limit_data", json!({"bytes": 7})),
        (ToxicKind::HalfOpen, "half_open", json!({})),
        (ToxicKind::Silence { heal: BlackholeHeal::Reset }, "silence", json!({"heal": "reset"})),
        (ToxicKind::Refuse, "refuse", json!({})),
        (ToxicKind::Flap { up_ms: 500, down_ms: 100 }, "flap", json!({"up": 500, "down": 100})),
        (ToxicKind::ResetPeer { timeout_ms: 0 }, "reset_peer", json!({"timeout": 0})),
        (ToxicKind::Timeout { timeout_ms: 5 }, "timeout", json!({"timeout": 5})),
        (ToxicKind::Blackhole { heal: BlackholeHeal::Reset }, "blackhole", json!({"heal": "reset"})),
        (ToxicKind::Blackhole { heal: BlackholeHeal::Release }, "blackhole", json!({"heal": "release"})),
    ];
    for (kind, name, attributes) in kinds {
        let api = FakeApi::answering("200 OK", "{}").await;
        let toxic =
            ToxicConfig { name: "t".into(), stream: Direction::Upstream, toxicity_ppm: 250_000, kind };
        api.client().add_toxic("p", &toxic).await.unwrap();
        let (line, body) = api.only_request();
        assert_eq!(line, "POST /proxies/p/toxics");
        let expected = json!({"name": "t", "type": name, "stream": "upstream", "toxicity": 0.25, "attributes": attributes});
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn each_call_has_its_method_and_path_and_names_are_escaped() {
    let api = FakeApi::answering("200 OK", PROXY).await;
    let client = api.client();
    client.set_enabled("a/b c", false).await.unwrap();
    client.delete("p").await.unwrap();
    client.update_toxic("p", "l", ToxicKind::Timeout { timeout_ms: 1 }).await.unwrap();
    client.remove_toxic("p", "l").await.unwrap();
    client.reset().await.unwrap();
    let requests = api.requests.lock().unwrap();
    let lines: Vec<&str> = requests.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "POST /proxies/a%2Fb%20c",
            "DELETE /proxies/p",
            "POST /proxies/p/toxics/l",
            "DELETE /proxies/p/toxics/l",
            "POST /reset"
        ]
    );
    assert_eq!(requests[0].1, json!({"enabled": false}));
}

#[tokio::test]
async fn a_refusal_tells_the_call_the_status_and_the_servers_text() {
    let api = FakeApi::answering("404 Not Found", r#"{"error":"proxy not found","status":404}"#).await;
    let error = api.client().set_enabled("zz", true).await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(
        error.to_string(),
        "the proxy's API refused `POST /proxies/zz` with status 404: proxy not found"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_told_as_such() {
    let api = FakeApi::answering("200 OK", "<html>").await;
    let error = api.client().version().await.unwrap_err();
    assert!(
        matches!(error, ProxyApiError::Unreadable { ref call, .. } if call == "GET /version"),
        "{error:?}"
    );
    let api = FakeApi::answering("502 Bad Gateway", "<html>bad</html>").await;
    let error = api.client().version().await.unwrap_err();
    assert!(error.to_string().ends_with("502: <html>bad</html>"), "{error}");
}

#[tokio::test]
async fn an_api_that_is_gone_is_an_error_with_its_address() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = ToxiproxyClient::new(address).unwrap().reset().await.unwrap_err();
    let text = crate::fault::in_words(&error);
    assert!(text.contains("`POST /reset`") && text.contains(&address.to_string()), "{text}");
    assert!(text.contains("refused"), "{text}");
}

#[test]
fn both_directions_are_two_toxics() {
    assert_eq!(Direction::of(Stream::Both), [Direction::Upstream, Direction::Downstream]);
    assert_eq!(Direction::of(Stream::Downstream), [Direction::Downstream]);
}
