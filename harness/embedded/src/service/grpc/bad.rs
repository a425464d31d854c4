//! Bad answers to calls over gRPC.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use shakedown_model::fault::{BadAnswer, CallKind};
use shakedown_nacos::grpc::message::{
    ConfigBatchListenRequest, ConfigPublishRequest, ConfigQueryRequest, ConfigRemoveRequest, ErrorResponse,
    Message, Response as _,
};
use shakedown_nacos::grpc::payload::Payload;
use tokio::time::sleep;

use super::unary::Answer;

/// What kind of call a request is, as far as it can be answered badly.
pub(super) fn kind(request: &Payload) -> Option<CallKind> {
    match request.type_name() {
        ConfigQueryRequest::TYPE => Some(CallKind::Read),
        ConfigBatchListenRequest::TYPE => Some(CallKind::Listen),
        ConfigPublishRequest::TYPE | ConfigRemoveRequest::TYPE => Some(CallKind::Write),
        _ => None,
    }
}

/// What leaves instead of `right`, which is asked for only when it is carried out.
pub(super) fn answer(bad: BadAnswer, right: impl FnOnce() -> Answer) -> Answer {
    match bad {
        BadAnswer::Status(code) => {
            Answer::Now(Payload::new(&ErrorResponse::failure(i32::from(code), "told to answer so")))
        }
        BadAnswer::Slow(delay) => later(right(), move |_| delay, |payload| payload),
        BadAnswer::SlowBody(rate) => later(right(), move |payload| time_at(payload, rate), |payload| payload),
        BadAnswer::Truncated => Answer::Broken,
        BadAnswer::WrongLength => changed(right(), |body| body.slice(..body.len() / 2)),
        BadAnswer::Garbage => changed(right(), |body| vec![0xff; body.len().max(16)].into()),
    }
}

/// How long the payload takes at so many bytes per second.
fn time_at(payload: &Payload, rate: u64) -> Duration {
    Duration::from_micros((payload.json().len() as u64).saturating_mul(1_000_000) / rate.max(1))
}

fn later(
    right: Answer,
    delay: impl FnOnce(&Payload) -> Duration + 'static,
    change: impl FnOnce(Payload) -> Payload + 'static,
) -> Answer {
    let right: LocalBoxFuture<'static, Payload> = match right {
        Answer::Now(payload) => Box::pin(std::future::ready(payload)),
        Answer::Later(payload) => payload,
        Answer::Broken => return Answer::Broken,
    };
    Answer::Later(Box::pin(async move {
        let payload = right.await;
        sleep(delay(&payload)).await;
        change(payload)
    }))
}

fn changed(right: Answer, change: impl FnOnce(Bytes) -> Bytes + 'static) -> Answer {
    later(
        right,
        |_| Duration::ZERO,
        |mut payload| {
            if let Some(body) = &mut payload.body {
                body.value = change(std::mem::take(&mut body.value));
            }
            payload
        },
    )
}
