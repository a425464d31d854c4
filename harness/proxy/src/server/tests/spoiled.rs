//! Toxics that act on requests, frames and messages, on followed proxies.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::{Ending, Harness, connect, ending_of, eventually};

/// Serves every connection on a thread of its own, until its client leaves.
fn upstream(serve: fn(TcpStream) -> std::io::Result<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            // A client that breaks off is no matter here.
            std::thread::spawn(move || serve(client.unwrap()).unwrap_or_default());
        }
    });
    address
}

/// Answers each request without a body.
fn http1(mut client: TcpStream) -> std::io::Result<()> {
    let mut said = Vec::new();
    let mut byte = [0];
    while client.read(&mut byte)? > 0 {
        said.push(byte[0]);
        if said.ends_with(b"\r\n\r\n") {
            client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n01234567")?;
            said.clear();
        }
    }
    Ok(())
}

/// Says SETTINGS, and then back what comes after the preface.
fn http2(mut client: TcpStream) -> std::io::Result<()> {
    client.write_all(&frame((4, 0), 0, b""))?;
    client.read_exact(&mut [0; 24])?;
    let mut buffer = [0; 1024];
    loop {
        let length = client.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..length])?;
    }
}

fn frame((kind, flags): (u8, u8), stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn followed(harness: &Harness, upstream: SocketAddr) -> SocketAddr {
    let body =
        json!({"name": "p", "listen": "127.0.0.1:0", "upstream": upstream.to_string(), "follow": true});
    let view = harness.call("POST", "/proxies", &body);
    assert_eq!(view["follow"], true);
    view["listen"].as_str().unwrap().parse().unwrap()
}

fn counts(harness: &Harness, toxic: &str) -> (u64, u64) {
    let view = harness.call("GET", &format!("/proxies/p/toxics/{toxic}-downstream"), &Value::Null);
    (view["acted"].as_u64().unwrap(), view["of"].as_u64().unwrap())
}

/// The answer to one request: as much as comes before `end`.
fn ask(client: &mut TcpStream, end: &[u8]) -> String {
    client.write_all(b"GET /config HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(end) {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn requests_are_answered_badly_and_well_again_on_one_connection() {
    let harness = Harness::start(2);
    let mut client = connect(followed(&harness, upstream(http1)));
    assert!(ask(&mut client, b"01234567").starts_with("HTTP/1.1 200"));
    let spoil = |with: Value| {
        let mut attributes = json!({"requests": [{"path_end": "/config"}], "share_ppm": 1_000_000});
        attributes.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        harness.toxic("answers", "downstream", &attributes);
    };
    spoil(json!({"with": "status", "status": 404, "body": "nothing here"}));
    assert!(ask(&mut client, b"nothing here").starts_with("HTTP/1.1 404 Not Found\r\n"));
    assert_eq!(counts(&harness, "answers"), (1, 1));
    harness.heal("answers", "downstream");
    assert!(ask(&mut client, b"01234567").starts_with("HTTP/1.1 200"));
    spoil(json!({"with": "slow", "delay": 150}));
    let asked = Instant::now();
    ask(&mut client, b"01234567");
    assert!(asked.elapsed() >= Duration::from_millis(150));
    harness.heal("answers", "downstream");
    spoil(json!({"with": "slow_body", "rate": 40}));
    let asked = Instant::now();
    ask(&mut client, b"01234567");
    assert!(asked.elapsed() >= Duration::from_millis(200));
    harness.heal("answers", "downstream");
    spoil(json!({"with": "truncated"}));
    assert!(ask(&mut client, b"0123").contains("content-length: 8\r\n"));
    assert_eq!(ending_of(&mut client), Ending::Orderly);
}

#[test]
fn frames_are_put_in_held_and_let_go_on_a_live_connection() {
    let harness = Harness::start(2);
    let mut client = connect(followed(&harness, upstream(http2)));
    let message = [&[0, 0, 0, 0, 5][..], b"Setup"].concat();
    let opening = [frame((1, 4), 1, b"fields"), frame((0, 0), 1, &message)].concat();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    client.write_all(&opening).unwrap();
    let mut read = |length: usize| {
        let mut bytes = vec![0; length];
        client.read_exact(&mut bytes).unwrap();
        bytes
    };
    assert_eq!(read(9 + opening.len()), [frame((4, 0), 0, b""), opening].concat());
    let first = json!({"first": b"Setup"});
    harness.toxic("go_away", "downstream", &first);
    assert_eq!(read(9)[3], 7, "a GOAWAY");
    assert_eq!(read(27)[8..], *b"told to say goodbye");
    assert_eq!(counts(&harness, "go_away"), (1, 1));

    harness.toxic("stalled_window", "downstream", &first);
    let (data, ping) = (frame((0, 0), 1, &message), frame((6, 0), 0, b"12345678"));
    client.write_all(&[&data[..], &ping].concat()).unwrap();
    let mut bytes = vec![0; ping.len()];
    client.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, ping, "content is held");
    assert_eq!(counts(&harness, "stalled_window"), (1, 1));
    harness.heal("stalled_window", "downstream");
    let mut bytes = vec![0; data.len()];
    client.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, data);

    harness.toxic("stalled_window", "downstream", &first);
    client.write_all(&data).unwrap();
    eventually("content is held again", || counts(&harness, "stalled_window").0 == 1);
    drop(client);
    eventually("nothing stays behind", || harness.server.stats().total.connections_open == 0);
}

#[test]
fn a_proxy_that_does_not_follow_says_so() {
    let harness = Harness::start(1);
    let body = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"});
    assert_eq!(harness.call("POST", "/proxies", &body)["follow"], Value::Null);
    let (status, why) = harness.raw("POST", "/proxies/p/toxics", r#"{"type": "go_away"}"#);
    assert!(status == 400 && why.contains("create it with `follow`"), "{status} {why}");
    // Of the same addresses, but followed, it is another.
    let listen = harness.call("GET", "/proxies/p", &Value::Null)["listen"].clone();
    let body = json!([{"name": "p", "listen": listen, "upstream": "127.0.0.1:1", "follow": true}]);
    harness.call("POST", "/populate", &body);
    harness.toxic("go_away", "downstream", &json!({}));
    assert_eq!(counts(&harness, "go_away"), (0, 0));
}
