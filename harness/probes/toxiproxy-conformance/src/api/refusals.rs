//! What is refused, with which status, in which words.

use serde_json::{Value, json};

use crate::http::Answer;
use crate::suite::{Expected, Suite};

/// How far the text of a refusal is compared: what the JSON library says is its own affair.
const CLASS: &str = "bad request body: ";

pub(super) fn run(suite: &mut Suite) {
    let setup = suite
        .call("POST", "/proxies", &json!({"name": "a", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}))
        .and_then(|_| suite.call("POST", "/proxies/a/toxics", &json!({"type": "latency"})));
    suite.holds("a proxy and a toxic to refuse others by", setup.map(drop));
    named(suite);
    bodies(suite);
    routes(suite);
    strict(suite);
    let gone = suite.call("DELETE", "/proxies/a", &Value::Null);
    suite.holds("and they are gone", gone.map(drop));
}

/// Refusals whose text is Toxiproxy's own.
fn named(suite: &mut Suite) {
    let taken = suite.api.to_string();
    let in_use = format!("listen tcp {taken}: bind: address already in use");
    let on_taken = format!(r#"{{"name":"c","upstream":"b:1","listen":"{taken}"}}"#);
    let populate_taken = format!(r#"[{{"name":"c","upstream":"b:1","listen":"{taken}"}}]"#);
    let stream = "stream was invalid, can be either upstream or downstream";
    let cases: &[(&str, &str, &str, u16, &str)] = &[
        ("POST", "/proxies", r#"{"name":"a","upstream":"b:1"}"#, 409, "proxy already exists"),
        ("POST", "/proxies", r#"{"upstream":"b:1"}"#, 400, "missing required field: name"),
        ("POST", "/proxies", r#"{"name":"c"}"#, 400, "missing required field: upstream"),
        ("POST", "/proxies", "null", 400, "missing required field: name"),
        (
            "POST",
            "/proxies",
            r#"{"name":"c","upstream":"b:1","listen":"nonsense"}"#,
            500,
            "listen tcp: address nonsense: missing port in address",
        ),
        (
            "POST",
            "/proxies",
            r#"{"name":"c","upstream":"b:1","listen":"127.0.0.1:99999"}"#,
            500,
            "listen tcp: address 99999: invalid port",
        ),
        (
            "POST",
            "/proxies",
            r#"{"name":"c","upstream":"b:1","listen":"1.2.3.4:5"}"#,
            500,
            "listen tcp 1.2.3.4:5: bind: cannot assign requested address",
        ),
        ("POST", "/proxies", &on_taken, 500, &in_use),
        ("PATCH", "/proxies/a", r#"{"listen":"nonsense"}"#, 500, "address nonsense: missing port in address"),
        ("GET", "/proxies/zz", "", 404, "proxy not found"),
        ("POST", "/proxies/zz", "{}", 404, "proxy not found"),
        ("DELETE", "/proxies/zz", "", 404, "proxy not found"),
        ("GET", "/proxies/zz/toxics", "", 404, "proxy not found"),
        ("POST", "/proxies/zz/toxics", r#"{"type":"latency"}"#, 404, "proxy not found"),
        ("GET", "/proxies/zz/toxics/x", "", 404, "proxy not found"),
        ("DELETE", "/proxies/zz/toxics/x", "", 404, "proxy not found"),
        ("POST", "/proxies/a/toxics", r#"{"type":"latency"}"#, 409, "toxic already exists"),
        (
            "POST",
            "/proxies/a/toxics",
            r#"{"type":"latency","attributes":{"latency":"x"}}"#,
            409,
            "toxic already exists",
        ),
        ("POST", "/proxies/a/toxics", r#"{"type":"nope","stream":"sideways"}"#, 400, stream),
        ("POST", "/proxies/a/toxics", r#"{"type":"latency","stream":""}"#, 400, stream),
        (
            "POST",
            "/proxies/a/toxics",
            r#"{"type":"nope","name":"latency_downstream"}"#,
            400,
            "invalid toxic type",
        ),
        ("POST", "/proxies/a/toxics", r#"{"type":"Latency"}"#, 400, "invalid toxic type"),
        ("POST", "/proxies/a/toxics", "{}", 400, "invalid toxic type"),
        ("GET", "/proxies/a/toxics/zz", "", 404, "toxic not found"),
        ("PATCH", "/proxies/a/toxics/zz", "{}", 404, "toxic not found"),
        ("DELETE", "/proxies/a/toxics/zz", "", 404, "toxic not found"),
        (
            "POST",
            "/populate",
            r#"[{"name":"c","upstream":"b:1"},{"upstream":"b:1"}]"#,
            400,
            "missing required field: name at proxy 2",
        ),
        ("POST", "/populate", r#"[{"name":"c"}]"#, 400, "missing required field: upstream at proxy 1"),
        ("POST", "/populate", &populate_taken, 500, &in_use),
        (
            "POST",
            "/populate",
            r#"[{"name":"a","upstream":"b:1","listen":"bad"}]"#,
            500,
            "address bad: missing port in address",
        ),
    ];
    for &(method, path, body, status, error) in cases {
        let got = suite.request(method, path, body).and_then(|answer| refusal(&answer));
        suite.same(format!("{method} {path} {body}"), got, &(status, error.to_owned()));
    }
}

/// Bodies that are no such JSON: the words after the class are the JSON library's.
fn bodies(suite: &mut Suite) {
    for (method, path, body, rest) in [
        ("POST", "/proxies", "", "EOF"),
        ("POST", "/proxies", r#"{"name":"c""#, "unexpected EOF"),
        ("PATCH", "/proxies/a", "", "EOF"),
        ("POST", "/proxies/a/toxics", "", "EOF"),
        ("PATCH", "/proxies/a/toxics/latency_downstream", "", "EOF"),
        ("POST", "/populate", "", "EOF"),
    ] {
        let got = suite.request(method, path, body).and_then(|answer| refusal(&answer));
        suite.same(format!("{method} {path} `{body}`"), got, &(400, format!("{CLASS}{rest}")));
    }
    for (method, path, body) in [
        ("POST", "/proxies", "garbage"),
        ("POST", "/proxies", "[]"),
        ("POST", "/proxies", r#"{"name":7}"#),
        ("PATCH", "/proxies/a", r#"{"enabled":"yes"}"#),
        ("POST", "/proxies/a/toxics", "garbage"),
        ("POST", "/proxies/a/toxics", r#"{"type":"latency","name":"x","attributes":5}"#),
        ("POST", "/proxies/a/toxics", r#"{"type":"latency","name":"x","attributes":{"latency":1.5}}"#),
        ("POST", "/proxies/a/toxics", r#"{"type":"latency","name":"x","attributes":{"latency":1e2}}"#),
        ("POST", "/proxies/a/toxics", r#"{"type":"latency","name":"x","toxicity":"a"}"#),
        ("PATCH", "/proxies/a/toxics/latency_downstream", r#"{"attributes":{"latency":"x"}}"#),
        ("POST", "/populate", "{}"),
        ("POST", "/populate", "[5]"),
    ] {
        let got = suite.request(method, path, body).and_then(|answer| refusal(&answer));
        let got = got.map(|(status, text)| (status, text.get(..CLASS.len()).unwrap_or(&text).to_owned()));
        suite.same(format!("{method} {path} {body}"), got, &(400, CLASS.to_owned()));
    }
}

fn routes(suite: &mut Suite) {
    for path in ["/nope", "/", "/proxies/", "/proxies/a/", "/proxies/a/toxics/b/c"] {
        let got = suite.request("GET", path, "").map(|answer| (answer.status, answer.body));
        suite.same(format!("GET {path}"), got, &(404, "404 page not found\n".to_owned()));
    }
    for (method, path) in [
        ("PUT", "/proxies"),
        ("OPTIONS", "/proxies"),
        ("GET", "/populate"),
        ("GET", "/reset"),
        ("POST", "/version"),
    ] {
        let got = suite.request(method, path, "").map(|answer| (answer.status, answer.body));
        suite.same(format!("{method} {path}"), got, &(405, String::new()));
    }
    let got =
        suite.request("GET", "//proxies/./a", "").map(|answer| (answer.status, answer.header("location")));
    suite.same("GET //proxies/./a", got, &(301, Some("/proxies/a".to_owned())));
    for (path, wanted) in
        [("/version", (403, "User agent not allowed\n")), ("/nope", (404, "404 page not found\n"))]
    {
        let got = suite
            .request_with("GET", path, "User-Agent: Mozilla/5.0")
            .map(|answer| (answer.status, answer.body));
        suite.same(format!("GET {path} by a browser"), got, &(wanted.0, wanted.1.to_owned()));
    }
    let got = suite
        .request("GET", "/proxies/zz", "")
        .map(|answer| (answer.header("content-type"), answer.header("x-content-type-options")));
    let wanted = (Some("text/plain; charset=utf-8".to_owned()), Some("nosniff".to_owned()));
    suite.same("a refusal is labelled as text, as Go's http.Error does", got, &wanted);
}

/// Where ours refuses what Toxiproxy takes.
fn strict(suite: &mut Suite) {
    let why = "what means nothing is refused";
    for (n, field) in
        [r#""toxicity":1.5"#, r#""toxicity":-1"#, r#""attributes":{"latency":-5}"#].iter().enumerate()
    {
        let body = format!(r#"{{"type":"latency","name":"s{n}",{field}}}"#);
        let got = suite.request("POST", "/proxies/a/toxics", &body).map(|answer| answer.status);
        suite.differs(
            format!("POST /proxies/a/toxics {body}"),
            why,
            got,
            Expected { ours: 400, toxiproxys: 200 },
        );
    }
    let body = r#"{"name":"b","upstream":"b:1","listen":"127.0.0.1:nosuchservice"}"#;
    let got = suite.request("POST", "/proxies", body).and_then(|answer| refusal(&answer));
    suite.same("a port by an unknown name", got.map(|refusal| refusal.0), &500);
}

/// The status and the text of a refusal, whose body must be JSON that tells both.
fn refusal(answer: &Answer) -> Result<(u16, String), String> {
    let body: Value =
        serde_json::from_str(&answer.body).map_err(|error| format!("{error} in `{}`", answer.body))?;
    let told = body["status"].as_u64();
    if told != Some(answer.status.into()) {
        return Err(format!("answered with {} and told {told:?}: {}", answer.status, answer.body));
    }
    Ok((answer.status, body["error"].as_str().unwrap_or_default().to_owned()))
}
