//! A real client beside the simulated one that it is said to be like: from the proxy's tap to the page. The client is
//! shakedown's own.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::support::judge_text;

const SHAKEDOWN: &str = env!("CARGO_BIN_EXE_shakedown");

/// Three clients of each side, cut off for three seconds.
fn scenario() -> String {
    format!(
        r#"
shakedown: 1
name: twins
delivery-timeout: 20s
items: {{ count: 1, payload: 256B }}
watchers:
  - {{ group: mine, count: 3, client: {{ driver: {{ name: mine, command: ["{SHAKEDOWN}", polling-driver], like: nacos-python-1 }} }}, listens: {{ shared: 1 }} }}
  - {{ group: twin, count: 3, client: {{ like: nacos-python-1 }}, listens: {{ shared: 1 }} }}
mutations: {{ arrivals: {{ constant: 2/s }} }}
phases: [ {{ name: warm-up, for: 3s }}, {{ name: cut, for: 5s }}, {{ name: recovery, for: 2s }} ]
faults:
  - {{ name: cut, in: cut, at: 1s, for: 3s, do: {{ reset: {{ groups: all }} }} }}
guarantees: {{ require: [ nothing-invented ] }}
"#
    )
}

#[test]
fn a_client_and_its_twin_are_set_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let (_, run) = judge_text(&scenario(), dir.path());
    let lines = fs::read_to_string(run.join("connections.jsonl")).unwrap();
    let mut by_watcher: BTreeMap<u64, u64> = BTreeMap::new();
    for line in lines.lines() {
        let connection: Value = serde_json::from_str(line).unwrap();
        *by_watcher.entry(connection["watcher"].as_u64().expect("canaries are left out")).or_default() += 1;
    }
    assert_eq!(by_watcher.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5], "{by_watcher:?}");
    let verdict: Value = serde_json::from_slice(&fs::read(run.join("verdict.json")).unwrap()).unwrap();
    let pairs = verdict["fidelity"].as_array().unwrap();
    assert_eq!(pairs.len(), 1, "{pairs:#?}");
    assert_eq!((pairs[0]["real"].as_u64(), pairs[0]["simulated"].as_u64()), (Some(0), Some(1)));
    let row = |measure: Value| {
        let rows = pairs[0]["rows"].as_array().unwrap();
        rows.iter()
            .find(|row| row["measure"] == measure)
            .unwrap_or_else(|| panic!("no {measure} in {rows:#?}"))
    };
    let losses = row("losses".into());
    for side in ["real", "simulated"] {
        assert_eq!(losses[side]["share"], serde_json::json!({"count": 3, "of": 3}), "{losses:#}");
    }
    // The first pause that a client makes by its own choice: this one asks every 100 ms, Python 1 waits a second.
    let pause = row(serde_json::json!({"attempt-gap": 2}));
    for (side, least) in [("real", 50_000_000), ("simulated", 900_000_000)] {
        let median = pause[side]["times"]["median_ns"].as_u64().unwrap();
        assert!(median >= least, "{pause:#}");
    }
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("mine beside twin, as nacos-python-1") && page.contains("id=\"fidelity\""));
    assert!(run.join("charts/fidelity.svg").is_file());
}
