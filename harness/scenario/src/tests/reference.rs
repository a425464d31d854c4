//! `scenarios/REFERENCE.md`: every key of a scenario as a row of a table, from the schema.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;
use shakedown_model::gate::{Measure, Stat};

use crate::field::{Bytes, Field, KilobytesPerSecond, Name, PerSecond, Share};
use crate::raw::RawGate;
use crate::schema;

const HEAD: &str = "\
# Every key of a scenario

Written from the declarations that read scenarios, by `just schema`; do not edit. [schema.json](schema.json) says the same to
editors, `shakedown explain SCENARIO` shows what a scenario comes to, and `shakedown validate SCENARIO` what is wrong with it.

Units: a **time** is `200ms` (`us`, `ms`, `s`, `m`), a **size** `1KiB` (`B`, `KiB`, `MiB`), a **rate** `2.5/s`, a **rate of bytes**
`64KB/s` (`KB`, `MB`, of 1,000), a **share** `20%`. A **name** has up to 64 letters, digits, `-` and `_`. **Bold** keys are
needed. `${env:NAME}` may stand in any value. Of the keys below a \"one of\", exactly one is written.

";

/// Keys in the order of the schema, which is that of the alphabet.
struct Reference {
    text: String,
    /// Mappings that have rows already, without their descriptions, and where.
    shown: Vec<(Json, String)>,
}

impl Reference {
    fn row(&mut self, (path, is_needed): (&str, bool), schema: &Json) {
        let about = schema["description"].as_str().unwrap_or_default().replace('|', "\\|");
        let schema = given(schema);
        let mut below = Vec::new();
        nested("", schema, &mut below);
        below.retain(|(_, mapping)| mapping["properties"].as_object().is_some_and(|keys| !keys.is_empty()));
        let known = below.first().and_then(|(_, mapping)| {
            let mapping = without_description(mapping);
            self.shown.iter().find(|(shown, _)| *shown == mapping).map(|(_, at)| at.clone())
        });
        let form = known.as_ref().map_or_else(|| form(schema), |at| format!("as `{at}`"));
        let key = if is_needed { format!("**`{path}`**") } else { format!("`{path}`") };
        writeln!(self.text, "| {key} | {form} | {about} |").unwrap();
        if known.is_some() {
            return;
        }
        for (suffix, mapping) in below {
            let path = format!("{path}{suffix}");
            self.shown.push((without_description(mapping), path.clone()));
            self.keys(&format!("{path}."), mapping);
        }
    }

    fn keys(&mut self, prefix: &str, mapping: &Json) {
        for (key, schema) in mapping["properties"].as_object().unwrap() {
            self.row((&format!("{prefix}{key}"), is_needed(mapping, key)), schema);
        }
    }
}

fn is_needed(mapping: &Json, key: &str) -> bool {
    mapping["required"].as_array().is_some_and(|needed| needed.iter().any(|name| name == key))
}

/// A key that may be left out may also be empty, which is not worth a word.
fn given(schema: &Json) -> &Json {
    match schema["anyOf"].as_array().map(Vec::as_slice) {
        Some([schema, null]) if null["type"] == "null" => schema,
        _ => schema,
    }
}

fn without_description(schema: &Json) -> Json {
    let mut schema = schema.clone();
    schema.as_object_mut().unwrap().remove("description");
    schema
}

/// The mappings that a value is or holds, each with what stands between its key and theirs.
fn nested<'a>(suffix: &str, schema: &'a Json, into: &mut Vec<(String, &'a Json)>) {
    if schema["properties"].is_object() {
        into.push((suffix.to_owned(), schema));
    }
    if schema["items"].is_object() {
        nested(&format!("{suffix}[]"), given(&schema["items"]), into);
    }
    if schema["additionalProperties"].is_object() {
        nested(&format!("{suffix}.NAME"), given(&schema["additionalProperties"]), into);
    }
    for alternative in schema["anyOf"].as_array().into_iter().flatten() {
        nested(suffix, alternative, into);
    }
}

/// How a value is written.
fn form(schema: &Json) -> String {
    let units = [
        (Duration::schema(), "time"),
        (Bytes::schema(), "size"),
        (PerSecond::schema(), "rate"),
        (KilobytesPerSecond::schema(), "rate of bytes"),
        (Share::schema(), "share"),
        (Name::schema(), "name"),
        (RawGate::schema(), "gate"),
        (String::schema(), "text"),
        (PathBuf::schema(), "path"),
    ];
    let bare = without_description(schema);
    if let Some((_, name)) = units.iter().find(|(unit, _)| *unit == bare) {
        return (*name).to_owned();
    }
    let code = |word: &Json| format!("`{}`", word.as_str().unwrap());
    if let Some(alternatives) = schema["anyOf"].as_array() {
        return alternatives.iter().map(|schema| form(given(schema))).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(code).collect::<Vec<_>>().join(", ");
    }
    if schema["const"].is_string() {
        return code(&schema["const"]);
    }
    match schema["type"].as_str() {
        Some("integer") => "whole number".to_owned(),
        Some("number") => "number".to_owned(),
        Some("boolean") => "`true`, `false`".to_owned(),
        Some("string") if schema["format"] == "ipv4" => "address".to_owned(),
        Some("array") => format!("list: {}", form(given(&schema["items"]))),
        Some("object") if schema["maxProperties"] == 1 => "one of".to_owned(),
        Some("object") if schema["additionalProperties"].is_object() => "mapping by name".to_owned(),
        Some("object") => "mapping".to_owned(),
        other => panic!("{other:?} is not known to the reference: {schema}"),
    }
}

fn reference() -> String {
    let root = schema();
    let mut reference = Reference { text: HEAD.to_owned(), shown: Vec::new() };
    let table = "| key | value | meaning |\n|---|---|---|\n";
    let (large, small): (Vec<_>, Vec<_>) =
        root["properties"].as_object().unwrap().iter().partition(|(_, schema)| {
            let mut below = Vec::new();
            nested("", given(schema), &mut below);
            !below.is_empty()
        });
    reference.text += table;
    for (key, schema) in small {
        reference.row((key, is_needed(&root, key)), schema);
    }
    for (key, schema) in large {
        write!(reference.text, "\n## {key}\n\n{table}").unwrap();
        reference.row((key, is_needed(&root, key)), schema);
    }
    reference.text += "\n## A gate\n\n`MEASURE[.STAT] OP VALUE [in PHASE | after FAULT] [for GROUP]`, such as \
                       `end-to-end.p99 < 300ms in steady`. Without `for`, it must hold in every group. VALUE may be `baseline`, \
                       also with a margin: `baseline + 10%`, `- 5ms`, `+ 5pp`.\n\n";
    let names =
        |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let measures = |is_of_fault: bool| {
        let measures = Measure::ALL.iter().filter(|measure| measure.belongs_to_fault() == is_of_fault);
        names(measures.map(|measure| measure.name()).collect())
    };
    let stats = names(Stat::ALL.iter().map(|stat| stat.name()).collect());
    write!(
        reference.text,
        "- measures of phases: {}\n- measures of faults: {}\n- statistics: {stats}\n\nWhat they mean: \
         [GLOSSARY](../harness/docs/GLOSSARY.md).\n",
        measures(false),
        measures(true)
    )
    .unwrap();
    reference.text
}

#[test]
fn committed_reference_is_that_of_the_schema() {
    super::committed::is_fresh("REFERENCE.md", &reference());
}
