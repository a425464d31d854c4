//! Real clients: whether a program speaks the driver protocol, and a run with one. The client here is shakedown's own, so
//! that no SDK and no other language is needed.

use std::fs;

use serde_json::Value;

use crate::support::{finish, judge_text, run_text};

const SHAKEDOWN: &str = env!("CARGO_BIN_EXE_shakedown");

#[test]
fn a_program_that_speaks_the_protocol_is_told_so() {
    let done = finish(&["driver-check", "--", SHAKEDOWN, "polling-driver"]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert!(done.stdout.contains("0 wrong: it speaks the driver protocol"), "{}", done.stdout);
    for step in ["hello", "clock", "start", "get of nothing", "publish", "listen", "value", "gone", "stop"] {
        assert!(done.stdout.contains(&format!("ok    {step}")), "{step} is not in\n{}", done.stdout);
    }
}

#[test]
fn a_program_that_does_not_is_told_what_is_wrong() {
    let noise = finish(&["driver-check", "--", "echo", "ready to serve"]);
    assert_eq!(noise.code, 1, "{noise:#?}");
    assert!(noise.stdout.contains("line 1 of driver `driver` is no event"), "{}", noise.stdout);
    let absent = finish(&["driver-check", "--", "no-such-driver"]);
    assert_eq!(absent.code, 69, "{absent:#?}");
    let unknown = finish(&["driver-check", "cobol"]);
    assert!(unknown.code == 64 && unknown.stderr.contains("there are go,"), "{unknown:#?}");
    assert_eq!(finish(&["driver-check"]).code, 64);
}

/// Two processes of two clients each, crashed while the server cannot be reached.
fn scenario() -> String {
    format!(
        r#"
shakedown: 1
name: own-client
delivery-timeout: 20s
items: {{ count: 2, payload: 256B }}
watchers:
  - {{ group: own, count: 4, client: {{ driver: {{ name: mine, command: ["{SHAKEDOWN}", polling-driver], protocol: nacos-http, clients-per-process: 2 }} }}, listens: {{ shared: 2 }}, reads: 5/s }}
mutations: {{ arrivals: {{ constant: 5/s }} }}
phases: [ {{ name: warm-up, for: 2s }}, {{ name: steady, for: 2s }}, {{ name: dark, for: 5s }}, {{ name: recovery, for: 1s }} ]
faults:
  - {{ name: cut, in: dark, at: 500ms, for: 4s, do: {{ reset: {{ groups: all }} }} }}
  - {{ name: crash, in: dark, at: 1s, for: 500ms, do: {{ crash: {{ groups: [own] }} }} }}
guarantees: {{ require: all }}
"#
    )
}

#[test]
fn a_users_own_client_is_a_watcher_like_others() {
    let dir = tempfile::tempdir().unwrap();
    let (done, run) = judge_text(&scenario(), dir.path());
    let json = done.json();
    let outcome = |name: &str| {
        let all = json["guarantees"].as_array().unwrap();
        let found = all.iter().find(|guarantee| guarantee["name"] == name);
        found.map(|found| found["outcome"].clone()).unwrap_or(Value::Null)
    };
    for name in ["nothing-lost", "converges", "intact", "nothing-invented", "isolated"] {
        assert_eq!(outcome(name), "pass", "{name}: {json:#}");
    }
    let manifest: Value = serde_json::from_slice(&fs::read(run.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["status"], "complete", "{manifest:#}");
    let clients = manifest["clients"].as_array().unwrap();
    assert!(clients.len() == 1 && clients[0].as_str().unwrap().starts_with("own: shakedown "), "{clients:?}");
    for process in ["own-0", "own-1"] {
        assert!(run.join(format!("logs/driver-{process}.log")).is_file(), "{process}");
    }
    assert!(!run.join("snapshots").exists(), "what only the run needed is gone");
}

#[test]
fn a_driver_that_ends_by_itself_ends_the_run_before_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let done = run_text(&scenario().replace("polling-driver", "completions"), dir.path());
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("driver `own-0` ended with"), "{}", done.stderr);
}
