//! Namespaces: of the console of 2.x, and of the admin API of 3.x.

use http::Method;
use serde_json::{Value, json};
use shakedown_model::plan::Generation;

use super::Answer;
use super::answers::{self, Code, failure, json as plain, missing_form, outcome, success};
use super::call::Call;
use crate::core::{Change, Core, Namespace, NamespaceError};

/// How many configs a namespace may have (real: 200, which nobody checks by default).
const QUOTA: u32 = 200;

pub(super) async fn answer(call: Call<'_>) -> Answer {
    let is_v1 = call.path.starts_with("/nacos/v1/");
    match call.method.clone() {
        Method::GET if is_v1 => console(&call),
        Method::GET if call.path.ends_with("/list") => success(list(&call)),
        Method::GET => one(&call),
        Method::POST => put(&call, true, is_v1).await,
        Method::PUT => put(&call, false, is_v1).await,
        Method::DELETE => delete(&call, is_v1).await,
        _ => answers::no_such_method(&call, "PUT, GET, DELETE, POST"),
    }
}

/// The lists and questions of the old console.
fn console(call: &Call<'_>) -> Answer {
    if call.is("checkNamespaceIdExist", "true") {
        let id = call.text("customNamespaceId");
        let exists = call.node.input(|core, _| core.namespaces().any(|own| own.id == id));
        return plain(&exists);
    }
    if call.is("show", "all") {
        let id = call.text("namespaceId");
        let found = call.node.input(|core, _| shown(core, &id));
        return found.map_or_else(answers::nothing, |found| plain(&found));
    }
    outcome(200, None, list(call))
}

fn list(call: &Call<'_>) -> Value {
    call.node.input(|core, _| {
        let ids = core.namespaces().map(|own| own.id.as_str());
        ["public"].into_iter().chain(ids).filter_map(|id| shown(core, id)).collect()
    })
}

fn one(call: &Call<'_>) -> Answer {
    let id = call.text("namespaceId");
    let found = call.node.input(|core, _| shown(core, &id));
    found.map_or_else(
        || failure(Code::NamespaceAbsent, NamespaceError::Absent(id.clone()).to_string()),
        success,
    )
}

fn shown(core: &Core, id: &str) -> Option<Value> {
    let is_v3 = core.generation() == Generation::V3;
    if id.is_empty() || id == "public" {
        let (id, desc) = if is_v3 { ("public", Some("Default Namespace")) } else { ("", None) };
        return Some(row(id, "public", desc, core.config_count(""), 0));
    }
    let own = core.namespaces().find(|own| own.id == id)?;
    Some(row(&own.id, &own.name, Some(&own.desc), core.config_count(&own.id), 2 - u8::from(is_v3)))
}

fn row(id: &str, name: &str, desc: Option<&str>, configs: usize, kind: u8) -> Value {
    json!({
        "namespace": id,
        "namespaceShowName": name,
        "namespaceDesc": desc,
        "quota": QUOTA,
        "configCount": configs,
        "type": kind,
    })
}

async fn put(call: &Call<'_>, is_new: bool, is_v1: bool) -> Answer {
    let either = |old, new| call.given(old).or_else(|| call.given(new));
    let id = either("customNamespaceId", "namespaceId").or_else(|| call.given("namespace"));
    let Some(name) = either("namespaceName", "namespaceShowName") else {
        return if is_v1 {
            answers::missing(call, "namespaceName")
        } else {
            failure(Code::Missing, "required parameter 'namespaceName' is missing")
        };
    };
    let desc = call.text("namespaceDesc");
    let id = id.unwrap_or_else(|| call.node.input(|core, _| unused_id(core, &name)));
    let namespace = Namespace { id, name, desc };
    let accepted = call.node.input(|core, _| core.accept_namespace(namespace, is_new));
    match accepted {
        Ok(change) => written(call.node.write(change).await, is_v1),
        Err(_) if is_v1 => plain(&false),
        Err(error) => {
            let code = match error {
                NamespaceError::Exists(_) => Code::NamespaceExists,
                NamespaceError::Absent(_) => Code::NamespaceAbsent,
                NamespaceError::Pattern(_) | NamespaceError::TooLong | NamespaceError::Name(_) => {
                    Code::NamespaceIllegal
                }
            };
            failure(code, error.to_string())
        }
    }
}

/// An id for a namespace that comes without one: the MD5 of its name and number, in the form of a UUID.
fn unused_id(core: &Core, name: &str) -> String {
    let digits = shakedown_nacos::md5_hex(&format!("{name}/{}", core.namespaces().count()));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

async fn delete(call: &Call<'_>, is_v1: bool) -> Answer {
    let Some(id) = call.given("namespaceId") else { return missing_form("namespaceId") };
    written(call.node.write(Change::RemoveNamespace(id)).await, is_v1)
}

fn written(result: Result<(), super::super::node::WriteError>, is_v1: bool) -> Answer {
    match result {
        Ok(()) if is_v1 => plain(&true),
        Ok(()) => success(true),
        Err(error) => answers::write_failure(&error),
    }
}
