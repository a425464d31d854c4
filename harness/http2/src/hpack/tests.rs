//! The examples of RFC 7541 Appendix C, and what the decoder must refuse.

use super::{Decoder, Fields, encode};
use crate::error::ErrorCode;

const LIMIT: usize = 16 * 1024;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn listed(fields: &Fields) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    fields.iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn check(decoder: &mut Decoder, section: &str, fields: &[(&str, &str)]) {
    assert_eq!(listed(&decoder.decode(&hex(section), LIMIT).unwrap()), pairs(fields));
}

const FIRST: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
const THIRD: [(&str, &str); 5] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":path", "/index.html"),
    (":authority", "www.example.com"),
    ("custom-key", "custom-value"),
];

/// RFC 7541 §C.2.
#[test]
fn single_fields() {
    let mut decoder = Decoder::new();
    check(
        &mut decoder,
        "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
        &[("custom-key", "custom-header")],
    );
    check(&mut decoder, "040c 2f73 616d 706c 652f 7061 7468", &[(":path", "/sample/path")]);
    check(&mut decoder, "1008 7061 7373 776f 7264 0673 6563 7265 74", &[("password", "secret")]);
    check(&mut decoder, "82", &[(":method", "GET")]);
    check(&mut decoder, "be", &[("custom-key", "custom-header")]);
}

/// RFC 7541 §C.3: one connection's requests, without Huffman coding.
#[test]
fn requests_with_a_table() {
    let mut decoder = Decoder::new();
    check(&mut decoder, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", &FIRST);
    let second = [&FIRST[..], &[("cache-control", "no-cache")]].concat();
    check(&mut decoder, "8286 84be 5808 6e6f 2d63 6163 6865", &second);
    check(&mut decoder, "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", &THIRD);
}

/// RFC 7541 §C.4: the same with Huffman coding.
#[test]
fn requests_with_a_table_and_huffman_coding() {
    let mut decoder = Decoder::new();
    check(&mut decoder, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", &FIRST);
    let second = [&FIRST[..], &[("cache-control", "no-cache")]].concat();
    check(&mut decoder, "8286 84be 5886 a8eb 1064 9cbf", &second);
    check(&mut decoder, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", &THIRD);
}

/// RFC 7541 §C.6, where the table of 256 bytes drives entries out; its size is set by an update here.
#[test]
fn responses_drive_entries_out() {
    let mut decoder = Decoder::new();
    let date = "Mon, 21 Oct 2013 20:13:21 GMT";
    check(
        &mut decoder,
        "3fe1 01 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad \
         1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        &[
            (":status", "302"),
            ("cache-control", "private"),
            ("date", date),
            ("location", "https://www.example.com"),
        ],
    );
    check(
        &mut decoder,
        "4883 640e ffc1 c0bf",
        &[
            (":status", "307"),
            ("cache-control", "private"),
            ("date", date),
            ("location", "https://www.example.com"),
        ],
    );
    // `:status: 302` was driven out: four entries are left.
    assert_eq!(decoder.decode(&hex("c2"), LIMIT).unwrap_err().code, ErrorCode::COMPRESSION_ERROR);
}

#[test]
fn what_is_encoded_is_decoded() {
    let fields = [
        (":method", "POST"),
        (":path", "/Request/request"),
        ("content-type", "application/grpc"),
        ("x-long", &"é".repeat(500)),
        ("accept-charset", ""),
    ];
    let mut out = Vec::new();
    encode(&fields, true, &mut out);
    let mut decoder = Decoder::new();
    decoder.forbid_table();
    assert_eq!(listed(&decoder.decode(&out, LIMIT).unwrap()), pairs(&fields));
}

#[test]
fn a_table_that_was_given_up_is_gone() {
    let mut decoder = Decoder::new();
    check(&mut decoder, "4001 6101 62", &[("a", "b")]);
    decoder.forbid_table();
    assert!(decoder.decode(&hex("82"), LIMIT).is_err(), "the update is missing");
    check(&mut decoder, "2082", &[(":method", "GET")]);
    assert!(decoder.decode(&hex("be"), LIMIT).is_err());
    assert!(decoder.decode(&hex("3f01 82"), LIMIT).is_err(), "32 bytes are more than none");
    check(&mut decoder, "4001 6101 62", &[("a", "b")]);
}

#[test]
fn broken_sections_are_compression_errors() {
    for section in ["80", "be", "82 20", "3fe2 1f", "40", "4001", "0001 61", "0001 6185", "7fff ffff ffff 0f"]
    {
        let error = Decoder::new().decode(&hex(section), LIMIT).unwrap_err();
        assert_eq!(error.code, ErrorCode::COMPRESSION_ERROR, "{section}");
    }
}

#[test]
fn a_section_that_is_too_large_is_decoded_but_not_kept() {
    let mut decoder = Decoder::new();
    let mut section = hex("4001 61");
    section.push(100);
    section.extend([b'x'; 100]);
    section.extend([0xbe; 200]);
    let fields = decoder.decode(&section, 1_000).unwrap();
    assert!(fields.is_too_large());
    assert_eq!(fields.iter().count(), 0);
    assert_eq!(decoder.decode(&[0xbe], 1_000).unwrap().get("a").unwrap().len(), 100);
}

#[test]
fn malformed_fields_are_told_from_good_ones() {
    let is_good = |fields: &[(&str, &str)]| {
        let mut out = Vec::new();
        encode(fields, false, &mut out);
        Decoder::new().decode(&out, LIMIT).unwrap().is_well_formed()
    };
    assert!(is_good(&[(":path", "/"), ("te", "trailers"), ("x", "a b")]));
    for bad in [
        ("X", "a"),
        ("", "a"),
        ("a b", "c"),
        ("a", " b"),
        ("a", "b\n"),
        ("te", "gzip"),
        ("connection", "close"),
    ] {
        assert!(!is_good(&[bad]), "{bad:?}");
    }
    assert!(!is_good(&[("a", "b"), (":path", "/")]));
}
