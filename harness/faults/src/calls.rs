//! What of Nacos' protocol a proxy must be told, to do to calls and streams what it is asked to: paths, names of types, and
//! messages as bytes (nacos-facts.md §1.2, §1.7 and §2.1). The proxy itself knows HTTP alone.

use serde_json::{Value, json};
use shakedown_model::fault::{AnswerTrouble, BadAnswer, CallKind, PathTrouble, StreamTrouble};

/// What a client says first on the stream of pushes.
const SETUP: &str = "ConnectionSetupRequest";
/// How it acknowledges a push; the Go SDK (2.3.5, seen) takes naming's type for it.
const ACKS: [&str; 2] = ["ConfigChangeNotifyResponse", "NotifySubscriberResponse"];
/// What a server answers without doing anything.
const HARMLESS: (&str, &str) = ("HealthCheckRequest", "{}");

/// The embedded proxy's toxic that does it.
pub(crate) const fn toxic(trouble: PathTrouble) -> &'static str {
    match trouble {
        PathTrouble::Stream { what: StreamTrouble::SwallowedAck, .. } => "swallowed",
        _ => trouble.name(),
    }
}

/// Its attributes.
pub(crate) fn attributes(trouble: PathTrouble) -> Value {
    match trouble {
        PathTrouble::Answers(answers) => answered(answers),
        PathTrouble::Stream { what: StreamTrouble::SwallowedAck, share_ppm } => {
            json!({"messages": ACKS.map(named), "share_ppm": share_ppm})
        }
        PathTrouble::Stream { .. } => json!({"first": named(SETUP)}),
    }
}

fn answered(AnswerTrouble { to, share_ppm, bad }: AnswerTrouble) -> Value {
    let meant = [CallKind::Read, CallKind::Listen, CallKind::Write, CallKind::Login];
    let meant = meant.into_iter().filter(|kind| to.has(*kind));
    let requests: Vec<Value> = meant.clone().flat_map(requests).collect();
    let messages: Vec<Vec<u8>> = meant.flat_map(|kind| types(kind).iter().map(|name| named(name))).collect();
    let mut attributes = json!({"requests": requests, "messages": messages, "share_ppm": share_ppm});
    let with = match bad {
        BadAnswer::Status(code) => json!({
            "with": "status",
            "status": code,
            "body": json!({"status": code, "error": "Spoiled", "message": "told to answer so"}).to_string(),
            "ask": framed(HARMLESS.0, HARMLESS.1),
            "answer": framed("ErrorResponse", &error(code)),
        }),
        BadAnswer::Slow(delay) => json!({"with": "slow", "delay": millis(delay)}),
        BadAnswer::SlowBody(rate) => json!({"with": "slow_body", "rate": rate}),
        BadAnswer::Truncated => json!({"with": "truncated"}),
        BadAnswer::WrongLength => json!({"with": "wrong_length"}),
        BadAnswer::Garbage => json!({"with": "garbage"}),
    };
    if let (Some(all), Value::Object(with)) = (attributes.as_object_mut(), with) {
        all.extend(with);
    }
    attributes
}

fn millis(delay: std::time::Duration) -> u64 {
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}

/// The requests of HTTP that are calls of this kind, by method and the end of their path, of v1, v2 and v3.
fn requests(kind: CallKind) -> Vec<Value> {
    let of = |methods: &[&str], ends: &[&str]| {
        ends.iter().map(|end| json!({"methods": methods, "path_end": end})).collect()
    };
    let configs = ["/cs/configs", "/cs/config"];
    match kind {
        CallKind::Read => of(&["GET"], &configs),
        CallKind::Listen => of(&["POST"], &["/configs/listener"]),
        CallKind::Write => of(&["POST", "PUT", "DELETE"], &configs),
        CallKind::Login => of(&["POST"], &["/auth/users/login", "/auth/user/login", "/auth/login"]),
    }
}

/// The requests over gRPC that are.
const fn types(kind: CallKind) -> &'static [&'static str] {
    match kind {
        CallKind::Read => &["ConfigQueryRequest"],
        CallKind::Listen => &["ConfigBatchListenRequest"],
        CallKind::Write => &["ConfigPublishRequest", "ConfigRemoveRequest"],
        CallKind::Login => &[],
    }
}

fn error(code: u16) -> String {
    json!({"resultCode": 500, "errorCode": code, "message": "told to answer so", "success": false})
        .to_string()
}

/// A type's name as it stands in a message: field 3 of the metadata.
fn named(name: &str) -> Vec<u8> {
    field(3, name.as_bytes())
}

/// A whole message as it stands in a stream: a payload (metadata in field 2, an `Any` in field 3, whose value is in its
/// field 2) behind gRPC's flag and length.
fn framed(name: &str, json: &str) -> Vec<u8> {
    let metadata = field(2, &named(name));
    let body = field(3, &field(2, json.as_bytes()));
    let length = u32::try_from(metadata.len() + body.len()).unwrap_or(u32::MAX);
    [&[0][..], &length.to_be_bytes(), &metadata, &body].concat()
}

/// A field of bytes in protobuf; below 16,384 of them.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len();
    let low = |bits: usize| u8::try_from(bits & 0x7f).unwrap_or_default();
    let mut out = vec![number << 3 | 2];
    if length < 0x80 {
        out.push(low(length));
    } else {
        out.extend([low(length) | 0x80, low(length >> 7)]);
    }
    out.extend_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests {
    use shakedown_model::fault::{ALL_PPM, Calls};

    use super::*;

    #[test]
    fn a_message_stands_as_protobuf_puts_it() {
        let bytes = framed("Ab", "{}");
        assert_eq!(bytes, b"\0\0\0\0\x0c\x12\x04\x1a\x02Ab\x1a\x04\x12\x02{}");
        let long = field(3, &[b'x'; 300]);
        assert_eq!(long[..3], [0x1a, 0xac, 0x02]);
    }

    #[test]
    fn each_kind_of_call_is_named_for_both_protocols() {
        let to = Calls::default().with(CallKind::Read).with(CallKind::Listen);
        let trouble = AnswerTrouble { to, share_ppm: ALL_PPM, bad: BadAnswer::Status(403) };
        let attributes = attributes(PathTrouble::Answers(trouble));
        let text = attributes.to_string();
        assert!(text.contains(r#"{"methods":["GET"],"path_end":"/cs/configs"}"#), "{text}");
        assert!(text.contains(r#"{"methods":["POST"],"path_end":"/configs/listener"}"#), "{text}");
        assert_eq!(
            attributes["messages"],
            json!([named("ConfigQueryRequest"), named("ConfigBatchListenRequest")])
        );
        assert_eq!(attributes["status"], 403);
        assert!(!text.contains("login"), "{text}");
    }
}
