//! Configs in the JSON of each API: rows, gray releases and listens.

use serde_json::{Map, Value, json};
use shakedown_nacos::ConfigKey;

use crate::core::{Gray, Listener, Row};

/// The numbers in a list that is separated by commas; what is not a number is left out.
pub(super) fn ids(list: &str) -> Vec<u64> {
    list.split(',').filter_map(|id| id.trim().parse().ok()).collect()
}

/// A namespace as 3.x names it.
pub(super) fn namespace(tenant: &str) -> &str {
    if tenant.is_empty() { "public" } else { tenant }
}

/// `show=all` of v1.
pub(super) fn full_v1(key: &ConfigKey, row: &Row) -> Value {
    let mut value = found_v1(key, row);
    let all = words_v1(row);
    if let (Value::Object(value), Value::Object(all)) = (&mut value, all) {
        value.extend(all);
        value.insert("md5".to_owned(), json!(row.entry.md5));
        value.insert("encryptedDataKey".to_owned(), encrypted(row));
    }
    value
}

/// A row that a search of v1 found; it leaves the MD5 out, as the real server does.
pub(super) fn found_v1(key: &ConfigKey, row: &Row) -> Value {
    json!({
        "id": row.id.to_string(),
        "dataId": key.data_id,
        "group": key.group,
        "content": row.entry.content,
        "md5": null,
        "encryptedDataKey": encrypted(row),
        "tenant": key.tenant,
        "appName": row.labels.app_name,
        "type": row.entry.content_type,
    })
}

/// What v1 tells of a row beside its content.
pub(super) fn words_v1(row: &Row) -> Value {
    json!({
        "type": row.entry.content_type,
        "createTime": row.created.at_ms,
        "modifyTime": row.modified.at_ms,
        "createUser": row.modified.user,
        "createIp": row.modified.ip,
        "desc": row.labels.desc,
        "use": row.labels.purpose,
        "effect": row.labels.effect,
        "schema": row.labels.schema,
        "configTags": row.labels.config_tags,
    })
}

/// The beta release in v1.
pub(super) fn beta_v1(key: &ConfigKey, gray: &Gray) -> Value {
    json!({
        "id": gray.id.to_string(),
        "dataId": key.data_id,
        "group": key.group,
        "content": gray.entry.content,
        "md5": gray.entry.md5,
        "encryptedDataKey": gray.entry.encrypted_data_key,
        "tenant": key.tenant,
        "appName": gray.app_name,
        "type": null,
        "betaIps": gray.rule.parts().1,
    })
}

/// A row in v3, as lists have it.
pub(super) fn found_v3(key: &ConfigKey, row: &Row) -> Value {
    json!({
        "id": row.id.to_string(),
        "namespaceId": namespace(&key.tenant),
        "groupName": key.group,
        "dataId": key.data_id,
        "md5": row.entry.md5,
        "type": row.entry.content_type,
        "appName": row.labels.app_name,
        "createTime": 0,
        "modifyTime": 0,
    })
}

/// A whole row in v3.
pub(super) fn full_v3(key: &ConfigKey, row: &Row) -> Value {
    let mut value = found_v3(key, row);
    let more = json!({
        "createTime": row.created.at_ms,
        "modifyTime": row.modified.at_ms,
        "content": row.entry.content,
        "desc": row.labels.desc,
        "encryptedDataKey": encrypted(row),
        "createUser": row.modified.user,
        "createIp": row.modified.ip,
        "configTags": row.labels.config_tags,
    });
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

/// The beta release in v3.
pub(super) fn beta_v3(key: &ConfigKey, gray: &Gray) -> Value {
    let (kind, expression) = gray.rule.parts();
    let priority = gray.rule.priority();
    let rule = json!({ "type": kind, "version": "1.0.0", "expr": expression, "priority": priority });
    json!({
        "id": gray.id.to_string(),
        "namespaceId": namespace(&key.tenant),
        "groupName": key.group,
        "dataId": key.data_id,
        "md5": gray.entry.md5,
        "type": null,
        "appName": gray.app_name,
        "createTime": 0,
        "modifyTime": gray.modified.at_ms,
        "content": gray.entry.content,
        "desc": null,
        "encryptedDataKey": gray.entry.encrypted_data_key,
        "createUser": null,
        "createIp": null,
        "configTags": null,
        "grayName": gray.rule.name(),
        "grayRule": rule.to_string(),
    })
}

fn encrypted(row: &Row) -> Value {
    json!(row.entry.encrypted_data_key.as_deref().unwrap_or_default())
}

/// Listens to one config: an address's MD5.
pub(super) fn by_ip(listeners: &[Listener]) -> Map<String, Value> {
    listeners.iter().map(|one| (one.ip.to_string(), json!(one.md5))).collect()
}

/// Listens of one address: a config's MD5, under the name that the real server has for the config.
pub(super) fn by_key(listeners: &[Listener]) -> Map<String, Value> {
    let name = |key: &ConfigKey| {
        let parts = [key.data_id.as_str(), &key.group, &key.tenant];
        let given = parts.into_iter().filter(|part| !part.is_empty());
        given.map(|part| part.replace('%', "%25").replace('+', "%2B")).collect::<Vec<_>>().join("+")
    };
    listeners.iter().map(|one| (name(&one.key), json!(one.md5))).collect()
}
