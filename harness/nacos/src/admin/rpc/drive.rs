//! The one task that owns a publishing connection.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use crate::grpc::connection::{CallId, Event, GrpcConnection, RpcError};
use crate::grpc::message::{
    ClientDetectionResponse, ConfigChangeNotifyResponse, ConnectResetResponse, HealthCheckRequest, Pushed,
    Request as _, Response, SetupAckResponse,
};
use crate::grpc::payload::Payload;

/// A health check is sent this often, as the SDKs do; one that is not answered until the next ends the connection.
const HEALTH_PERIOD: Duration = Duration::from_secs(5);

/// A call to make.
pub(super) struct Call {
    pub(super) request: Payload,
    pub(super) answer: oneshot::Sender<Result<Payload, Lost>>,
}

/// Why a call has no reply.
pub(super) enum Lost {
    /// It never left.
    NotSent(String),
    /// It left.
    NoReply(String),
}

type Pending = BTreeMap<CallId, oneshot::Sender<Result<Payload, Lost>>>;

/// Makes the calls until nobody can ask for more, the connection ends, or the server sends the client elsewhere.
pub(super) async fn drive(mut connection: GrpcConnection, mut calls: mpsc::Receiver<Call>) {
    let mut pending = Pending::new();
    let mut health: Option<CallId> = None;
    let mut ticks = interval(HEALTH_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            event = connection.next_event() => match event {
                Event::Replied { call, .. } if health == Some(call) => health = None,
                Event::Replied { call, result } => {
                    if let Some(answer) = pending.remove(&call) {
                        reply(answer, result);
                    }
                }
                Event::Pushed { payload, .. } => {
                    if sends_elsewhere(&mut connection, &payload) {
                        calls.close();
                    }
                }
                Event::Ended(end) => return lose(pending, calls, &end.text),
            },
            call = calls.recv(), if !calls.is_closed() || !calls.is_empty() => match call {
                Some(call) => begin(&mut connection, &mut pending, call),
                None if pending.is_empty() => return,
                None => {}
            },
            _ = ticks.tick() => {
                if health.is_some() {
                    return lose(pending, calls, "the server did not answer a health check");
                }
                give_up_unawaited(&mut connection, &mut pending);
                health = connection.call(&Payload::new(&HealthCheckRequest::default())).ok();
            }
        }
        if calls.is_closed() && calls.is_empty() && pending.is_empty() {
            return;
        }
    }
}

fn begin(connection: &mut GrpcConnection, pending: &mut Pending, call: Call) {
    match connection.call(&call.request) {
        Ok(id) => {
            pending.insert(id, call.answer);
        }
        Err(error) => reply(call.answer, Err(error.into())),
    }
}

fn reply(
    answer: oneshot::Sender<Result<Payload, Lost>>,
    result: Result<crate::grpc::connection::Reply, RpcError>,
) {
    let result = match result {
        Ok(reply) => Ok(reply.payload),
        Err(error @ RpcError::NotSent(_)) => Err(Lost::NotSent(error.to_string())),
        Err(error) => Err(Lost::NoReply(error.to_string())),
    };
    // Whoever asked may have given up.
    let _is_awaited = answer.send(result).is_ok();
}

/// The connection is gone: calls under way may have arrived, those that still wait were never sent.
fn lose(pending: Pending, mut calls: mpsc::Receiver<Call>, why: &str) {
    for answer in pending.into_values() {
        let _is_awaited = answer.send(Err(Lost::NoReply(why.to_owned()))).is_ok();
    }
    calls.close();
    while let Ok(call) = calls.try_recv() {
        let _is_awaited = call.answer.send(Err(Lost::NotSent(why.to_owned()))).is_ok();
    }
}

/// Forgets calls that nobody waits for any more.
fn give_up_unawaited(connection: &mut GrpcConnection, pending: &mut Pending) {
    pending.retain(|id, answer| {
        let is_given_up = answer.is_closed();
        if is_given_up {
            connection.cancel(*id);
        }
        !is_given_up
    });
}

/// Acknowledges a push. True when it sends the client to another connection.
fn sends_elsewhere(connection: &mut GrpcConnection, payload: &Payload) -> bool {
    let (ack, is_reset) = match Pushed::try_from(payload) {
        Ok(Pushed::SetupAck(push)) => (ack::<SetupAckResponse>(push.request_id()), false),
        Ok(Pushed::ClientDetection(push)) => (ack::<ClientDetectionResponse>(push.request_id()), false),
        Ok(Pushed::ConfigChange(push)) => (ack::<ConfigChangeNotifyResponse>(push.request_id()), false),
        Ok(Pushed::ConnectReset(push)) => (ack::<ConnectResetResponse>(push.request_id()), true),
        Ok(Pushed::Unknown(_)) | Err(_) => (None, false),
    };
    // A stream that takes no acknowledgement is about to end, and that is heard of next.
    let _is_queued = ack.is_none_or(|ack| connection.send_on_stream(&ack).is_ok());
    is_reset
}

fn ack<R: Response>(request_id: Option<&str>) -> Option<Payload> {
    request_id.map(|id| Payload::new(&R::acknowledge(id)))
}
