//! What a server is told to do wrong, as clients see it.

use shakedown_model::fault::{
    ALL_PPM, AnswerTrouble, BadAnswer, CallKind, Calls, NodeTrouble, StreamTrouble,
};
use shakedown_model::secrets::Secret;
use shakedown_nacos::admin::AdminError;
use shakedown_nacos::grpc::connection::RpcError;
use shakedown_nacos::grpc::message::{
    ConfigQueryRequest, ConfigQueryResponse, HealthCheckRequest, HealthCheckResponse,
};
use shakedown_nacos::grpc::payload::PayloadError;
use shakedown_nacos::http::connection::{HttpConnection, HttpError};
use shakedown_nacos::md5_hex;
use tokio::time::Instant;

use super::http::raw;
use super::*;

fn answers(kinds: &[CallKind], bad: BadAnswer) -> NodeTrouble {
    let to = kinds.iter().fold(Calls::default(), |calls, kind| calls.with(*kind));
    NodeTrouble::Answers(AnswerTrouble { to, share_ppm: ALL_PPM, bad })
}

fn reads(bad: BadAnswer) -> NodeTrouble {
    answers(&[CallKind::Read], bad)
}

fn stream(what: StreamTrouble) -> NodeTrouble {
    NodeTrouble::Stream { what, share_ppm: ALL_PPM }
}

async fn get(server: &RunningServer) -> Result<Option<String>, HttpError> {
    let connected = HttpConnection::connect(server.http_addr(), Ipv4Addr::LOCALHOST);
    let mut connection = soon("connecting", connected).await.unwrap();
    soon("an answer", connection.get_config(&key("a"))).await.map(|answer| answer.content)
}

const CONTENT: &str = "0123456789abcdefghij";

async fn with_content() -> RunningServer {
    let server = start();
    publish_visibly(&server, "a", CONTENT).await;
    server
}

#[tokio::test]
async fn calls_have_the_status_that_is_told_until_the_end() {
    let server = with_content().await;
    for code in [403, 404, 409, 429, 500, 503] {
        server.begin_trouble(1, answers(&[CallKind::Listen, CallKind::Read], BadAnswer::Status(code)));
        match get(&server).await {
            // What is not found is an answer, as a client sees it.
            Ok(None) if code == 404 => {}
            Err(HttpError::Status { status, .. }) => assert_eq!(status, code),
            other => panic!("{code}: {other:?}"),
        }
        let count = server.end_trouble(1);
        assert_eq!((count.acted, count.of), (1, 1));
        assert_eq!(get(&server).await.unwrap().as_deref(), Some(CONTENT));
    }
    server.begin_trouble(2, answers(&[CallKind::Write], BadAnswer::Status(503)));
    let client = AdminClient::new(server.http_addr(), DEADLINE);
    let answer = client.publish(Publication::new(&key("a"), "new")).await;
    assert!(!matches!(answer, PublishAnswer::Acked), "{answer:?}");
    assert_eq!(get(&server).await.unwrap().as_deref(), Some(CONTENT), "reads are not touched");
    let error: Result<_, AdminError> = client.get(&key("a")).await;
    assert_eq!(error.unwrap().as_deref(), Some(CONTENT), "what was refused was not stored");
}

#[tokio::test]
async fn bodies_come_late_short_and_as_garbage() {
    let server = with_content().await;
    server.begin_trouble(1, reads(BadAnswer::Slow(Duration::from_millis(300))));
    let asked = Instant::now();
    assert_eq!(get(&server).await.unwrap().as_deref(), Some(CONTENT));
    assert!(asked.elapsed() >= Duration::from_millis(300), "{:?}", asked.elapsed());
    // 20 bytes at 50 a second, in portions of 5.
    server.begin_trouble(1, reads(BadAnswer::SlowBody(50)));
    let asked = Instant::now();
    assert_eq!(get(&server).await.unwrap().as_deref(), Some(CONTENT));
    assert!(asked.elapsed() >= Duration::from_millis(390), "{:?}", asked.elapsed());
    server.begin_trouble(1, reads(BadAnswer::Truncated));
    let cut = get(&server).await;
    assert!(matches!(cut, Err(HttpError::Ended(_))), "{cut:?}");
    server.begin_trouble(1, reads(BadAnswer::WrongLength));
    assert_eq!(get(&server).await.unwrap().as_deref(), Some(&CONTENT[..10]));
    server.begin_trouble(1, reads(BadAnswer::Garbage));
    let garbage = get(&server).await;
    assert!(matches!(garbage, Err(HttpError::NotText)), "{garbage:?}");
    server.end_trouble(1);
    let request =
        "GET /nacos/v1/cs/configs?dataId=a&group=g HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    assert!(raw(&server, request).await.ends_with(CONTENT));
}

async fn query(client: &mut Client) -> Result<String, String> {
    let request = ConfigQueryRequest::of(&key("a"));
    match soon("a reply", client.0.unary(&Payload::new(&request))).await {
        Err(error @ (RpcError::BrokenOff(_) | RpcError::Status { .. })) => Err(format!("broken: {error}")),
        Err(error) => panic!("{error}"),
        Ok(reply) => match reply.payload.answer::<ConfigQueryResponse>() {
            Ok(answer) => Ok(answer.content.unwrap_or_default()),
            Err(PayloadError::Refused { error_code, .. }) => Err(format!("refused: {error_code}")),
            Err(error) => Err(format!("payload: {error}")),
        },
    }
}

#[tokio::test]
async fn calls_over_grpc_are_answered_as_badly() {
    let server = with_content().await;
    let mut client = Client::connect(&server).await;
    for (bad, begins) in [
        (BadAnswer::Status(503), "refused: 503"),
        (BadAnswer::Truncated, "broken: "),
        (BadAnswer::WrongLength, "payload: "),
        (BadAnswer::Garbage, "payload: "),
    ] {
        server.begin_trouble(1, reads(bad));
        let error = query(&mut client).await.unwrap_err();
        assert!(error.starts_with(begins), "{bad:?}: {error}");
    }
    server.begin_trouble(1, reads(BadAnswer::Slow(Duration::from_millis(200))));
    let asked = Instant::now();
    assert_eq!(query(&mut client).await.as_deref(), Ok(CONTENT));
    assert!(asked.elapsed() >= Duration::from_millis(200), "{:?}", asked.elapsed());
    server.end_trouble(1);
    assert_eq!(query(&mut client).await.as_deref(), Ok(CONTENT));
}

#[tokio::test]
async fn a_goodbye_lets_the_stream_go_on_and_a_reset_ends_it() {
    let server = with_content().await;
    let mut client = Client::connect(&server).await;
    assert_eq!(client.listen(&[("a", "")]).await, ["a"]);
    server.begin_trouble(1, stream(StreamTrouble::GoAway));
    publish(&server, "a", "second").await;
    let change = client.next_change().await;
    assert_eq!(change.data_id, "a");
    let refused = soon("a refusal", client.0.unary(&Payload::new(&HealthCheckRequest::default()))).await;
    assert!(refused.is_err(), "no new call is taken after a goodbye: {refused:?}");
    assert_eq!(server.end_trouble(1).acted, 1);

    let mut client = Client::connect(&server).await;
    server.begin_trouble(2, stream(StreamTrouble::RstStream));
    let ended = soon("the end of the stream", client.0.next_event()).await;
    assert!(matches!(ended, Event::Ended(_)), "{ended:?}");
    assert!(server.end_trouble(2).acted >= 1);
}

#[tokio::test]
async fn with_a_stalled_window_nothing_comes_until_the_end_and_then_all_of_it() {
    let server = with_content().await;
    let mut client = Client::connect(&server).await;
    assert_eq!(client.listen(&[("a", "")]).await, ["a"]);
    server.begin_trouble(1, stream(StreamTrouble::StalledWindow));
    publish(&server, "a", "second").await;
    let silence = tokio::time::timeout(Duration::from_millis(300), client.0.next_event()).await;
    assert!(silence.is_err(), "{silence:?}");
    // A connection made later has a window of its own.
    let mut other = Client::connect(&server).await;
    let _alive: HealthCheckResponse = other.call(&Payload::new(&HealthCheckRequest::default())).await;
    assert_eq!(server.end_trouble(1).acted, 1);
    assert_eq!(client.next_change().await.data_id, "a");
}

#[tokio::test]
async fn a_push_whose_acknowledgement_is_not_seen_comes_again() {
    let server = start();
    publish_visibly(&server, "a", "first").await;
    let mut client = Client::connect(&server).await;
    assert_eq!(client.listen(&[("a", "")]).await, ["a"]);
    server.begin_trouble(1, stream(StreamTrouble::SwallowedAck));
    publish(&server, "a", "second").await;
    let first = client.next_change().await;
    client.acknowledge(&first);
    let again = client.next_change().await;
    assert_eq!((again.data_id, first.data_id), ("a".to_owned(), "a".to_owned()));
    assert_ne!(again.request_id, first.request_id);
    let count = server.end_trouble(1);
    assert!(count.acted >= 1 && count.acted == count.of, "{count:?}");
}

#[tokio::test]
async fn evicted_clients_are_asked_to_go_elsewhere() {
    let server = start();
    let mut client = Client::connect(&server).await;
    server.begin_trouble(1, NodeTrouble::Evict { share_ppm: ALL_PPM });
    let asked = client.next_push().await;
    assert!(matches!(asked, Pushed::ConnectReset(_)), "{asked:?}");
    assert_eq!(server.end_trouble(1).acted, 1);
}

#[tokio::test]
async fn what_did_not_change_is_told_as_changed_while_it_drifts() {
    let server = with_content().await;
    let mut client = Client::connect(&server).await;
    let held = md5_hex(CONTENT);
    assert!(client.listen(&[("a", &held)]).await.is_empty());
    server.begin_trouble(1, NodeTrouble::DriftedMd5 { share_ppm: ALL_PPM });
    assert_eq!(client.listen(&[("a", &held)]).await, ["a"]);
    let poll = format!("Listening-Configs=a%02g%02{held}%01");
    let request = format!(
        "POST /nacos/v1/cs/configs/listener HTTP/1.1\r\nHost: h\r\nLong-Pulling-Timeout: 10000\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{poll}",
        poll.len()
    );
    assert!(raw(&server, &request).await.contains("a%02g"));
    let count = server.end_trouble(1);
    assert_eq!((count.acted, count.of), (2, 2));
    assert!(client.listen(&[("a", &held)]).await.is_empty());
}

#[tokio::test]
async fn tokens_expire_at_once_and_new_ones_are_good() {
    let login = Login { username: "nacos".to_owned(), password: Secret::new("pw") };
    let server = start_as(Generation::V2, Some(login.clone()), |_| {});
    let client = AdminClient::new(server.http_addr(), DEADLINE).logging_in(Some(&login));
    assert!(client.get(&key("a")).await.is_ok());
    let token = client.token().await.unwrap().unwrap();
    let status = async || {
        let request = format!(
            "GET /nacos/v1/cs/configs?dataId=a&group=g&accessToken={token} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        );
        raw(&server, &request).await[9..12].to_owned()
    };
    assert_eq!(status().await, "404");
    server.begin_trouble(1, NodeTrouble::ExpireTokens);
    soon("the expiry", async {
        while status().await != "403" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(server.end_trouble(1).acted, 1);
    assert_eq!(status().await, "403", "expired stays expired");
    assert!(client.get(&key("a")).await.is_ok(), "whoever logs in again is let in");
}
