//! HTTP v3 of the config service: for clients and for operators (nacos-facts.md §1.7).

use http::{Method, StatusCode};
use serde_json::{Value, json};
use shakedown_nacos::ConfigKey;

use super::answers::{self, Code, failure, missing_form, outcome, refused, success};
use super::call::{Call, V3};
use super::{Answer, details, writes};
use crate::core::{Caller, Found, GrayRule, ListenerOf, Read, Search, stored_key};

pub(super) async fn answer(call: Call<'_>) -> Answer {
    let path = call.path.strip_prefix("/nacos/v3").unwrap_or_default();
    match (path, call.method.clone()) {
        ("/client/cs/config", Method::GET) => get(&call).await,
        ("/client/cs/config", _) => answers::no_such_method(&call, "GET"),
        ("/admin/cs/config", Method::GET) => details(&call),
        ("/admin/cs/config", Method::POST) => writes::publish(call, V3).await,
        ("/admin/cs/config", Method::DELETE) => writes::delete(&call, key(&call)).await,
        ("/admin/cs/config", _) => answers::no_such_method(&call, "POST, GET, DELETE"),
        ("/admin/cs/config/batch", Method::DELETE) => delete_many(&call).await,
        ("/admin/cs/config/list", Method::GET) => list(&call),
        ("/admin/cs/config/listener", Method::GET) => listeners(&call),
        ("/admin/cs/config/beta", Method::GET) => beta(&call),
        ("/admin/cs/config/beta", Method::DELETE) => stop_beta(&call).await,
        ("/admin/cs/config/metadata", Method::PUT) => words(&call).await,
        ("/admin/cs/listener", Method::GET) => listens_of_ip(&call),
        _ => answers::no_endpoint(&call),
    }
}

/// A client's get sees beta releases and no tags, as a running 3.1.0 does.
async fn get(call: &Call<'_>) -> Answer {
    let missing = |name: &str| refused(&format!("Required parameter '{name}' type String is not present"));
    let key = match call.given_key(V3).map(stored_key) {
        Ok(Ok(key)) => key,
        Ok(Err(error)) => return answers::key_error(&error),
        Err(name) => return missing(name),
    };
    match call.node.get(&key, &Caller { ip: call.ip(), tag: None }, false).await {
        Read::Found(found) => success(query_response(&found)),
        Read::Absent => outcome(20004, Some("resource not found"), Value::Null),
        Read::Busy(_) => outcome(20005, Some("resource conflict"), Value::Null),
    }
}

fn query_response(found: &Found) -> Value {
    let key = found.entry.encrypted_data_key.as_deref();
    json!({
        "resultCode": StatusCode::OK.as_u16(),
        "errorCode": 0,
        "message": null,
        "requestId": null,
        "content": found.entry.content,
        "encryptedDataKey": key.or_else(|| found.gray.is_none().then_some("")),
        "contentType": found.content_type,
        "md5": found.entry.md5,
        "lastModified": found.entry.last_modified_ms,
        "tag": null,
        "beta": matches!(&found.gray, Some(gray) if matches!(gray.rule, GrayRule::Beta(_))),
        "success": true,
    })
}

fn key(call: &Call<'_>) -> Result<ConfigKey, Box<Answer>> {
    let key = call.given_key(V3).map_err(|parameter| Box::new(missing_form(parameter)))?;
    stored_key(key).map_err(|error| Box::new(answers::key_error(&error)))
}

fn details(call: &Call<'_>) -> Answer {
    let key = match key(call) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    let row = call.node.input(|core, _| core.row(&key).map(|row| details::full_v3(&key, row)));
    row.map_or_else(|| failure(Code::NotFound, "Config not exist, please publish Config first."), success)
}

async fn delete_many(call: &Call<'_>) -> Answer {
    match call.node.remove_many(&details::ids(&call.text("ids")), &call.author()).await {
        Ok(()) => success(true),
        Err(error) => answers::write_failure(&error),
    }
}

fn list(call: &Call<'_>) -> Answer {
    let search = Search {
        is_blurred: !call.is("search", "accurate"),
        tenant: call.tenant(V3),
        data_id: call.text("dataId"),
        group: call.text("groupName"),
        app_name: call.text("appName"),
        config_tags: call.text("configTags"),
        types: call.text("type"),
        content: call.text("configDetail"),
    };
    let page = call.node.input(|core, _| core.search(&search, call.page(100)));
    success(answers::page(page.map(|(key, row)| details::found_v3(&key, &row))))
}

fn listeners(call: &Call<'_>) -> Answer {
    match key(call) {
        Ok(key) => {
            let status = call.node.input(|core, _| core.listens(ListenerOf::Config(&key)));
            success(json!({ "queryType": "config", "listenersStatus": details::by_ip(&status) }))
        }
        Err(refusal) => *refusal,
    }
}

fn listens_of_ip(call: &Call<'_>) -> Answer {
    let Some(ip) = call.given("ip") else { return missing_form("ip") };
    let mut status = call.node.input(|core, _| core.listens(ListenerOf::Ip(&ip)));
    if !call.is("all", "true") {
        let tenant = call.tenant(V3);
        status.retain(|listener| listener.key.tenant == tenant);
    }
    success(json!({ "queryType": "ip", "listenersStatus": details::by_key(&status) }))
}

fn beta(call: &Call<'_>) -> Answer {
    let key = match key(call) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    let gray = call.node.input(|core, _| core.beta(&key).map(|gray| details::beta_v3(&key, gray)));
    gray.map_or_else(|| failure(Code::NotFound, "Config is not in beta."), success)
}

async fn stop_beta(call: &Call<'_>) -> Answer {
    let key = match key(call) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    match call.node.stop_beta(key, &call.author()).await {
        Ok(true) => success(true),
        Ok(false) => outcome(30000, Some("remove beta data error"), false),
        Err(error) => answers::write_failure(&error),
    }
}

/// Gives a config another description or other tags.
async fn words(call: &Call<'_>) -> Answer {
    let key = match key(call) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    match call.node.put_words(&key, call.given("desc"), call.given("configTags")).await {
        Ok(true) => success(true),
        Ok(false) => failure(Code::NotFound, "Config not exist, please publish Config first."),
        Err(error) => answers::write_failure(&error),
    }
}
