//! Commands that start no run: validate, explain, schema, check, and bad input.

use crate::support::{TINY, finish, home_with};

#[test]
fn every_committed_scenario_is_valid() {
    for scenario in
        ["scenarios/smoke/quickstart.yaml", "scenarios/smoke/real.yaml", "scenarios/smoke/calm.yaml", TINY]
    {
        let done = finish(&["validate", scenario]);
        assert_eq!(done.code, 0, "{done:#?}");
    }
}

#[test]
fn explain_shows_absolute_instants_and_the_seed() {
    let done = finish(&["explain", TINY, "--seed", "4242"]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert!(done.stdout.contains("4242"), "{}", done.stdout);
}

#[test]
fn the_schema_printed_is_the_schema_committed() {
    let done = finish(&["schema"]);
    let committed =
        std::fs::read_to_string(crate::support::repository().join("scenarios/schema.json")).unwrap();
    let committed: serde_json::Value = serde_json::from_str(&committed).unwrap();
    assert_eq!(done.json(), committed);
}

/// A scenario with a problem each, and what its message must hold.
fn refused(text: &str, args: &[&str], expected: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.yaml");
    std::fs::write(&file, text).unwrap();
    for command in ["validate", "run"] {
        let out = dir.path().join("runs");
        let mut all = vec![command, file.to_str().unwrap()];
        all.extend(args);
        if command == "run" {
            all.extend(["--out", out.to_str().unwrap()]);
        }
        let done = finish(&all);
        assert_eq!(done.code, 64, "{done:#?}");
        for part in expected {
            assert!(done.stderr.contains(part), "`{part}` is missing in:\n{}", done.stderr);
        }
        assert!(!out.exists(), "something was started");
    }
}

fn tiny_with(from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(crate::support::repository().join(TINY)).unwrap();
    assert!(text.contains(from), "the tiny scenario has no `{from}`");
    text.replacen(from, to, 1)
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_a_suggestion() {
    refused(&tiny_with("phases:", "phasess:"), &[], &["phasess", "phases", "bad.yaml"]);
}

#[test]
fn each_bad_value_is_refused_with_what_is_wrong_and_what_to_do() {
    for (from, to, expected) in [
        ("for: 700ms", "for: 700", ["`700` is not a time", "`700s` or `700ms`"]),
        (
            "- staleness.max",
            "- stalenes.max",
            ["measure `stalenes` is not known", "did you mean `staleness`?"],
        ),
        ("2s in steady", "2s in stedy", ["phase `stedy` does not exist", "did you mean `steady`?"]),
        ("after cut", "after ct", ["fault `ct` does not exist", "did you mean `cut`?"]),
        ("at: 0s, for: 2s", "at: 0s, for: 3s", ["the fault ends 3s after", "shorten it"]),
        ("{ local: {} }", "{ local: {}, spare: {} }", ["link `spare` has no watchers", "remove it"]),
        ("count: 20", "count: 4000000000", ["at most 1000000 watchers", "lower `count`"]),
        ("40/s", "1000000000/s", ["too many mutations", "at most 10000/s"]),
        ("name: tiny", "name: \"../<script>\\u001b[2J\"", ["cannot be a name", "letters, digits"]),
    ] {
        refused(&tiny_with(from, to), &[], &[expected[0], expected[1], "bad.yaml:"]);
    }
}

#[test]
fn what_is_no_text_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content, expected) in [
        ("empty.yaml", Vec::new(), "the scenario is empty"),
        ("binary.yaml", vec![0xfe; 1000], "not UTF-8"),
        ("huge.yaml", vec![b'#'; 5_000_000], "larger than 1 MiB"),
    ] {
        let file = dir.path().join(name);
        std::fs::write(&file, content).unwrap();
        let done = finish(&["validate", file.to_str().unwrap()]);
        assert_eq!(done.code, 64, "{done:#?}");
        assert!(done.stderr.contains(expected) && done.stderr.contains(name), "{}", done.stderr);
    }
    let done = finish(&["run", dir.path().to_str().unwrap(), "--json"]);
    assert_eq!((done.code, done.stdout.as_str()), (64, ""), "errors before a run print no object");
    assert!(done.stderr.contains("it is not a file"), "{}", done.stderr);
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = format!("{}\nnonsense: 1\n", tiny_with("seed:", "sead:"));
    refused(&text, &[], &["sead", "nonsense"]);
}

#[test]
fn an_override_of_a_key_that_does_not_exist_is_refused() {
    refused(&tiny_with("seed:", "seed:"), &["--set", "sever.backend=embedded"], &["sever", "server"]);
}

#[test]
fn a_missing_scenario_is_named() {
    let done = finish(&["run", "scenarios/none-such.yaml"]);
    assert_eq!(done.code, 64, "{done:#?}");
    assert!(done.stderr.contains("none-such.yaml"), "{}", done.stderr);
}

#[test]
fn more_watchers_than_open_files_allow_are_refused_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("runs");
    let done = finish(&[
        "run",
        TINY,
        "--out",
        out.to_str().unwrap(),
        "--set",
        "watchers.polling.count=9000",
        "--set",
        "watchers.pushed.count=9000",
        "--set",
        "workers=0",
    ]);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("open files") && done.stderr.contains("`workers`"), "{}", done.stderr);
    assert!(!out.exists());
}

#[test]
fn a_process_without_a_home_is_refused_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("runs");
    let home = dir.path().to_str().unwrap();
    for (args, expected) in [
        (["--backend", "process"].as_slice(), "NACOS_HOME"),
        (&["--proxy", "toxiproxy"], "TOXIPROXY_HOME"),
        (&["--backend", "process", "--nacos-home", home], "bin/start"),
        (&["--proxy", "toxiproxy", "--toxiproxy-home", home], "toxiproxy-server"),
    ] {
        let done = finish(&[&["run", TINY, "--out", out.to_str().unwrap()], args].concat());
        assert_eq!(done.code, 69, "{done:#?}");
        assert!(done.stderr.contains(expected), "{}", done.stderr);
        assert!(!out.exists(), "something was started");
    }
}

#[test]
fn a_server_that_ends_while_it_starts_is_reported_with_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let home = home_with(dir.path(), "echo no memory for this server\nexit 7");
    let done = finish(&["run", TINY, "--backend", "process", "--nacos-home", &home, "--out", &home]);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("no memory for this server"), "{}", done.stderr);
}

#[test]
fn a_server_that_is_never_ready_is_given_up_with_what_to_raise() {
    let dir = tempfile::tempdir().unwrap();
    let home = home_with(dir.path(), "echo still loading\nexec sleep 600");
    let text = tiny_with("links:", "server: { backend: process, ready-timeout: 1s }\nlinks:");
    let file = dir.path().join("slow.yaml");
    std::fs::write(&file, text).unwrap();
    let done = finish(&["run", file.to_str().unwrap(), "--nacos-home", &home, "--out", &home]);
    assert_eq!(done.code, 69, "{done:#?}");
    for part in ["no answer within 1 s", "server.ready-timeout", "still loading"] {
        assert!(done.stderr.contains(part), "`{part}` is missing in:\n{}", done.stderr);
    }
}

#[test]
fn checking_what_is_no_run_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let done = finish(&["check", dir.path().to_str().unwrap()]);
    assert_eq!(done.code, 64, "{done:#?}");
    assert!(done.stderr.contains("manifest.json"), "{}", done.stderr);
}
