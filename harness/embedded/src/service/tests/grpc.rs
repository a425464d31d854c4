use shakedown_nacos::grpc::message::{
    ClientDetectionResponse, ConfigPublishRequest, ConfigPublishResponse, ConfigQueryRequest,
    ConfigQueryResponse, ConfigRemoveRequest, ConfigRemoveResponse, ErrorResponse, HealthCheckRequest,
    HealthCheckResponse, ServerCheckRequest, ServerCheckResponse, codes,
};
use shakedown_nacos::md5_hex;

use super::*;

async fn bare(server: &RunningServer) -> Client {
    let connected = GrpcConnection::connect(server.grpc_addr(), Ipv4Addr::LOCALHOST, GrpcLimits::default());
    Client(soon("connecting", connected).await.unwrap())
}

async fn error_of(client: &mut Client, payload: &Payload) -> i32 {
    let reply = soon("a reply", client.0.unary(payload)).await.unwrap();
    reply.payload.read::<ErrorResponse>().unwrap().error_code
}

#[tokio::test]
async fn the_server_check_names_the_transport_and_the_rest_needs_a_setup() {
    let server = start();
    let mut client = bare(&server).await;
    let check: ServerCheckResponse = client.call(&Payload::new(&ServerCheckRequest::default())).await;
    let local = client.0.local_addr();
    assert!(check.connection_id.ends_with(&format!("_{}_{}", local.ip(), local.port())), "{check:?}");
    assert!(check.support_ability_negotiation);
    let health = Payload::new(&HealthCheckRequest::default());
    assert_eq!(error_of(&mut client, &health).await, codes::NOT_REGISTERED);
    let mut unknown = health.clone();
    unknown.metadata.as_mut().unwrap().r#type = "LockOperationRequest".to_owned();
    assert_eq!(error_of(&mut client, &unknown).await, codes::NO_HANDLER);
    let mut client = Client::connect(&server).await;
    let _: HealthCheckResponse = client.call(&health).await;
}

#[tokio::test]
async fn a_setup_without_abilities_registers_without_a_word() {
    let server = start();
    let mut client = bare(&server).await;
    client.0.open_stream(&Payload::new(&ConnectionSetupRequest::default())).unwrap();
    let health = Payload::new(&HealthCheckRequest::default());
    soon("registration", async {
        while client.0.unary(&health).await.unwrap().payload.answer::<HealthCheckResponse>().is_err() {}
    })
    .await;
    // Had there been an ack, it would have come before this change.
    client.listen(&[("d", "")]).await;
    publish(&server, "d", "one").await;
    client.next_change().await;
}

#[tokio::test]
async fn publish_query_and_remove() {
    let server = start();
    let mut client = Client::connect(&server).await;
    let query = Payload::new(&ConfigQueryRequest::of(&key("d")));
    let absent: ConfigQueryResponse =
        soon("a reply", client.0.unary(&query)).await.unwrap().payload.read().unwrap();
    assert_eq!((absent.result_code, absent.error_code), (codes::FAIL, codes::CONFIG_NOT_FOUND));
    assert_eq!(absent.message.as_deref(), Some("config data not exist"));

    let mut publish =
        ConfigPublishRequest { content: "one".to_owned(), ..ConfigPublishRequest::of(&key("d")) };
    let _: ConfigPublishResponse = client.call(&Payload::new(&publish)).await;
    publish_visibly(&server, "other", "x").await;
    let found: ConfigQueryResponse = client.call(&query).await;
    assert_eq!(found.content.as_deref(), Some("one"));
    assert_eq!(found.md5, Some(md5_hex("one")));
    assert_eq!(found.content_type.as_deref(), Some("text"));
    assert!(found.last_modified > 1_600_000_000_000);

    publish.cas_md5 = Some("0".repeat(32));
    let lost: ConfigPublishResponse =
        soon("a reply", client.0.unary(&Payload::new(&publish))).await.unwrap().payload.read().unwrap();
    assert_eq!((lost.result_code, lost.error_code), (500, 500));

    let _: ConfigRemoveResponse = client.call(&Payload::new(&ConfigRemoveRequest::of(&key("d")))).await;
    publish_visibly(&server, "other", "y").await;
    assert!(
        soon("a reply", client.0.unary(&query))
            .await
            .unwrap()
            .payload
            .answer::<ConfigQueryResponse>()
            .is_err()
    );
}

#[tokio::test]
async fn a_listener_is_told_and_an_unacked_push_is_repeated() {
    let server = start_with(|settings| {
        settings.push_ack_timeout = Duration::from_millis(50);
        settings.push_retry_step = Duration::from_millis(20);
    });
    publish_visibly(&server, "d", "one").await;
    let mut client = Client::connect(&server).await;
    assert_eq!(client.listen(&[("d", "old"), ("e", "")]).await, ["d"]);
    publish(&server, "d", "two").await;
    let first = client.next_change().await;
    assert_eq!(first.data_id, "d");
    let again = client.next_change().await;
    assert_eq!(again.data_id, "d");
    assert_ne!(first.request_id, again.request_id);
    client.acknowledge(&again);
    publish(&server, "e", "one").await;
    // The acked push of `d` has ended, or it would come between.
    for _ in 0..3 {
        assert_eq!(client.next_change().await.data_id, "e");
    }
}

#[tokio::test]
async fn a_connection_that_never_acks_is_closed() {
    let server = start_with(|settings| {
        settings.push_ack_timeout = Duration::from_millis(10);
        settings.push_retry_step = Duration::from_millis(5);
        settings.push_max_tries = 3;
    });
    let mut client = Client::connect(&server).await;
    client.listen(&[("d", "")]).await;
    publish(&server, "d", "one").await;
    for _ in 0..3 {
        client.next_change().await;
    }
    let end = soon("the end", client.0.next_event()).await;
    assert!(matches!(end, Event::Ended(_)), "{end:?}");
}

#[tokio::test]
async fn an_idle_connection_is_asked_and_closed_unless_it_answers() {
    let server = start_with(|settings| {
        settings.idle_after = Duration::from_millis(100);
        settings.idle_scan = Duration::from_millis(20);
        settings.idle_answer_timeout = Duration::from_millis(100);
    });
    let mut client = Client::connect(&server).await;
    for _ in 0..2 {
        let Pushed::ClientDetection(detection) = client.next_push().await else { panic!("not a detection") };
        let answer = ClientDetectionResponse::acknowledge(detection.request_id.as_deref().unwrap());
        client.0.send_on_stream(&Payload::new(&answer)).unwrap();
    }
    assert!(matches!(client.next_push().await, Pushed::ClientDetection(_)));
    let end = soon("the end", client.0.next_event()).await;
    assert!(matches!(end, Event::Ended(_)), "{end:?}");
}

#[tokio::test]
async fn a_burst_of_tiny_acks_is_no_attack() {
    const ACKS: usize = 3_000;
    let server = start();
    let limits = GrpcLimits { pending: ACKS, ..GrpcLimits::default() };
    let mut client = Client::connect_with(&server, limits).await;
    for n in 0..ACKS {
        let ack = ConfigChangeNotifyResponse::acknowledge(&n.to_string());
        client.0.send_on_stream(&Payload::new(&ack)).unwrap();
    }
    client.listen(&[("d", "")]).await;
    publish(&server, "d", "one").await;
    assert_eq!(client.next_change().await.data_id, "d");
}

#[tokio::test]
async fn a_large_config_passes_both_ways_through_small_windows() {
    let server = start();
    let content = "0123456789abcdef".repeat(256 * 1024);
    let mut client = Client::connect(&server).await;
    let publish = ConfigPublishRequest { content: content.clone(), ..ConfigPublishRequest::of(&key("d")) };
    let _: ConfigPublishResponse = client.call(&Payload::new(&publish)).await;
    publish_visibly(&server, "other", "x").await;
    let found: ConfigQueryResponse = client.call(&Payload::new(&ConfigQueryRequest::of(&key("d")))).await;
    assert_eq!(found.content.map(|found| found == content), Some(true));
}
