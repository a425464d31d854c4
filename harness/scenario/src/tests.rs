//! Tests over whole scenarios.

use crate::load::load_with;
use crate::{Loaded, Overrides, Problems, explain, load, schema};

mod attaching;
mod breaking;
mod clients;
mod committed;
mod containing;
mod controlling;
mod defects;
mod direct;
mod driving;
mod gating;
mod mutating;
mod on_path;
mod overriding;
mod planning;
mod reference;
mod refusing;
mod securing;
mod server_faults;
mod serving;
mod shaping;
mod troubles;
mod watching;

/// A scenario without a problem or a warning, which tests change in one place each.
const BASE: &str = r#"shakedown: 1
name: base
seed: 7
server: { backend: embedded, embedded: { dump-tick: 50ms } }
proxy: { kind: embedded }
links:
  office: {}
  mobile: { toxics: [ latency: { latency: 80ms, jitter: 40ms } ] }
items: { count: 20, payload: 1KiB }
watchers:
  - { group: legacy, count: 10, client: { like: nacos-node }, link: mobile, listens: { shared: 2 }, reads: 1/s }
  - { group: modern, count: 100, client: { like: nacos-java-2 }, link: office, listens: { shared: 2, own: 1 } }
  - group: careful
    count: 100
    client: { protocol: nacos-grpc, backoff: { exponential: { base: 1s, cap: 60s, jitter: full } } }
    link: office
mutations: { arrivals: { poisson: 10/s } }
phases:
  - { name: warm-up, for: 5s }
  - { name: steady, for: 20s }
  - { name: cut, for: 30s }
faults:
  - { name: jitter, in: steady, at: 1s, for: 5s, do: { toxic: { link: office, latency: { latency: 200ms } } } }
  - { name: split, in: cut, at: 2s, for: 25s, do: { blackhole: { groups: [modern, careful], stream: both } } }
gates:
  - end-to-end.p90 < 300ms in steady for modern
  - herd-share < 20% after split
guarantees: { require: all }
"#;

/// Its server.
const SERVER: &str = "server: { backend: embedded, embedded: { dump-tick: 50ms } }";

fn load_base(text: &str) -> Result<Loaded, Problems> {
    load_set(text, &[])
}

fn load_set(text: &str, set: &[&str]) -> Result<Loaded, Problems> {
    let overrides: Overrides = set.iter().copied().collect();
    load_with("base.yaml", text, &overrides, &|name| (name == "SECRET").then(|| "s3cr3t".to_owned()))
}

/// Loads `text`, which must be refused with `code`, and with `says` in what is shown or advised.
fn refused(text: &str, code: &str, says: &str) -> Problems {
    let problems = load_base(text).err().unwrap_or_else(|| panic!("this must be refused:\n{text}"));
    let all = problems.render(false);
    let code = format!("scenario::{code}");
    assert!(problems.iter().any(|problem| problem.code() == code), "no `{code}` for\n{text}\n{all}");
    let advised = problems.iter().any(|problem| problem.help().unwrap_or_default().contains(says));
    assert!(advised || all.contains(says), "`{says}` is not in\n{all}");
    problems
}

/// The same of a text with a single problem.
fn refused_once(text: &str, code: &str, says: &str) -> Problems {
    let problems = refused(text, code, says);
    assert_eq!(problems.len(), 1, "one problem, not\n{}", problems.render(false));
    problems
}

/// `BASE` with one text replaced.
fn changed(find: &str, replace: &str) -> String {
    assert!(BASE.contains(find), "`{find}` is not in the base scenario");
    BASE.replacen(find, replace, 1)
}

#[test]
fn base_has_no_problem_and_no_warning() {
    let loaded = load_base(BASE).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
}
