//! Answers compared with those of Toxiproxy 2.12.0's binary, to which the same requests were sent.

use std::io::{Read, Write};

use serde_json::{Value, json};

use super::support::{Ending, Harness, Upstream, connect, connected, ending_of, eventually, round_trip};

fn populated() -> Harness {
    let harness = Harness::start(1);
    harness.call(
        "POST",
        "/proxies",
        &json!({"name": "a", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}),
    );
    let latency = json!({"type": "latency", "attributes": {"latency": 100}});
    harness.call("POST", "/proxies/a/toxics", &latency);
    harness
}

#[test]
fn refusals_have_toxiproxys_status_and_text() {
    let harness = populated();
    let stream = "stream was invalid, can be either upstream or downstream";
    let cases = [
        (
            "POST",
            "/proxies",
            r#"{"name":"a","listen":"127.0.0.1:0","upstream":"b:1"}"#,
            409,
            "proxy already exists",
        ),
        ("POST", "/proxies", r#"{"upstream":"b:1"}"#, 400, "missing required field: name"),
        ("POST", "/proxies", r#"{"name":"c"}"#, 400, "missing required field: upstream"),
        ("POST", "/proxies", "", 400, "bad request body: EOF"),
        (
            "POST",
            "/proxies",
            r#"{"name":"e","listen":"nonsense","upstream":"b:1"}"#,
            500,
            "listen tcp: address nonsense: missing port in address",
        ),
        ("GET", "/proxies/zz", "", 404, "proxy not found"),
        ("POST", "/proxies/zz", "{}", 404, "proxy not found"),
        ("DELETE", "/proxies/zz", "", 404, "proxy not found"),
        ("GET", "/proxies/zz/toxics", "", 404, "proxy not found"),
        ("POST", "/proxies/zz/toxics", r#"{"type":"latency"}"#, 404, "proxy not found"),
        ("POST", "/proxies/a/toxics", r#"{"type":"latency"}"#, 409, "toxic already exists"),
        ("POST", "/proxies/a/toxics", r#"{"type":"latency","stream":"sideways"}"#, 400, stream),
        ("POST", "/proxies/a/toxics", r#"{"type":"nope"}"#, 400, "invalid toxic type"),
        ("POST", "/proxies/a/toxics", "{}", 400, "invalid toxic type"),
        ("GET", "/proxies/a/toxics/zz", "", 404, "toxic not found"),
        ("PATCH", "/proxies/a/toxics/zz", "{}", 404, "toxic not found"),
        ("DELETE", "/proxies/a/toxics/zz", "", 404, "toxic not found"),
    ];
    for (method, path, body, status, error) in cases {
        let (got, answer) = harness.raw(method, path, body);
        assert_eq!(got, status, "{method} {path} {body}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer, json!({"error": error, "status": status}), "{method} {path} {body}");
    }
}

#[test]
fn bodies_that_are_no_such_json_are_refused() {
    let harness = populated();
    let cases = [
        ("POST", "/proxies", "garbage"),
        ("POST", "/proxies", r#"{"name":7}"#),
        ("POST", "/proxies", r#"["p","127.0.0.1:0","b:1"]"#),
        ("POST", "/populate", r#"[["p","127.0.0.1:0","b:1"]]"#),
        ("PATCH", "/proxies/a", r#"{"enabled":"yes"}"#),
        ("POST", "/proxies/a/toxics", "garbage"),
        ("POST", "/proxies/a/toxics", r#"{"type":"latency","name":"x","attributes":{"latency":1.5}}"#),
        ("POST", "/proxies/a/toxics", r#"{"type":"latency","name":"x","attributes":{"latency":"15"}}"#),
        ("PATCH", "/proxies/a/toxics/latency_downstream", r#"{"attributes":{"latency":"x"}}"#),
    ];
    for (method, path, body) in cases {
        let (status, answer) = harness.raw(method, path, body);
        assert_eq!(status, 400, "{method} {path} {body}");
        assert!(answer.contains("bad request body: "), "{answer}");
    }
    let body = r#"{"type":"latency","name":"x","attributes":{"latency":1,"jitter":-5}}"#;
    let (_, answer) = harness.raw("POST", "/proxies/a/toxics", body);
    let wanted = "attributes.jitter: `-5` is not a whole number, 0 or more";
    assert!(answer.contains(wanted), "{answer}");
    let toxics = harness.call("GET", "/proxies/a/toxics", &Value::Null);
    assert_eq!(toxics.as_array().unwrap().len(), 1, "nothing came of it");
}

#[test]
fn what_means_nothing_is_refused() {
    let harness = populated();
    for (field, wanted) in
        [("\"toxicity\":1.5", "between 0 and 1"), ("\"attributes\":{\"latency\":-1}", "`-1`")]
    {
        let body = format!(r#"{{"type":"latency","name":"x",{field}}}"#);
        let (status, answer) = harness.raw("POST", "/proxies/a/toxics", &body);
        assert_eq!(status, 400);
        assert!(answer.contains(wanted), "{answer}");
    }
}

#[test]
fn unknown_paths_and_methods_are_turned_away() {
    let harness = populated();
    for path in ["/nope", "/proxies/a/", "/proxies/a/toxics/b/c", "/"] {
        assert_eq!(harness.raw("GET", path, ""), (404, "404 page not found\n".to_owned()), "{path}");
    }
    for (method, path) in [("PUT", "/proxies"), ("GET", "/populate"), ("GET", "/reset"), ("POST", "/version")]
    {
        assert_eq!(harness.raw(method, path, ""), (405, String::new()), "{method} {path}");
    }
}

#[test]
fn proxies_and_toxics_have_toxiproxys_shape() {
    let harness = populated();
    assert_eq!(harness.raw("GET", "/version", ""), (200, "{\"version\": \"2.12.0\"}\n".to_owned()));
    let toxic = harness.raw("GET", "/proxies/a/toxics/latency_downstream", "").1;
    let wanted = r#"{"attributes":{"latency":100,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}"#;
    assert_eq!(toxic, wanted);
    let body = json!({"type": "latency", "stream": "UPSTREAM", "name": "up", "toxicity": 0.3});
    let up = harness.call("POST", "/proxies/a/toxics", &body);
    assert_eq!((&up["stream"], up["toxicity"].to_string()), (&json!("UPSTREAM"), "0.3".to_owned()));
    let patched = harness.call("PATCH", "/proxies/a/toxics/up", &json!({"attributes": {"jitter": 5}}));
    assert_eq!(patched["attributes"], json!({"latency": 0, "jitter": 5}));
    harness.call("POST", "/proxies/a/toxics/up", &json!({"attributes": {"latency": 9}, "toxicity": 1}));
    let proxy = harness.call("GET", "/proxies/a", &Value::Null);
    assert_eq!(proxy["enabled"], json!(true));
    let names: Vec<_> = proxy["toxics"].as_array().unwrap().iter().map(|toxic| &toxic["name"]).collect();
    assert_eq!(names, ["up", "latency_downstream"], "upstream first");
    assert_eq!(proxy["toxics"][0]["attributes"], json!({"latency": 9, "jitter": 5}));
    assert_eq!(harness.call("GET", "/proxies", &Value::Null), json!({ "a": proxy }));
    assert_eq!(harness.raw("DELETE", "/proxies/a/toxics/up", ""), (204, String::new()));
    assert_eq!(harness.raw("POST", "/reset", ""), (204, String::new()));
    assert_eq!(harness.call("GET", "/proxies/a/toxics", &Value::Null), json!([]));
    assert_eq!(harness.raw("DELETE", "/proxies/a", ""), (204, String::new()));
}

#[test]
fn a_name_in_a_path_may_be_encoded() {
    let harness = Harness::start(1);
    let body = json!({"name": "a b/c", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"});
    harness.call("POST", "/proxies", &body);
    assert_eq!(harness.call("GET", "/proxies/a%20b%2Fc", &Value::Null)["name"], json!("a b/c"));
}

#[test]
fn populate_is_idempotent_and_replaces_what_differs() {
    let harness = Harness::start(1);
    let (first, second) = (Upstream::echo(), Upstream::echo());
    let mut body = json!([{"name": "p", "listen": "127.0.0.1:0", "upstream": first.address.to_string()}]);
    let made = harness.call("POST", "/populate", &body);
    let listen = made["proxies"][0]["listen"].clone();
    body[0]["listen"] = listen.clone();
    let address = listen.as_str().unwrap().parse().unwrap();
    let mut client = connected(address);
    assert_eq!(harness.call("POST", "/populate", &body), made);
    round_trip(&mut client, b"the connection lives on");
    body[0]["upstream"] = json!(second.address.to_string());
    harness.call("POST", "/populate", &body);
    assert_eq!(ending_of(&mut client), Ending::Orderly);
    connected(address);
    assert_eq!(second.accepted.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(harness.call("POST", "/populate", &json!([])), json!({ "proxies": null }));
}

#[test]
fn populate_tells_what_was_created_before_an_error() {
    let harness = Harness::start(1);
    let (status, answer) = harness.raw(
        "POST",
        "/populate",
        r#"[{"name":"q","listen":"127.0.0.1:0","upstream":"b:1"},{"name":"r"}]"#,
    );
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let wanted =
        json!({"error": "missing required field: upstream at proxy 2", "status": 400, "proxies": null});
    assert_eq!((status, answer), (400, wanted), "all are checked before any is created");
    let taken = harness.server.api_addr();
    let body = json!([
        {"name": "q", "listen": "127.0.0.1:0", "upstream": "b:1"},
        {"name": "r", "listen": taken.to_string(), "upstream": "b:1"},
    ]);
    let (status, answer) = harness.raw("POST", "/populate", &body.to_string());
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(status, 500);
    assert_eq!(answer["error"], json!(format!("listen tcp {taken}: bind: address already in use")));
    assert_eq!(answer["proxies"].as_array().unwrap().len(), 1);
}

#[test]
fn disabling_closes_and_enabling_opens_the_same_port() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut clients: Vec<_> = (0..20).map(|_| connected(listen)).collect();
    harness.toxic("latency", "upstream", &json!({"latency": 1}));
    let disabled = harness.call("PATCH", "/proxies/p", &json!({"enabled": false}));
    assert_eq!(disabled["enabled"], json!(false));
    for client in &mut clients {
        assert_eq!(ending_of(client), Ending::Orderly);
    }
    assert!(std::net::TcpStream::connect(listen).is_err(), "refused");
    assert_eq!(harness.server.stats().total.connections_open, 0);
    let enabled = harness.call("POST", "/proxies/p", &json!({"enabled": true}));
    assert_eq!(enabled["listen"], json!(listen.to_string()));
    assert_eq!(enabled["toxics"].as_array().unwrap().len(), 1, "toxics outlive it");
    connected(listen);
    harness.call("PATCH", "/proxies/p", &json!({"enabled": false}));
    harness.call("POST", "/reset", &Value::Null);
    connected(listen);
    harness.call("DELETE", "/proxies/p", &Value::Null);
    assert!(std::net::TcpStream::connect(listen).is_err());
}

#[test]
fn a_caller_who_hangs_up_leaves_no_change_half_done() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    for _ in 0..30 {
        // It may be closed just now, by a caller before.
        let _live = std::net::TcpStream::connect(listen);
        let mut caller = std::net::TcpStream::connect(harness.server.api_addr()).unwrap();
        let body = r#"{"enabled":false}"#;
        let length = body.len();
        let head = format!("PATCH /proxies/p HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        caller.write_all(format!("{head}{body}").as_bytes()).unwrap();
        drop(caller);
        harness.call("PATCH", "/proxies/p", &json!({"enabled": true}));
    }
    eventually("the proxy serves on the same port", || {
        harness.call("PATCH", "/proxies/p", &json!({"enabled": true}));
        std::net::TcpStream::connect(listen).is_ok_and(|mut client| {
            let mut byte = [0];
            client.write_all(b"x").is_ok() && client.read_exact(&mut byte).is_ok()
        })
    });
}

#[test]
fn upstream_connections_come_from_the_source_address() {
    let harness = Harness::start(1);
    let upstream = Upstream::echo();
    let body = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": upstream.address.to_string(), "source": "127.0.0.9"});
    let made = harness.call("POST", "/proxies", &body);
    assert_eq!(made["source"], json!("127.0.0.9"));
    connected(made["listen"].as_str().unwrap().parse().unwrap());
    let peers = upstream.peers.lock().unwrap();
    assert_eq!(peers[..], ["127.0.0.9".parse::<std::net::IpAddr>().unwrap()]);
    let (status, answer) = harness.raw("PATCH", "/proxies/p", r#"{"source":"here"}"#);
    assert_eq!(status, 400, "{answer}");
}

#[test]
fn stats_count_what_happened() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let mut client = connected(listen);
    eventually("what was delivered is counted", || {
        let stats = harness.call("GET", "/shakedown/stats", &Value::Null);
        [&stats["total"], &stats["proxies"]["p"]].iter().all(|counts| {
            let bytes = (&counts["bytes_upstream"], &counts["bytes_downstream"]);
            bytes == (&json!(5), &json!(5)) && counts["connections_open"] == json!(1)
        })
    });
    harness.toxic("reset_peer", "downstream", &json!({}));
    assert_eq!(ending_of(&mut client), Ending::Reset);
    assert_eq!(harness.server.stats().proxies["p"].resets, 1);
    let _refused_or_reset = connect(listen);
}
