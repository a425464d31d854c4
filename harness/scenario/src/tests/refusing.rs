//! What is refused, where it is marked and what is advised.

use super::*;
use crate::Problem;

/// Loads `text`, which must have problems, and lists them as `line code`.
fn codes(text: &str) -> Vec<String> {
    let problems = load_base(text).expect_err("the scenario must be refused");
    problems.iter().map(|problem| format!("{} {}", problem.line().unwrap(), problem.code())).collect()
}

/// Each row: what to replace in the base scenario, the one problem that this makes, and a part of its help.
pub(super) fn check(rows: &[(&str, &str, &str, &str)]) {
    for (find, replace, code, help) in rows {
        let text = changed(find, replace);
        let problems = refused_once(&text, code, help);
        let all = problems.render(false);
        let problem = problems.iter().next().unwrap();
        assert!(problem.help().unwrap_or_default().contains(help), "`{replace}`: `{help}` is not in\n{all}");
        let at = BASE.find(find).unwrap();
        let first = text[..at].matches('\n').count() + 1;
        // Of two that are alike the second is marked, which may be the one below.
        let more = replace.trim_end().matches('\n').count() + usize::from(*code == "duplicate");
        let lines = first..=first + more;
        assert!(lines.contains(&problem.line().unwrap()), "`{replace}` is not on the line of\n{all}");
    }
}

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    let text = BASE
        .replace("seed: 7", "sede: 7")
        .replace("reads: 1/s", "raeds: 1/s")
        .replace("payload: 1KiB", "payload: 1KB")
        .replace("for: 20s", "for: 20")
        .replace("end-to-end.p90", "end-to-end.p95");
    assert_eq!(
        codes(&text),
        [
            "3 scenario::unknown_key",
            "9 scenario::wrong_unit",
            "11 scenario::unknown_key",
            "20 scenario::wrong_unit",
            "26 scenario::unknown_stat",
        ]
    );
}

#[test]
fn problem_shows_file_line_and_nearest_name() {
    let problems = load_base(&changed("link: mobile", "link: mobil")).unwrap_err();
    let text = problems.render(false);
    for part in [
        "scenario::unknown_link",
        "base.yaml:11:",
        "link `mobil` does not exist",
        "did you mean `mobile`?",
        "here",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    assert!(text.is_ascii(), "{text}");
    assert!(problems.render(true).contains("\u{1b}["), "colour for a terminal");
}

#[test]
fn ill_formed_values_are_refused() {
    check(&[
        ("seed: 7", "seed: -7", "not_a_number", "below 2^64"),
        ("seed: 7", "delivery-timeout: 0s", "zero", "above zero"),
        ("seed: 7", "delivery-timeout: 90000m", "out_of_range", "24 hours"),
        ("shakedown: 1", "shakedown: 2", "unknown_version", "shakedown: 1"),
        ("name: base", "name: a b", "bad_name", "letters, digits"),
        ("name: base", "name:", "missing_key", "name"),
        ("backend: embedded", "backend: docker", "unknown_word", "`embedded`, `process`"),
        ("backend: embedded", "backend: proces", "unknown_word", "did you mean `process`?"),
        ("dump-tick: 50ms", "dump-tick: 0s", "zero", "dump-tick"),
        ("count: 20", "count: 2_0", "not_a_number", "digits only"),
        ("count: 20", "count: [20]", "wrong_kind", ""),
        ("payload: 1KiB", "payload: 64B", "out_of_range", "128B"),
        ("payload: 1KiB", "payload: 1KiB, prefix: a/b", "bad_name", "letters, digits"),
        ("count: 10,", "count: 0,", "zero", "count"),
        ("reads: 1/s", "ramp: 0/s", "zero", "ramp"),
        ("reads: 1/s", "ramp: 99999/s", "out_of_range", "lower `ramp`"),
        ("reads: 1/s", "reads: 1", "wrong_unit", "`1/s`"),
        ("reads: 1/s", "source: 10.0.0.1", "bad_address", "127.0.0.0/8"),
        ("reads: 1/s", "source: localhost", "bad_address", "127.0.0.2"),
        ("cap: 60s", "cap: 60ms", "out_of_range", "raise `cap`"),
        ("{ poisson: 10/s }", "{ poisson: 0/s }", "zero", "arrivals"),
        (
            "{ poisson: 10/s }",
            "{ poisson: 1/s, constant: 1/s }",
            "not_one",
            "`constant`, `poisson`, `burst`, `trace`",
        ),
        ("{ poisson: 10/s }", "{ poisson: 100000/s }", "too_big", "10000/s"),
        ("{ require: all }", "{ require: [monotone] }", "unknown_word", "did you mean `monotonic`?"),
        ("{ require: all }", "{ require: [intact, intact] }", "duplicate", ""),
        ("{ require: all }", "{ require: !!str all }", "tag", "remove the tag"),
    ]);
}

#[test]
fn names_that_do_not_exist_or_come_twice_are_refused() {
    check(&[
        (
            "watchers:",
            "watchers:\n  - { group: legacy, count: 1, client: { like: nacos-node }, link: office }",
            "duplicate",
            "another name",
        ),
        ("{ name: cut,", "{ name: steady, for: 1s }\n  - { name: cut,", "duplicate", "another name"),
        ("  office: {}", "  office: {}\n  office: {}", "duplicate", "another name"),
        (
            "gates:",
            "  - { name: split, in: cut, for: 1s, do: { crash: { groups: all } } }\ngates:",
            "duplicate",
            "another name",
        ),
        ("seed: 7", "name: other", "duplicate", "remove one"),
        ("in: steady, at", "in: stedy, at", "unknown_phase", "did you mean `steady`?"),
        ("[modern, careful]", "[modern, carefull]", "unknown_group", "did you mean `careful`?"),
        ("in: cut, at", "in: cutt, at", "unknown_phase", "did you mean `cut`?"),
        ("[modern, careful]", "[modern, modern]", "duplicate", ""),
        ("[modern, careful]", "[]", "zero", "name a group"),
        ("link: office, latency", "link: ofice, latency", "unknown_link", "did you mean `office`?"),
        ("  office: {}", "  office: {}\n  spare: {}", "unused_link", "remove it"),
        ("link: mobile, listens", "link: mobil, listens", "unknown_link", "did you mean `mobile`?"),
        ("link: mobile, listens", "listens", "missing_key", "office, mobile"),
    ]);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    check(&[
        ("listens: { shared: 2 }", "listens: { shared: 21 }", "too_many_listens", "shared: 20"),
        ("listens: { shared: 2 }", "listens: {}", "zero", "shared: 1"),
        (
            "{ like: nacos-node }",
            "{ like: nacos-node, protocol: nacos-grpc }",
            "conflict",
            "leave `protocol` out",
        ),
        ("{ like: nacos-node }", "{ like: nacos-node, resync: 1m }", "conflict", "remove it"),
        ("{ like: nacos-java-2 }", "{ like: nacos-java-2, poll-timeout: 9s }", "conflict", "remove it"),
        ("{ like: nacos-node }", "{ like: nacos-nod }", "unknown_word", "did you mean `nacos-node`?"),
        ("{ like: nacos-node }", "{ protocol: nacos-http }", "missing_key", "like: nacos-java-2"),
        ("at: 2s, for: 25s", "at: 6s, for: 25s", "outside_phase", "ends within its phase"),
        ("at: 2s, for: 25s", "at: 31s, for: 25s", "outside_phase", "ends within its phase"),
        ("at: 2s, for: 25s", "at: 2s, for: 0s", "zero", "for"),
        ("backend: embedded,", "version: 4.1.0,", "not_supported", "imitates `2.x` and `3.x`"),
        ("backend: embedded,", "login: { username: nacos },", "missing_key", "password"),
        ("dump-tick: 50ms", "token-ttl: 0s", "zero", "token-ttl"),
        ("backend: embedded,", "nodes: 10,", "out_of_range", "nodes: 9"),
        ("backend: embedded,", "backend: process,", "not_supported", "remove `embedded`"),
        ("{ kind: embedded }", "{ kind: embedded, hom: x }", "unknown_key", "did you mean `home`?"),
        ("{ latency: 200ms }", "{ latency: 200ms }, reset_peer: {}", "not_one", "choose one"),
        ("link: office, latency: { latency: 200ms }", "link: office", "not_one", "choose one"),
        ("groups: [modern, careful]", "groups: [modern], nodes: [1]", "unknown_node", "0 to 0"),
    ]);
}

#[test]
fn no_proxy_delays_by_fractions_of_a_millisecond() {
    let text = changed("{ latency: 200ms }", "{ latency: 200ms, jitter: 500us }");
    assert_eq!(codes(&text), ["23 scenario::not_supported"]);
    let text = text.replace("proxy: { kind: embedded }", "proxy: { kind: toxiproxy }");
    assert_eq!(codes(&text), ["23 scenario::not_supported"]);
}

#[test]
fn faults_that_cannot_be_told_apart_are_refused() {
    let again = |window: &str, action: &str| {
        let fault = format!("faults:\n  - {{ name: again, in: cut, {window}, do: {{ {action} }} }}");
        load_base(&changed("faults:", &fault))
    };
    let overlapping = again("at: 20s, for: 10s", "blackhole: { groups: [careful] }").unwrap_err();
    assert_eq!(overlapping.iter().map(Problem::code).collect::<Vec<_>>(), ["scenario::overlap"]);
    assert_eq!(overlapping.iter().next().unwrap().line(), Some(23), "the later one is marked");
    again("at: 27s, for: 3s", "blackhole: { groups: [careful] }").unwrap();
    again("at: 20s, for: 10s", "blackhole: { groups: [legacy] }").unwrap();
    let crash = again("at: 20s, for: 10s", "crash: { groups: [careful] }").unwrap();
    assert!(crash.warnings.is_empty(), "{}", crash.warnings);
    let two_cuts = again("at: 20s, for: 10s", "reset: { groups: all }").unwrap();
    assert_eq!(two_cuts.warnings.len(), 1, "{}", two_cuts.warnings);
}

#[test]
fn gates_on_what_does_not_exist_are_refused() {
    let gate = "end-to-end.p90 < 300ms in steady for modern";
    check(&[
        (gate, "end-to-end.p90 in steady", "bad_gate", "MEASURE[.STAT] OP VALUE"),
        (gate, "end-to-end.p90 < 300ms within steady", "wrong_unit", ""),
        (gate, "end-to-end.p90 < 300ms in", "bad_gate", "MEASURE[.STAT]"),
        (gate, "end-to-end.p90 < 300ms for modern in steady", "bad_gate", "MEASURE[.STAT]"),
        (gate, "end-to-and.p90 < 300ms", "unknown_measure", "did you mean `end-to-end`?"),
        (gate, "end-to-end.p95 < 300ms", "unknown_stat", "did you mean `p"),
        (gate, "end-to-end < 300ms", "missing_stat", "end-to-end.p99"),
        (gate, "staleness.p99 < 30s", "unknown_stat", "`max`"),
        (gate, "end-to-end.p90 < 300", "wrong_unit", "`300s` or `300ms`"),
        (gate, "end-to-end.p90 < 30%", "wrong_unit", "a time"),
        (gate, "herd-share < 300ms", "wrong_unit", "`300%`"),
        (gate, "T-all.p90 <= basline + 10% in steady", "wrong_unit", "did you mean `baseline`?"),
        (gate, "end-to-end.p90 < 300ms in stady", "unknown_phase", "did you mean `steady`?"),
        (gate, "end-to-end.p90 < 300ms in warm-up", "unmeasured_phase", "measured: true"),
        (gate, "end-to-end.p90 < 300ms after split", "wrong_scope", "in PHASE"),
        (gate, "reconnect.p90 < 3s in cut", "wrong_scope", "after FAULT"),
        (gate, "reconnect.p90 < 3s after splt", "unknown_fault", "did you mean `split`?"),
        (gate, "reconnect.p90 < 3s after jitter", "wrong_scope", "name a fault that cuts"),
        (gate, "reconnect.p90 < 3s after split for modem", "unknown_group", "did you mean `modern`?"),
        (gate, "reconnect.p90 < 3s after split for legacy", "no_samples", "modern, careful"),
        (gate, "failover.max < 3s", "no_samples", "these read: legacy"),
        (gate, "publish.p90 < 3s for modern", "wrong_scope", "leave `for` out"),
        ("herd-share < 20% after split", gate, "duplicate", "remove one"),
    ]);
}

#[test]
fn gates_mark_the_word_that_is_wrong() {
    let problems = load_base(&changed("in steady for modern", "in steady for modem")).unwrap_err();
    let text = problems.render(false);
    let column = BASE.lines().find(|line| line.contains("for modern")).unwrap().find("modern").unwrap() + 1;
    assert!(text.contains(&format!("base.yaml:26:{column}]")), "{text}");
}

#[test]
fn text_that_is_no_scenario_is_refused() {
    assert_eq!(codes(""), ["1 scenario::empty"]);
    assert_eq!(codes("# nothing\n"), ["1 scenario::empty"]);
    assert_eq!(codes("just words"), ["1 scenario::wrong_kind"]);
    assert_eq!(codes("shakedown: 1\nname: [a\n").len(), 1);
    assert!(codes("shakedown: 1\nname: [a\n")[0].ends_with("scenario::syntax"));
    assert!(codes(&format!("{BASE}---\nshakedown: 1\n")).contains(&"29 scenario::syntax".to_owned()));
    let missing = codes("shakedown: 1\n");
    assert_eq!(missing, ["1 scenario::missing_key"; 5], "name, items, watchers, mutations and phases");
}

#[test]
fn aliases_are_expanded_within_bounds() {
    let text = changed("listens: { shared: 2 },", "listens: &two { shared: 2 },");
    let text = text.replace("listens: { shared: 2, own: 1 }", "listens: *two");
    assert_eq!(load_base(&text).unwrap().plan.groups[1].shared, 2);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let before = format!("*a{}", n - 1);
        bomb.push_str(
            &["a", &n.to_string(), ": &a", &n.to_string(), " [", &vec![before; 10].join(", "), "]\n"]
                .concat(),
        );
    }
    assert!(codes(&bomb).iter().any(|code| code.ends_with("scenario::too_big")));
}

#[test]
fn missing_file_is_refused_with_its_name() {
    let problems = load(std::path::Path::new("/nowhere/x.yaml"), &Overrides::new()).unwrap_err();
    assert_eq!(problems.iter().next().unwrap().code(), "scenario::unreadable");
    assert!(problems.to_string().contains("/nowhere/x.yaml"), "{problems}");
}

#[test]
fn damaged_text_is_refused_and_never_a_panic() {
    for end in 0..BASE.len() - 1 {
        // A text cut off after its last mapping may still be a scenario.
        if let Err(problems) = load_base(&BASE[..end]) {
            assert!(!problems.is_empty() && !problems.render(false).is_empty());
        }
    }
    let lines: Vec<&str> = BASE.lines().collect();
    for gone in 0..lines.len() {
        let text: String =
            lines[..gone].iter().chain(&lines[gone + 1..]).flat_map(|line| [line, "\n"]).collect();
        if let Err(problems) = load_base(&text) {
            assert!(problems.iter().all(|problem| problem.line().is_some()), "{problems}");
        }
    }
}

#[test]
fn what_a_message_quotes_is_inert_and_short() {
    let hostile = format!("\"\\u001b[2Jred\\n{}\"", "x".repeat(10_000));
    let problems = load_base(&changed("name: base", &format!("name: {hostile}"))).unwrap_err();
    let problem = problems.iter().next().unwrap();
    let message = problem.to_string();
    assert!(message.contains("\\u{1b}[2Jred\\n") && message.len() < 700, "{message}");
}
