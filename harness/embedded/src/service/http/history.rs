//! What configs were before: lists, single changes and the one before the last (nacos-facts.md §1.2).

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{self, Code, failure, json, missing_form, success};
use super::call::{Call, KeyNames, V1, V2, V3};
use super::{Answer, details};
use crate::core::{GrayRule, HistoryItem, PageOf, Search};

/// The time that the real server gives as every item's creation, and the same in milliseconds.
const CREATED: &str = "2010-05-05T00:00:00.000+00:00";
const CREATED_MS: u64 = 1_273_017_600_000;

pub(super) fn answer(call: &Call<'_>, names: KeyNames) -> Answer {
    if call.method != Method::GET {
        return answers::no_such_method(call, "GET");
    }
    let (_, rest) = call.path.split_once("/history").unwrap_or_default();
    match rest {
        "" if names == V1 && call.params.get("search").is_some() => list(call, names),
        "/list" if names != V1 => list(call, names),
        "" | "/detail" => item(call, names, "nid"),
        "/previous" => item(call, names, "id"),
        "/configs" => configs(call, names),
        _ => answers::no_endpoint(call),
    }
}

fn list(call: &Call<'_>, names: KeyNames) -> Answer {
    let mut key = match call.key(names) {
        Ok(key) => key,
        Err(missing) => return refused(call, names, missing),
    };
    key.tenant = call.tenant(names);
    let page = call.node.input(|core, _| core.history(&key, call.page(100)));
    let page = answers::page(page.map(|item| shown(&item, names, false)));
    if names == V1 { json(&page) } else { success(page) }
}

/// One change, which must be of the config that is named.
fn item(call: &Call<'_>, names: KeyNames, number: &'static str) -> Answer {
    let mut key = match call.key(names) {
        Ok(key) => key,
        Err(missing) => return refused(call, names, missing),
    };
    key.tenant = call.tenant(names);
    let Some(id) = call.params.get(number).and_then(|id| id.parse().ok()) else {
        return refused(call, names, number);
    };
    let found =
        call.node.input(|core, _| if number == "nid" { core.history_item(id) } else { core.previous(id) });
    match found {
        // Here a 2.5.0 breaks off with a status of 0; what its 3.x successor says is told in its place.
        Some(item) if item.key != key => failure(Code::Denied, "Please check dataId, group or namespaceId."),
        Some(item) if names == V1 => json(&shown(&item, names, true)),
        Some(item) => success(shown(&item, names, true)),
        None if names == V1 => answers::nothing(),
        None if names == V2 => success(Value::Null),
        None => failure(Code::Invalid, "Source must not be null"),
    }
}

/// Every config of a namespace, without its content.
fn configs(call: &Call<'_>, names: KeyNames) -> Answer {
    let search = Search { tenant: call.tenant(names), ..Search::default() };
    let everything = PageOf { number: 1, size: crate::core::PAGE_MAX };
    let found = call.node.input(|core, _| core.search(&search, everything));
    let shown = found.map(|(key, row)| {
        let mut value =
            if names == V3 { details::found_v3(&key, &row) } else { details::found_v1(&key, &row) };
        let modified = if names == V3 { "modifyTime" } else { "lastModified" };
        value["id"] = json!("0");
        value["md5"] = Value::Null;
        value[modified] = json!(row.modified.at_ms);
        if names != V3 {
            value["content"] = Value::Null;
            value["encryptedDataKey"] = Value::Null;
        }
        value
    });
    if names == V1 { json(&shown.items) } else { success(shown.items) }
}

fn refused(call: &Call<'_>, names: KeyNames, missing: &str) -> Answer {
    if names == V1 { answers::missing(call, missing) } else { missing_form(missing) }
}

fn shown(item: &HistoryItem, names: KeyNames, is_whole: bool) -> Value {
    let publish_type = if item.gray.is_some() { "gray" } else { "formal" };
    let gray_name = item.gray.as_ref().map(GrayRule::name).unwrap_or_default();
    let md5 = is_whole.then(|| item.entry.md5.clone());
    let content = is_whole.then(|| item.entry.content.clone());
    let encrypted = is_whole.then(|| item.entry.encrypted_data_key.as_deref().unwrap_or_default().to_owned());
    if names != V3 {
        return json!({
            "id": item.nid.to_string(),
            "lastId": -1,
            "dataId": item.key.data_id,
            "group": item.key.group,
            "tenant": item.key.tenant,
            "appName": item.labels.app_name,
            "md5": md5,
            "content": content,
            "srcIp": item.author.ip,
            "srcUser": item.author.user,
            "opType": item.operation.padded(),
            "publishType": publish_type,
            "grayName": gray_name,
            "extInfo": ext_info(item),
            "createdTime": CREATED,
            "lastModifiedTime": time(item.author.at_ms),
            "encryptedDataKey": encrypted,
        });
    }
    let mut value = json!({
        "id": item.nid.to_string(),
        "namespaceId": details::namespace(&item.key.tenant),
        "groupName": item.key.group,
        "dataId": item.key.data_id,
        "md5": md5,
        "type": null,
        "appName": item.labels.app_name,
        "createTime": CREATED_MS,
        "modifyTime": item.author.at_ms,
        "srcIp": item.author.ip,
        "srcUser": item.author.user,
        "opType": item.operation.padded(),
        "publishType": publish_type,
    });
    if is_whole {
        value["content"] = json!(content);
        value["encryptedDataKey"] = json!(encrypted);
        value["grayName"] = json!(gray_name);
        value["extInfo"] = json!(ext_info(item));
    }
    value
}

/// What the real server keeps beside the content, as JSON in a text.
fn ext_info(item: &HistoryItem) -> String {
    if let Some(gray) = &item.gray {
        let (kind, expression) = gray.parts();
        let priority = gray.priority().to_string();
        let rule = json!({ "type": kind, "expr": expression, "version": "1.0.0", "priority": priority });
        return json!({ "gray_name": gray.name(), "gray_rule": rule.to_string() }).to_string();
    }
    let user = item.content_user.as_deref();
    let words = [
        ("type", Some(&*item.entry.content_type)),
        ("config_tags", item.labels.config_tags.as_deref()),
        ("src_user", user),
        ("c_desc", item.labels.desc.as_deref()),
        ("c_use", item.labels.purpose.as_deref()),
        ("effect", item.labels.effect.as_deref()),
        ("c_schema", item.labels.schema.as_deref()),
    ];
    let given: BTreeMap<_, _> =
        words.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect();
    json!(given).to_string()
}

fn time(unix_ms: u64) -> String {
    let at = i64::try_from(unix_ms).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    at.unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}
