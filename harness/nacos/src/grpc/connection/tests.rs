//! The connection against a small HTTP/2 server and against peers that misbehave, on real sockets.

mod peer;

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

use self::peer::{Behaviour, serve};
use super::*;
use crate::grpc::message::{
    ConfigChangeNotifyRequest, ConfigChangeNotifyResponse, ConfigQueryRequest, ConfigQueryResponse,
    ConnectionSetupRequest, FromClient, Response as _, ServerCheckRequest, ServerCheckResponse,
};
use crate::grpc::payload::PayloadError;

const LONG: Duration = Duration::from_secs(20);
const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

async fn connect(peer: SocketAddr) -> GrpcConnection {
    GrpcConnection::connect(peer, ANY, GrpcLimits::default()).await.unwrap()
}

async fn next(connection: &mut GrpcConnection) -> Event {
    timeout(LONG, connection.next_event()).await.expect("an event in time")
}

async fn end(connection: &mut GrpcConnection) -> End {
    loop {
        if let Event::Ended(end) = next(connection).await {
            return end;
        }
    }
}

fn check() -> Payload {
    Payload::new(&ServerCheckRequest::default())
}

fn setup() -> Payload {
    Payload::new(&ConnectionSetupRequest::default())
}

#[tokio::test]
async fn a_unary_call_is_answered() {
    let (addr, _) = serve(Behaviour::default()).await;
    let mut connection = connect(addr).await;
    let before = Instant::now();
    let reply = connection.unary(&check()).await.unwrap();
    assert_eq!(reply.payload.answer::<ServerCheckResponse>().unwrap().connection_id, "c-1");
    assert!(reply.received >= before && reply.received <= Instant::now());
}

#[tokio::test]
async fn several_calls_are_in_flight_at_once() {
    let (addr, _) = serve(Behaviour { answers_in_reverse: Some(3), ..Behaviour::default() }).await;
    let mut connection = connect(addr).await;
    let calls: Vec<_> = (0..3).map(|_| connection.call(&check()).unwrap()).collect();
    let mut replied = Vec::new();
    while replied.len() < 3 {
        match next(&mut connection).await {
            Event::Replied { call, result: Ok(_) } => replied.push(call),
            other => panic!("{other:?}"),
        }
    }
    replied.sort_unstable();
    assert_eq!(replied, calls);
}

#[tokio::test]
async fn pushes_arrive_and_are_acknowledged() {
    let (addr, mut seen) = serve(Behaviour { pushes: 3, ..Behaviour::default() }).await;
    let mut connection = connect(addr).await;
    assert!(matches!(connection.send_on_stream(&setup()), Err(SendError::NoStream)));
    connection.open_stream(&setup()).unwrap();
    assert!(matches!(connection.open_stream(&setup()), Err(SendError::SecondStream)));
    for n in 0..3 {
        let Event::Pushed { payload, received } = next(&mut connection).await else { panic!("no push") };
        assert!(received <= Instant::now());
        let notify: ConfigChangeNotifyRequest = payload.read().unwrap();
        assert_eq!(notify.request_id, Some(n.to_string()));
        connection
            .send_on_stream(&Payload::new(&ConfigChangeNotifyResponse::acknowledge(&n.to_string())))
            .unwrap();
    }
    let mut got = Vec::new();
    while got.len() < 4 {
        tokio::select! {
            payload = seen.recv() => got.push(FromClient::try_from(&payload.unwrap()).unwrap()),
            event = connection.next_event() => panic!("{event:?}"),
        }
    }
    assert!(matches!(got[0], FromClient::Setup(_)));
    assert_eq!(got[3], FromClient::Ack { request_id: Some("2".into()), is_success: true });
}

#[tokio::test]
async fn what_came_in_one_read_carries_its_instant_however_late_it_is_taken() {
    let (addr, _) = serve(Behaviour { pushes: 2, ..Behaviour::default() }).await;
    let mut connection = connect(addr).await;
    connection.open_stream(&setup()).unwrap();
    let Event::Pushed { received: first, .. } = next(&mut connection).await else { panic!("no push") };
    let taken = Instant::now();
    let Event::Pushed { received: second, .. } = next(&mut connection).await else { panic!("no push") };
    assert!(first <= second && second <= taken, "the server writes both at once");
}

#[tokio::test]
async fn a_storm_of_small_pushes_is_no_attack() {
    let (addr, _) = serve(Behaviour { pushes: 2_000, ..Behaviour::default() }).await;
    let mut connection = connect(addr).await;
    connection.open_stream(&setup()).unwrap();
    for n in 0..2_000 {
        let event = next(&mut connection).await;
        assert!(matches!(event, Event::Pushed { .. }), "push {n}: {event:?}");
    }
}

#[tokio::test]
async fn frames_split_at_every_byte_are_put_together() {
    let (addr, _) = serve(Behaviour { pushes: 2, splits: true, ..Behaviour::default() }).await;
    let mut connection = connect(addr).await;
    connection.open_stream(&setup()).unwrap();
    for _ in 0..2 {
        assert!(matches!(next(&mut connection).await, Event::Pushed { .. }));
    }
    connection.unary(&check()).await.unwrap();
}

#[tokio::test]
async fn a_reply_larger_than_the_window_arrives_whole() {
    let (addr, _) = serve(Behaviour { content_bytes: 1_000_000, ..Behaviour::default() }).await;
    let mut connection = connect(addr).await;
    let reply = connection.unary(&Payload::new(&ConfigQueryRequest::default())).await.unwrap();
    let content = reply.payload.answer::<ConfigQueryResponse>().unwrap().content.unwrap();
    assert_eq!(content.len(), 1_000_000);
}

#[tokio::test]
async fn a_message_above_the_limit_fails_the_call_alone() {
    let (addr, _) = serve(Behaviour { content_bytes: 5_000, ..Behaviour::default() }).await;
    let limits = GrpcLimits { message_bytes: 1_000, ..GrpcLimits::default() };
    let mut connection = GrpcConnection::connect(addr, ANY, limits).await.unwrap();
    let failed = connection.unary(&Payload::new(&ConfigQueryRequest::default())).await;
    assert!(matches!(failed, Err(RpcError::Frame(FrameError::TooLarge { limit: 1_000, .. }))), "{failed:?}");
    connection.unary(&check()).await.unwrap();
}

#[tokio::test]
async fn a_grpc_status_fails_the_call_alone() {
    let (addr, _) = serve(Behaviour { status: Some("14"), ..Behaviour::default() }).await;
    let mut connection = connect(addr).await;
    let failed = connection.unary(&check()).await;
    assert!(matches!(failed, Err(RpcError::Status { code: 14, .. })), "{failed:?}");
}

#[tokio::test]
async fn an_error_response_is_a_reply_that_refuses() {
    let (addr, _) = serve(Behaviour::default()).await;
    let mut connection = connect(addr).await;
    let unknown = Payload::new(&ConfigChangeNotifyRequest::default());
    let reply = connection.unary(&unknown).await.unwrap();
    let refused = reply.payload.answer::<ServerCheckResponse>();
    assert!(matches!(refused, Err(PayloadError::Refused { error_code: 302, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_cancelled_call_is_never_reported_and_frees_its_place() {
    let (addr, _) = serve(Behaviour { is_mute: true, ..Behaviour::default() }).await;
    let limits = GrpcLimits { pending: 1, ..GrpcLimits::default() };
    let mut connection = GrpcConnection::connect(addr, ANY, limits).await.unwrap();
    let first = connection.call(&check()).unwrap();
    assert!(timeout(Duration::from_millis(50), connection.next_event()).await.is_err());
    assert!(matches!(connection.call(&check()), Err(SendError::Busy(1))));
    connection.cancel(first);
    connection.call(&check()).unwrap();
}

#[tokio::test]
async fn dropping_next_event_loses_nothing() {
    let (addr, _) = serve(Behaviour { pushes: 50, splits: true, ..Behaviour::default() }).await;
    let mut connection = connect(addr).await;
    connection.open_stream(&setup()).unwrap();
    let mut ids = Vec::new();
    while ids.len() < 50 {
        tokio::select! {
            biased;
            event = connection.next_event() => match event {
                Event::Pushed { payload, .. } => {
                    ids.push(payload.read::<ConfigChangeNotifyRequest>().unwrap().request_id.unwrap());
                }
                other => panic!("{other:?}"),
            },
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(ids, (0..50).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_orderly_end_comes_after_what_was_sent_before_it() {
    let (addr, _) = serve(Behaviour { pushes: 2, closes_after_pushes: true, ..Behaviour::default() }).await;
    let mut connection = connect(addr).await;
    connection.open_stream(&setup()).unwrap();
    assert!(matches!(next(&mut connection).await, Event::Pushed { .. }));
    assert!(matches!(next(&mut connection).await, Event::Pushed { .. }));
    assert_eq!(end(&mut connection).await.cause, EndCause::StreamEnded);
    assert_eq!(end(&mut connection).await.cause, EndCause::StreamEnded, "it stays ended");
}

#[tokio::test]
async fn the_end_of_the_stream_is_the_end_of_the_connection() {
    let (addr, _) = serve(Behaviour { ends_stream: true, ..Behaviour::default() }).await;
    let mut connection = connect(addr).await;
    connection.open_stream(&setup()).unwrap();
    assert_eq!(end(&mut connection).await.cause, EndCause::Closed);
}

/// A peer that takes one connection, reads its preface, and does `then`.
async fn raw_peer<F>(then: impl FnOnce(tokio::net::TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut preface = [0; 24];
        socket.read_exact(&mut preface).await.unwrap();
        then(socket).await;
    });
    addr
}

#[tokio::test]
async fn a_reset_is_told_from_a_close() {
    let reset = raw_peer(|socket| async move {
        // Closing with bytes unread, or without lingering, resets.
        socket.set_zero_linger().unwrap();
    })
    .await;
    let mut connection = connect(reset).await;
    let call = connection.unary(&check()).await;
    assert!(matches!(&call, Err(RpcError::Ended(End { cause: EndCause::Reset, .. }))), "{call:?}");
    assert_eq!(end(&mut connection).await.cause, EndCause::Reset);
}

#[tokio::test]
async fn a_close_without_goodbye_is_orderly() {
    let closed = raw_peer(|mut socket| async move {
        socket.shutdown().await.unwrap();
        // Read all that comes, so that no unread byte turns the close into a reset.
        drop(tokio::io::copy(&mut socket, &mut tokio::io::sink()).await);
    })
    .await;
    let mut connection = connect(closed).await;
    connection.call(&check()).unwrap();
    assert_eq!(end(&mut connection).await.cause, EndCause::Closed);
}

#[tokio::test]
async fn garbage_is_a_protocol_error() {
    let garbage = raw_peer(|mut socket| async move {
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        drop(tokio::io::copy(&mut socket, &mut tokio::io::sink()).await);
    })
    .await;
    let mut connection = connect(garbage).await;
    assert_eq!(end(&mut connection).await.cause, EndCause::Protocol);
}

#[tokio::test]
async fn a_peer_that_never_answers_leaves_the_caller_in_charge() {
    let (tx, rx) = tokio::sync::oneshot::channel::<()>();
    let silent = raw_peer(|socket| async move {
        drop(rx.await);
        drop(socket);
    })
    .await;
    let mut connection = connect(silent).await;
    let call = connection.call(&check()).unwrap();
    assert!(timeout(Duration::from_millis(100), connection.next_event()).await.is_err());
    connection.cancel(call);
    drop(tx);
    assert!(matches!(end(&mut connection).await.cause, EndCause::Reset | EndCause::Closed));
}

#[tokio::test]
async fn every_push_of_a_long_burst_is_acknowledged() {
    // Many more at once, and `h2` takes their acks for an attack.
    const PUSHES: u32 = 100;
    let (addr, mut seen) = serve(Behaviour { pushes: PUSHES, ..Behaviour::default() }).await;
    let collected = tokio::spawn(async move {
        let mut acks = 0;
        while acks < PUSHES {
            let message = FromClient::try_from(&seen.recv().await.expect("the peer goes on")).unwrap();
            acks += u32::from(matches!(message, FromClient::Ack { .. }));
        }
        acks
    });
    let mut connection = connect(addr).await;
    connection.open_stream(&setup()).unwrap();
    for n in 0..PUSHES {
        // All of them have come by the second or so, and are taken one after the other.
        let event = next(&mut connection).await;
        assert!(matches!(event, Event::Pushed { .. }), "{event:?}");
        let ack = Payload::new(&ConfigChangeNotifyResponse::acknowledge(&n.to_string()));
        connection.send_on_stream(&ack).unwrap();
    }
    let acks = tokio::select! {
        biased;
        event = connection.next_event() => panic!("{event:?}"),
        acks = timeout(LONG, collected) => acks.expect("all acks in time").unwrap(),
    };
    assert_eq!(acks, PUSHES);
}

#[tokio::test]
async fn a_stalled_peer_bounds_what_waits_to_be_sent() {
    let (_tx, rx) = tokio::sync::oneshot::channel::<()>();
    let silent = raw_peer(|socket| async move {
        drop(rx.await);
        drop(socket);
    })
    .await;
    let mut connection = connect(silent).await;
    connection.open_stream(&setup()).unwrap();
    let ack = Payload::new(&ConfigChangeNotifyResponse::failure(500, &"x".repeat(10_000)));
    let mut sent = 0;
    let refused = loop {
        match connection.send_on_stream(&ack) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        drop(timeout(Duration::from_millis(1), connection.next_event()).await);
        assert!(sent < 2_000, "nothing bounds the outbox");
    };
    assert!(matches!(refused, SendError::Busy(1024)), "{refused:?}");
}
