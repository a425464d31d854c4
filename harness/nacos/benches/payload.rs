//! What a message of Nacos' gRPC costs: JSON in protobuf in a frame, written and read.
//!
//! `cargo bench -p shakedown-nacos`

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use shakedown_nacos::ConfigKey;
use shakedown_nacos::grpc::frame::{self, Decoder};
use shakedown_nacos::grpc::message::{ConfigChangeNotifyRequest, ConfigQueryResponse, Pushed};
use shakedown_nacos::grpc::payload::Payload;

fn framed(payload: &Payload) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode_into(payload, &mut bytes).expect("it is below 10 MiB");
    bytes
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("payload");
    let key = ConfigKey::new("shakedown.item-0", "DEFAULT_GROUP", "");
    let notify = ConfigChangeNotifyRequest {
        request_id: Some("12345".to_owned()),
        ..ConfigChangeNotifyRequest::of(&key)
    };
    let bytes = framed(&Payload::new(&notify));
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("notify-written", |bench| bench.iter(|| framed(&Payload::new(black_box(&notify)))));
    group.bench_function("notify-read", |bench| {
        let mut decoder = Decoder::default();
        bench.iter(|| {
            decoder.push(black_box(&bytes));
            let payload = decoder.next_payload().expect("it is a frame").expect("it is whole");
            Pushed::try_from(&payload).expect("it is a notify")
        });
    });
    for size in [256, 64 * 1024] {
        let content = Some("x".repeat(size));
        let response = ConfigQueryResponse { content, ..ConfigQueryResponse::default() };
        let bytes = framed(&Payload::new(&response));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("content-read-{size}"), |bench| {
            let mut decoder = Decoder::default();
            bench.iter(|| {
                decoder.push(black_box(&bytes));
                let payload = decoder.next_payload().expect("it is a frame").expect("it is whole");
                payload.answer::<ConfigQueryResponse>().expect("it is an answer")
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
