//! The JSON Schema of scenario files, from the same declarations that read them.

use serde_json::{Map, Value as Json, json};

use crate::field::Field;
use crate::raw::RawScenario;

/// The JSON Schema of scenario files, draft 2020-12.
///
/// It says what can be written; what must fit together (names that exist, faults within their phases) only loading
/// can tell.
#[must_use]
pub fn schema() -> Json {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("shakedown scenario"));
    let comment = "`${env:NAME}` may stand in any value, which a schema cannot say";
    schema.insert("$comment".to_owned(), json!(comment));
    if let Json::Object(root) = RawScenario::schema() {
        schema.extend(root);
    }
    Json::Object(schema)
}

/// The schema of a mapping with fixed keys: (key, required, what it is, schema).
pub(crate) fn object(about: &str, fields: Vec<(&str, bool, &str, Json)>) -> Json {
    let required: Vec<_> =
        fields.iter().filter(|(_, is_required, ..)| *is_required).map(|(key, ..)| *key).collect();
    let mut schema = json!({ "description": about.trim(), "type": "object", "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let properties: Map<String, Json> = fields
        .into_iter()
        .map(|(key, is_required, doc, schema)| {
            (key.to_owned(), described(doc, if is_required { schema } else { or_null(&schema) }))
        })
        .collect();
    schema["properties"] = Json::Object(properties);
    schema
}

/// The schema of a mapping with exactly one key of several: (key, what it is, schema).
pub(crate) fn choice(about: &str, variants: Vec<(&str, &str, Json)>) -> Json {
    let variants: Map<String, Json> =
        variants.into_iter().map(|(key, doc, schema)| (key.to_owned(), described(doc, schema))).collect();
    json!({
        "description": about.trim(),
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": variants,
    })
}

/// A key that may be left out may also be left empty.
fn or_null(schema: &Json) -> Json {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

fn described(doc: &str, schema: Json) -> Json {
    let mut described = Map::new();
    described.insert("description".to_owned(), json!(doc));
    if let Json::Object(schema) = schema {
        // The part's own description is the more general one.
        described.extend(schema.into_iter().filter(|(key, _)| key != "description"));
    }
    Json::Object(described)
}
