//! Frames under every split, limit and flag.

use proptest::prelude::*;

use super::*;
use crate::grpc::payload::{Any, Metadata};

fn payloads() -> impl Strategy<Value = Payload> {
    let headers = prop::collection::btree_map("[a-z]{1,8}", ".{0,8}", 0..3);
    let metadata = ("[A-Za-z]{0,20}", headers, "[0-9.]{0,15}")
        .prop_map(|(r#type, headers, client_ip)| Metadata { r#type, headers, client_ip });
    let body = prop::collection::vec(any::<u8>(), 0..100)
        .prop_map(|value| Any { type_url: String::new(), value: value.into() });
    (prop::option::of(metadata), prop::option::of(body))
        .prop_map(|(metadata, body)| Payload { metadata, body })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_under_any_split(
        sent in prop::collection::vec(payloads(), 0..5),
        chunk in 1_usize..40,
    ) {
        let wire: Vec<u8> = sent.iter().flat_map(|payload| encode(payload).unwrap()).collect();
        let mut decoder = Decoder::default();
        let mut received = Vec::new();
        for bytes in wire.chunks(chunk) {
            decoder.push(bytes);
            while let Some(payload) = decoder.next_payload().unwrap() {
                received.push(payload);
            }
        }
        prop_assert!(decoder.finish().is_ok());
        prop_assert_eq!(received, sent);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        while let Ok(Some(_)) = decoder.next_payload() {}
    }

    #[test]
    fn an_arbitrary_message_never_panics(message in prop::collection::vec(any::<u8>(), 0..255)) {
        let mut decoder = Decoder::default();
        decoder.push(&[0, 0, 0, 0, u8::try_from(message.len()).unwrap()]);
        decoder.push(&message);
        drop(decoder.next_payload());
    }
}

#[test]
fn the_tags_are_those_of_the_proto() {
    let metadata = Metadata {
        r#type: "T".into(),
        headers: [("k".to_owned(), "v".to_owned())].into(),
        client_ip: "i".into(),
    };
    let payload = Payload {
        metadata: Some(metadata),
        body: Some(Any { type_url: String::new(), value: Bytes::from_static(b"{}") }),
    };
    // Field 2 { 3: "T", 7: { 1: "k", 2: "v" }, 8: "i" }, field 3 { 2: "{}" }.
    let expected = b"\x12\x0e\x1a\x01T\x3a\x06\x0a\x01k\x12\x01v\x42\x01i\x1a\x04\x12\x02{}";
    assert_eq!(payload.encode_to_vec(), expected);
}

#[test]
fn the_limit_holds_before_the_message_is_here() {
    let mut decoder = Decoder::with_limit(100);
    decoder.push(&[0, 0, 0, 0, 101]);
    assert!(matches!(decoder.next_payload(), Err(FrameError::TooLarge { bytes: 101, limit: 100 })));
    let huge = Any { type_url: String::new(), value: vec![b'x'; MAX_MESSAGE_BYTES].into() };
    assert!(matches!(
        encode(&Payload { metadata: None, body: Some(huge) }),
        Err(FrameError::TooLarge { .. })
    ));
}

#[test]
fn a_compressed_message_is_refused() {
    let mut decoder = Decoder::default();
    decoder.push(&[1, 0, 0, 0, 0]);
    assert!(matches!(decoder.next_payload(), Err(FrameError::Flag(1))));
}

#[test]
fn a_stream_that_ends_within_a_frame_is_cut_short() {
    let mut decoder = Decoder::default();
    decoder.push(&[0, 0]);
    assert!(matches!(decoder.next_payload(), Ok(None)));
    assert!(matches!(decoder.finish(), Err(FrameError::CutShort(2))));
}
