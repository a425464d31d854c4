//! Every scenario and the schema of this repository.

use std::path::{Path, PathBuf};

use serde_json::Value;
use shakedown_model::Offset;
use shakedown_model::plan::{Backend, Protocol};

use super::*;
use crate::problem::Problem;

pub(super) fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

pub(super) fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}

#[test]
fn every_committed_scenario_is_planned_without_a_warning() {
    let mut files = Vec::new();
    files_below(&scenarios(), &mut files);
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // Passwords come from the environment, which a test does not have.
        let lookup = |_: &str| Some("some words".to_owned());
        let loaded = load_with(&file.display().to_string(), &text, &Overrides::new(), &lookup)
            .unwrap_or_else(|problems| panic!("{problems}"));
        // A defect may be just what a warning is about: then the header says which.
        let declared = text.lines().filter_map(|line| line.strip_prefix("# Warns: "));
        let warned = loaded.warnings.iter().map(Problem::code);
        assert!(declared.eq(warned), "{}: {}", file.display(), loaded.warnings);
        assert_eq!(loaded.plan.name, file.file_stem().unwrap().to_str().unwrap());
        assert_eq!(loaded.text, text);
        let explained = explain(&loaded.plan);
        for group in &loaded.plan.groups {
            assert!(explained.contains(&format!("  {}: # watchers", group.name)), "{explained}");
        }
    }
}

/// Compares a generated file of the folder of scenarios with what the code makes of it, or writes it when told to.
pub(super) fn is_fresh(name: &str, fresh: &str) {
    let path = scenarios().join(name);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == fresh, "scenarios/{name} is stale: run with UPDATE_SCHEMA=1 to write it anew");
}

#[test]
fn committed_schema_is_the_one_that_the_code_has() {
    is_fresh("schema.json", &format!("{:#}\n", schema()));
}

/// Whether `value` meets `schema`, by the keywords that the schema of scenarios uses, patterns left out.
fn meets(value: &Value, schema: &Value) -> bool {
    let of_type = |kind: &Value| match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("type {other} is not known to this test"),
    };
    schema.as_object().unwrap().iter().all(|(keyword, rule)| match keyword.as_str() {
        "type" => rule.as_array().map_or_else(|| of_type(rule), |kinds| kinds.iter().any(of_type)),
        "anyOf" => rule.as_array().unwrap().iter().any(|schema| meets(value, schema)),
        "enum" => rule.as_array().unwrap().contains(value),
        "const" => rule == value,
        "items" => value.as_array().is_none_or(|list| list.iter().all(|value| meets(value, rule))),
        "required" => value.as_object().is_none_or(|map| {
            rule.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|map| {
            map.iter().all(|(key, value)| rule.get(key).is_none_or(|schema| meets(value, schema)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|map| {
            map.iter()
                .filter(|(key, _)| schema["properties"].get(key.as_str()).is_none())
                .all(|(_, value)| rule.as_bool().unwrap_or_else(|| meets(value, rule)))
        }),
        "minProperties" => value.as_object().is_none_or(|map| map.len() as u64 >= rule.as_u64().unwrap()),
        "maxProperties" => value.as_object().is_none_or(|map| map.len() as u64 <= rule.as_u64().unwrap()),
        "minimum" => value.as_u64().is_none_or(|number| number >= rule.as_u64().unwrap()),
        "maximum" => value.as_u64().is_none_or(|number| number <= rule.as_u64().unwrap()),
        "$schema" | "$comment" | "title" | "description" | "pattern" | "format" | "propertyNames" => true,
        other => panic!("keyword {other} is not known to this test"),
    })
}

#[test]
fn schema_accepts_every_committed_scenario_and_refuses_what_loading_refuses() {
    let schema = schema();
    let mut files = Vec::new();
    files_below(&scenarios(), &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let value: Value = serde_saphyr::from_str(&text).unwrap();
        assert!(meets(&value, &schema), "{}", file.display());
    }
    let accepted = BASE.to_owned();
    for (find, replace) in [
        ("seed: 7", "sed: 7"),
        ("name: base", ""),
        ("backend: embedded", "backend: docker"),
        ("poisson: 10/s", "burst: 10/s"),
        ("count: 10", "count: ten"),
        ("guarantees: { require: all }", "guarantees: { require: [nothing-lst] }"),
    ] {
        let text = BASE.replace(find, replace);
        assert_ne!(text, accepted, "{find}");
        let value: Value = serde_saphyr::from_str(&text).unwrap();
        assert!(!meets(&value, &schema), "{replace}");
        load_base(&text).unwrap_err();
    }
}

#[test]
fn quickstart_is_what_the_readme_promises() {
    let plan = load(&scenarios().join("smoke/quickstart.yaml"), &Overrides::new()).unwrap().plan;
    assert_eq!(plan.watcher_count(), 1000);
    let http = plan.groups.iter().filter(|group| group.client.protocol == Protocol::NacosHttp);
    assert_eq!(http.map(|group| group.count).sum::<u32>(), 500);
    assert!(plan.end() <= Offset::from_secs(80), "{}", plan.end());
}

#[test]
fn real_scenario_also_runs_embedded() {
    let overrides: Overrides = ["server.backend=embedded", "proxy.kind=embedded"].into_iter().collect();
    let loaded = load(&scenarios().join("smoke/real.yaml"), &overrides).unwrap();
    assert_eq!(loaded.plan.server.backend, Backend::Embedded);
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
}
