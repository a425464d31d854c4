//! tonic's client at a Nacos server.

use std::time::Duration;

use http::uri::PathAndQuery;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::wire::Payload;
use crate::{Outcome, expect};

/// Beyond HTTP/2's first window of 64 KiB, and below tonic's limit of 4 MiB.
const LARGE: usize = 1024 * 1024;

/// What the server's streams allow at once is 100; one is the bidirectional one.
const AT_ONCE: usize = 90;

async fn call_at(channel: &Channel, path: &'static str, request: Payload) -> Result<Payload, Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    let codec = ProstCodec::<Payload, Payload>::default();
    let answer = grpc.unary(Request::new(request), PathAndQuery::from_static(path), codec).await?;
    Ok(answer.into_inner())
}

async fn call(channel: &Channel, kind: &str, body: Value) -> Result<Value, String> {
    let answer = call_at(channel, "/Request/request", Payload::new(kind, &body)).await;
    let answer = answer.map_err(|status| format!("{kind}: {status}"))?;
    let json = answer.json();
    let is_success = json["resultCode"] == 200;
    if is_success { Ok(json) } else { Err(format!("{kind} was answered by {} {json}", answer.kind())) }
}

fn config(data_id: &str, more: Value) -> Value {
    let mut config = json!({ "dataId": data_id, "group": "g", "tenant": "" });
    if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
        config.extend(more);
    }
    config
}

async fn connect(port: u16) -> Result<Channel, String> {
    // Pings more often than anything else happens, so that they fall between frames of every kind.
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))
        .map_err(|error| error.to_string())?
        .http2_keep_alive_interval(Duration::from_millis(20))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true);
    for _ in 0..200 {
        if let Ok(channel) = endpoint.connect().await {
            return Ok(channel);
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(format!("nothing listens on port {port}"))
}

pub async fn run(port: u16) -> Outcome {
    let channel = connect(port).await?;
    let check = call(&channel, "ServerCheckRequest", json!({})).await?;
    expect(check["connectionId"].is_string(), || format!("no connection id in {check}"))?;

    let (acks, outgoing) = mpsc::channel(64);
    let setup = json!({ "clientVersion": "tonic", "labels": { "source": "sdk" }, "abilityTable": {} });
    acks.send(Payload::new("ConnectionSetupRequest", &setup)).await.map_err(|error| error.to_string())?;
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| error.to_string())?;
    let path = PathAndQuery::from_static("/BiRequestStream/requestBiStream");
    let codec = ProstCodec::<Payload, Payload>::default();
    let opened = grpc.streaming(Request::new(ReceiverStream::new(outgoing)), path, codec).await;
    let mut pushes = opened.map_err(|status| format!("opening the stream: {status}"))?.into_inner();
    let mut next_push = async || match pushes.message().await {
        Ok(Some(push)) => Ok(push),
        other => Err(format!("instead of a push: {other:?}")),
    };
    let ack = next_push().await?;
    expect(ack.kind() == "SetupAckRequest", || format!("setup was followed by {ack:?}"))?;
    call(&channel, "HealthCheckRequest", json!({})).await?;

    pass_content(&channel).await?;
    let contexts = json!([config("large", json!({ "md5": "" }))]);
    let listened = call(
        &channel,
        "ConfigBatchListenRequest",
        json!({ "listen": true, "configListenContexts": contexts }),
    )
    .await?;
    expect(listened["changedConfigs"][0]["dataId"] == "large", || format!("listening told {listened}"))?;
    for round in 0..20 {
        call(
            &channel,
            "ConfigPublishRequest",
            config("large", json!({ "content": format!("round {round}") })),
        )
        .await?;
        let push = next_push().await?;
        expect(push.json()["dataId"] == "large", || format!("pushed {push:?}"))?;
        let ack = json!({ "resultCode": 200, "requestId": push.json()["requestId"] });
        acks.send(Payload::new("ConfigChangeNotifyResponse", &ack))
            .await
            .map_err(|error| error.to_string())?;
    }
    many_at_once(&channel).await?;
    given_up(&channel).await?;
    refused(&channel).await?;
    // Long enough for a dozen pings on an idle connection.
    sleep(Duration::from_millis(300)).await;
    call(&channel, "HealthCheckRequest", json!({})).await?;
    drop(acks);
    let end = pushes.message().await;
    expect(matches!(end, Ok(None)), || format!("the stream ended with {end:?}"))
}

/// A large content passes both ways.
async fn pass_content(channel: &Channel) -> Outcome {
    let content = "0123456789abcdef".repeat(LARGE / 16);
    call(channel, "ConfigPublishRequest", config("large", json!({ "content": content }))).await?;
    let query = async || call(channel, "ConfigQueryRequest", config("large", json!({}))).await;
    let mut found = query().await;
    while found.is_err() {
        // It is seen with the server's next dump.
        sleep(Duration::from_millis(20)).await;
        found = query().await;
    }
    expect(found?["content"] == content.as_str(), || "a large content came back as another".to_owned())
}

async fn many_at_once(channel: &Channel) -> Outcome {
    for _ in 0..20 {
        let mut calls = JoinSet::new();
        for _ in 0..AT_ONCE {
            let channel = channel.clone();
            calls.spawn(async move { call(&channel, "HealthCheckRequest", json!({})).await });
        }
        for result in calls.join_all().await {
            result.map_err(|error| format!("{AT_ONCE} at once: {error}"))?;
        }
    }
    Ok(())
}

/// Calls that end before their answers disturb no others.
async fn given_up(channel: &Channel) -> Outcome {
    let content = "x".repeat(LARGE);
    call(channel, "ConfigPublishRequest", config("given-up", json!({ "content": content }))).await?;
    for micros in 0..300 {
        let query = call(channel, "ConfigQueryRequest", config("given-up", json!({})));
        drop(timeout(Duration::from_micros(micros * 20), query).await);
    }
    call(channel, "HealthCheckRequest", json!({})).await.map(drop)
}

/// What the server does not take ends with a status, and only the call.
async fn refused(channel: &Channel) -> Outcome {
    let health = Payload::new("HealthCheckRequest", &json!({}));
    let status = call_at(channel, "/Request/other", health).await.err();
    expect(status.as_ref().is_some_and(|status| status.code() == Code::Unimplemented), || {
        format!("another method: {status:?}")
    })?;
    let content = "x".repeat(11 * LARGE);
    let huge = Payload::new("ConfigPublishRequest", &config("huge", json!({ "content": content })));
    let status = call_at(channel, "/Request/request", huge).await.err();
    expect(status.as_ref().is_some_and(|status| status.code() == Code::ResourceExhausted), || {
        format!("11 MiB: {status:?}")
    })?;
    call(channel, "HealthCheckRequest", json!({})).await.map(drop)
}
