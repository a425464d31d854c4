//! Our client at a tonic server.

use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;

use shakedown_nacos::ConfigKey;
use shakedown_nacos::grpc::connection::{EndCause, Event, GrpcConnection, GrpcLimits, RpcError};
use shakedown_nacos::grpc::message::{
    ConfigChangeNotifyResponse, ConfigPublishRequest, ConfigPublishResponse, ConfigQueryRequest,
    ConfigQueryResponse, ConnectionSetupRequest, HealthCheckRequest, Pushed, Response as _,
    ServerCheckRequest, ServerCheckResponse,
};
use shakedown_nacos::grpc::payload::Payload;

use crate::server::{self, FAILURE, PUSHES};
use crate::{Outcome, expect};

fn words(error: impl std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
    format!("{error}{cause}")
}

pub async fn run() -> Outcome {
    let (addr, acks) = server::start().await?;
    // Pushes come in bursts, and an ack of each waits until the burst is handled.
    let limits = GrpcLimits { pending: PUSHES, ..GrpcLimits::default() };
    let connected = GrpcConnection::connect(addr, Ipv4Addr::LOCALHOST, limits);
    let mut connection = connected.await.map_err(words)?;
    let check = connection.unary(&Payload::new(&ServerCheckRequest::default())).await.map_err(words)?;
    let check: ServerCheckResponse = check.payload.answer().map_err(words)?;
    expect(check.connection_id == "tonic", || format!("{check:?}"))?;

    let key = ConfigKey::public("d", "g");
    let content = server::content();
    let publish = ConfigPublishRequest { content: content.clone(), ..ConfigPublishRequest::of(&key) };
    let published = connection.unary(&Payload::new(&publish)).await.map_err(words)?;
    let published: ConfigPublishResponse = published.payload.answer().map_err(words)?;
    let bytes = content.len().to_string();
    expect(published.message.as_deref() == Some(&bytes), || format!("of {bytes} bytes came {published:?}"))?;
    let found = connection.unary(&Payload::new(&ConfigQueryRequest::of(&key))).await.map_err(words)?;
    let found: ConfigQueryResponse = found.payload.answer().map_err(words)?;
    expect(found.content.as_deref() == Some(&content), || "a large content came as another".to_owned())?;

    let failed = connection.unary(&Payload::new(&HealthCheckRequest::default())).await;
    let told = matches!(&failed, Err(RpcError::Status { code: 14, message }) if !message.is_empty());
    expect(told, || format!("instead of {FAILURE}: {failed:?}"))?;

    connection.open_stream(&Payload::new(&ConnectionSetupRequest::default())).map_err(words)?;
    for nth in 0..PUSHES {
        let Event::Pushed { payload, .. } = connection.next_event().await else {
            return Err(format!("push {nth} did not come"));
        };
        let Ok(Pushed::ConfigChange(change)) = Pushed::try_from(&payload) else {
            return Err(format!("{payload:?} is no change"));
        };
        let id = change.request_id.unwrap_or_default();
        expect(id == nth.to_string(), || format!("push {id} came as number {nth}"))?;
        let ack = Payload::new(&ConfigChangeNotifyResponse::acknowledge(&id));
        connection.send_on_stream(&ack).map_err(words)?;
    }
    let Event::Ended(end) = connection.next_event().await else {
        return Err("the end of the stream is not told".to_owned());
    };
    expect(end.cause == EndCause::StreamEnded, || end.to_string())?;
    let acks = acks.load(Ordering::Relaxed);
    expect(acks == PUSHES, || format!("{acks} of {PUSHES} pushes were acknowledged"))
}
