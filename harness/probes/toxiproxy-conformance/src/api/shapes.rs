//! What answers look like when all is well.

use serde_json::{Value, json};

use super::clean;
use crate::suite::{Expected, Suite};

/// An address that nobody listens on: port 1 of the loopback.
const NOWHERE: &str = "127.0.0.1:1";

pub(super) fn run(suite: &mut Suite) {
    version(suite);
    let got = proxies(suite);
    suite.holds("proxies: create, list, show, update, delete", got);
    let got = logger(suite);
    suite.differs(
        "proxies: fields",
        "Toxiproxy also shows an empty Logger, by mistake",
        got,
        Expected {
            ours: "enabled listen name toxics upstream".to_owned(),
            toxiproxys: "Logger enabled listen name toxics upstream".to_owned(),
        },
    );
    let got = listen(suite);
    suite.holds("proxies: the listen address is rewritten to the one that is bound", got);
    for (kind, attributes) in [
        ("latency", json!({"latency": 0, "jitter": 0})),
        ("bandwidth", json!({"rate": 0})),
        ("slow_close", json!({"delay": 0})),
        ("timeout", json!({"timeout": 0})),
        ("reset_peer", json!({"timeout": 0})),
        ("slicer", json!({"average_size": 0, "size_variation": 0, "delay": 0})),
        ("limit_data", json!({"bytes": 0})),
        ("noop", json!({})),
    ] {
        let got = bare_toxic(suite, kind);
        let wanted = json!({"name": format!("{kind}_downstream"), "type": kind, "stream": "downstream", "toxicity": 1, "attributes": attributes});
        suite.same(format!("toxics: {kind} with its defaults"), got, &wanted);
    }
    let got = toxics(suite);
    suite.holds("toxics: create, list, show, update, delete", got);
    let got = lenient(suite);
    suite.holds("bodies: fields in any case, nulls, and what follows the first value", got);
    let got = reset(suite);
    suite.holds("reset: toxics gone, proxies enabled", got);
    let got = populate(suite);
    suite.holds("populate: creates, keeps what is the same, replaces what differs, empty is null", got);
    let got = encoded(suite, "a%20b", "a b");
    suite.same("names: encoded in a path", got, &200);
    let got = clean(suite);
    suite.holds("every proxy can be deleted", got);
}

/// Leaves a proxy behind that Toxiproxy cannot delete, so it comes last.
pub(super) fn slash(suite: &mut Suite) {
    let got = encoded(suite, "a%2Fb", "a/b");
    let expected = Expected { ours: 200, toxiproxys: 404 };
    suite.differs("names: with a slash", "a proxy of that name can be reached", got, expected);
}

fn version(suite: &mut Suite) {
    let answer = suite.request("GET", "/version", "");
    let got = answer.map(|answer| (answer.status, answer.header("content-type"), answer.body));
    let wanted =
        (200, Some("application/json;charset=utf-8".to_owned()), "{\"version\": \"2.12.0\"}\n".to_owned());
    suite.same("version", got, &wanted);
    let got = suite
        .request("GET", "/version", "")
        .map(|answer| answer.header("x-toxiproxy-request-id").map(|id| id.len()));
    suite.same("every answer names its request", got, &Some(20));
}

fn proxies(suite: &Suite) -> Result<(), String> {
    let body = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": NOWHERE});
    let answer = suite.request("POST", "/proxies", &body.to_string())?;
    want(answer.status == 201, || format!("created with {}", answer.status))?;
    want(answer.header("content-type").as_deref() == Some("application/json"), || answer.head.clone())?;
    let made = suite.call("GET", "/proxies/p", &Value::Null)?;
    let created: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    want(made == created, || format!("{made} is not what was created: {created}"))?;
    want(made["enabled"] == json!(true) && made["toxics"] == json!([]), || made.to_string())?;
    want(suite.call("GET", "/proxies", &Value::Null)? == json!({"p": made}), || {
        "the list differs".to_owned()
    })?;
    for method in ["POST", "PATCH"] {
        let off = suite.call(method, "/proxies/p", &json!({"enabled": false}))?;
        want(off["enabled"] == json!(false) && off["listen"] == made["listen"], || off.to_string())?;
        let on = suite.call(method, "/proxies/p", &json!({"enabled": true}))?;
        want(on == made, || format!("{on} after {made}"))?;
    }
    let moved = suite.call("PATCH", "/proxies/p", &json!({"upstream": "127.0.0.1:2", "name": "other"}))?;
    want(moved["upstream"] == json!("127.0.0.1:2") && moved["name"] == json!("p"), || moved.to_string())?;
    let gone = suite.request("DELETE", "/proxies/p", "")?;
    want((gone.status, gone.body.as_str()) == (204, ""), || {
        format!("deleted with {} {}", gone.status, gone.body)
    })
}

fn logger(suite: &Suite) -> Result<String, String> {
    let made = suite.call(
        "POST",
        "/proxies",
        &json!({"name": "p", "listen": "127.0.0.1:0", "upstream": NOWHERE}),
    )?;
    suite.call("DELETE", "/proxies/p", &Value::Null)?;
    let names: Vec<_> = made.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect();
    Ok(names.join(" "))
}

fn listen(suite: &Suite) -> Result<(), String> {
    for (given, host) in
        [("127.0.0.1:0", "127.0.0.1:"), ("localhost:0", "127.0.0.1:"), ("", "[::]:"), (":0", "[::]:")]
    {
        let made =
            suite.call("POST", "/proxies", &json!({"name": "p", "listen": given, "upstream": NOWHERE}))?;
        suite.call("DELETE", "/proxies/p", &Value::Null)?;
        let listen = made["listen"].as_str().unwrap_or_default();
        let port = listen.strip_prefix(host).and_then(|port| port.parse::<u16>().ok());
        want(port.is_some_and(|port| port > 0), || format!("`{given}` became `{listen}`"))?;
    }
    let off = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": NOWHERE, "enabled": false});
    let made = suite.call("POST", "/proxies", &off)?;
    suite.call("DELETE", "/proxies/p", &Value::Null)?;
    want(made["listen"] == json!("127.0.0.1:0"), || format!("a disabled one is not bound: {made}"))
}

fn bare_toxic(suite: &Suite, kind: &str) -> Result<Value, String> {
    with_proxy(suite, || suite.call("POST", "/proxies/p/toxics", &json!({ "type": kind })))
}

fn toxics(suite: &Suite) -> Result<(), String> {
    with_proxy(suite, || {
        let path = "/proxies/p/toxics";
        suite.call("POST", path, &json!({"type": "latency", "attributes": {"latency": 100}}))?;
        let up = json!({"type": "latency", "stream": "UPSTREAM", "name": "up", "toxicity": 0.25});
        let made = suite.call("POST", path, &up)?;
        want(made["stream"] == json!("UPSTREAM") && made["toxicity"] == json!(0.25), || made.to_string())?;
        let list = suite.call("GET", path, &Value::Null)?;
        let names: Vec<_> =
            list.as_array().into_iter().flatten().map(|toxic| toxic["name"].clone()).collect();
        want(names == [json!("up"), json!("latency_downstream")], || format!("upstream first: {list}"))?;
        want(suite.call("GET", "/proxies/p", &Value::Null)?["toxics"] == list, || {
            "the proxy shows others".to_owned()
        })?;
        let one = "/proxies/p/toxics/up";
        for (method, change, wanted) in [
            (
                "PATCH",
                json!({"attributes": {"jitter": 5}}),
                (json!({"latency": 0, "jitter": 5}), json!(0.25)),
            ),
            (
                "POST",
                json!({"attributes": {"latency": 9}, "toxicity": 1}),
                (json!({"latency": 9, "jitter": 5}), json!(1)),
            ),
            (
                "PATCH",
                json!({"name": "x", "type": "slicer", "stream": "downstream"}),
                (json!({"latency": 9, "jitter": 5}), json!(1)),
            ),
            (
                "PATCH",
                json!({"attributes": {"bogus": 1, "latency": null}}),
                (json!({"latency": 9, "jitter": 5}), json!(1)),
            ),
        ] {
            let got = suite.call(method, one, &change)?;
            let same = got["attributes"] == wanted.0 && got["toxicity"] == wanted.1;
            want(same && got["name"] == json!("up") && got["type"] == json!("latency"), || {
                format!("{change} made {got}")
            })?;
        }
        want(suite.call("GET", one, &Value::Null)?["attributes"]["latency"] == json!(9), || {
            "not kept".to_owned()
        })?;
        let gone = suite.request("DELETE", one, "")?;
        want((gone.status, gone.body.as_str()) == (204, ""), || format!("deleted with {}", gone.status))
    })
}

fn lenient(suite: &Suite) -> Result<(), String> {
    let body = r#"{"Name":"p","LISTEN":"127.0.0.1:0","upStream":"127.0.0.1:1","enabled":null} and more"#;
    let answer = suite.request("POST", "/proxies", body)?;
    want(answer.status == 201, || format!("{} {}", answer.status, answer.body))?;
    let toxic =
        r#"{"type":"latency","attributes":{"LATENCY":5,"jitter":null},"toxicity":null,"stream":"Upstream"}"#;
    let answer = suite.request("POST", "/proxies/p/toxics", toxic)?;
    suite.call("DELETE", "/proxies/p", &Value::Null)?;
    let wanted = r#"{"attributes":{"latency":5,"jitter":0},"name":"latency_Upstream","type":"latency","stream":"Upstream","toxicity":1}"#;
    want(answer.body == wanted, || format!("byte by byte: {} instead of {wanted}", answer.body))
}

fn reset(suite: &Suite) -> Result<(), String> {
    with_proxy(suite, || {
        suite.call("POST", "/proxies/p/toxics", &json!({"type": "latency"}))?;
        suite.call("POST", "/proxies/p", &json!({"enabled": false}))?;
        let answer = suite.request("POST", "/reset", "")?;
        want((answer.status, answer.body.as_str()) == (204, ""), || {
            format!("{} {}", answer.status, answer.body)
        })?;
        let after = suite.call("GET", "/proxies/p", &Value::Null)?;
        want(after["enabled"] == json!(true) && after["toxics"] == json!([]), || after.to_string())
    })
}

fn populate(suite: &Suite) -> Result<(), String> {
    clean(suite)?;
    let empty = suite.call("POST", "/populate", &json!([]))?;
    want(empty == json!({"proxies": null}), || empty.to_string())?;
    let first = suite.call(
        "POST",
        "/populate",
        &json!([
            {"name": "p", "listen": "127.0.0.1:0", "upstream": NOWHERE},
            {"name": "q", "listen": "127.0.0.1:0", "upstream": NOWHERE, "enabled": false},
        ]),
    )?;
    want(
        first["proxies"][0]["enabled"] == json!(true) && first["proxies"][1]["enabled"] == json!(false),
        || first.to_string(),
    )?;
    suite.call("POST", "/proxies/p/toxics", &json!({"type": "noop"}))?;
    let mut same = json!([{"name": "p", "listen": first["proxies"][0]["listen"], "upstream": NOWHERE}]);
    let kept = suite.call("POST", "/populate", &same)?;
    want(kept["proxies"][0]["toxics"].as_array().is_some_and(|toxics| toxics.len() == 1), || {
        kept.to_string()
    })?;
    same[0]["upstream"] = json!("127.0.0.1:2");
    let anew = suite.call("POST", "/populate", &same)?;
    want(anew["proxies"][0]["toxics"] == json!([]), || format!("a replaced proxy begins anew: {anew}"))?;
    want(anew["proxies"][0]["listen"] == first["proxies"][0]["listen"], || anew.to_string())?;
    clean(suite)
}

fn encoded(suite: &Suite, path: &str, name: &str) -> Result<u16, String> {
    suite.call("POST", "/proxies", &json!({"name": name, "listen": "127.0.0.1:0", "upstream": NOWHERE}))?;
    suite.request("GET", &format!("/proxies/{path}"), "").map(|answer| answer.status)
}

fn with_proxy<T>(suite: &Suite, act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    suite.call("POST", "/proxies", &json!({"name": "p", "listen": "127.0.0.1:0", "upstream": NOWHERE}))?;
    let outcome = act();
    suite.call("DELETE", "/proxies/p", &Value::Null)?;
    outcome
}

fn want(is_true: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if is_true { Ok(()) } else { Err(otherwise()) }
}
