//! HTTP v1 of the config service (nacos-facts.md §1.2).

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answers::{self, json, outcome};
use super::call::{Call, V1};
use super::{Answer, details};
use crate::core::{KeyError, ListenerOf, Read, Search, check_key, stored_key};

pub(super) async fn answer(call: Call<'_>) -> Answer {
    let path = call.path.strip_prefix("/nacos/v1/cs").unwrap_or_default();
    match (path, call.method.clone()) {
        ("/configs", Method::POST) => publish(call).await,
        ("/configs", Method::GET) => match call.params.get("search") {
            Some(_) => search(&call),
            None if call.is("show", "all") => show(&call),
            None if call.is("beta", "true") => beta(&call),
            None => get(&call).await,
        },
        ("/configs", Method::DELETE) if call.is("delType", "ids") => delete_many(&call).await,
        ("/configs", Method::DELETE) if call.is("beta", "true") => stop_beta(&call).await,
        ("/configs", Method::DELETE) => delete(&call).await,
        ("/configs", _) => answers::no_such_method(&call, "GET, POST, DELETE"),
        ("/configs/listener", Method::GET) => listeners(&call),
        ("/configs/listener", _) => answers::no_such_method(&call, "GET, POST"),
        ("/listener", Method::GET) => listens_of_ip(&call),
        ("/configs/catalog", Method::GET) => catalog(&call),
        _ => answers::no_such_method(&call, "GET"),
    }
}

async fn publish(mut call: Call<'_>) -> Answer {
    let key = match call.key(V1) {
        Ok(key) => key,
        Err(missing) => return answers::missing(&call, missing),
    };
    let Some(content) = call.params.take("content") else { return answers::missing(&call, "content") };
    let new = call.new_config(key, content);
    match call.node.publish(new).await {
        Ok(()) => answers::done(),
        Err(error) => answers::write_error(&error, call.generation),
    }
}

async fn delete(call: &Call<'_>) -> Answer {
    let key = match call.key(V1) {
        Ok(key) => key,
        Err(missing) => return answers::missing(call, missing),
    };
    match call.node.remove(key, call.params.get("tag"), &call.author()).await {
        Ok(()) => answers::done(),
        Err(error) => answers::write_error(&error, call.generation),
    }
}

async fn get(call: &Call<'_>) -> Answer {
    let key = match call.key(V1) {
        Ok(key) => key,
        Err(missing) => return answers::missing(call, missing),
    };
    let key = match stored_key(key) {
        Ok(key) => key,
        Err(error) => return answers::key_error(&error),
    };
    let wants_tag = call.given("tag").is_some();
    match call.node.get(&key, &call.caller(), wants_tag).await {
        Read::Found(found) => answers::content(&found),
        Read::Absent => answers::absent(),
        Read::Busy(_) => answers::busy(),
    }
}

/// Runs `read` with the key that is named and accepted.
fn keyed(call: &Call<'_>, read: impl FnOnce(&shakedown_nacos::ConfigKey) -> Answer) -> Answer {
    match call.key(V1).map(stored_key) {
        Ok(Ok(key)) => read(&key),
        Ok(Err(error)) => answers::key_error(&error),
        Err(missing) => answers::missing(call, missing),
    }
}

fn show(call: &Call<'_>) -> Answer {
    keyed(call, |key| {
        call.node.input(|core, _| match core.row(key) {
            Some(row) => json(&details::full_v1(key, row)),
            None => answers::nothing(),
        })
    })
}

fn catalog(call: &Call<'_>) -> Answer {
    keyed(call, |key| {
        let row = call.node.input(|core, _| core.row(key).map(details::words_v1));
        outcome(200, None, row)
    })
}

fn beta(call: &Call<'_>) -> Answer {
    keyed(call, |key| {
        let gray = call.node.input(|core, _| core.beta(key).map(|gray| details::beta_v1(key, gray)));
        outcome(200, Some("query beta ok"), gray)
    })
}

async fn stop_beta(call: &Call<'_>) -> Answer {
    let key = match call.key(V1).map(stored_key) {
        Ok(Ok(key)) => key,
        Ok(Err(error)) => return answers::key_error(&error),
        Err(missing) => return answers::missing(call, missing),
    };
    match call.node.stop_beta(key, &call.author()).await {
        Ok(true) => outcome(200, Some("stop beta ok"), true),
        Ok(false) => outcome(500, Some("remove beta data error"), false),
        Err(error) => answers::write_error(&error, call.generation),
    }
}

async fn delete_many(call: &Call<'_>) -> Answer {
    match call.node.remove_many(&details::ids(&call.text("ids")), &call.author()).await {
        Ok(()) => outcome(200, None, true),
        Err(error) => answers::write_error(&error, call.generation),
    }
}

fn search(call: &Call<'_>) -> Answer {
    let key = match call.key(V1) {
        Ok(key) => key,
        Err(missing) => return answers::missing(call, missing),
    };
    for missing in ["pageNo", "pageSize"] {
        if call.params.get(missing).is_none() {
            return answers::missing(call, missing);
        }
    }
    let is_blurred = call.is("search", "blur");
    if !is_blurred && let Err(error @ (KeyError::Characters(_) | KeyError::Length(..))) = check_key(&key) {
        return answers::key_error(&error);
    }
    let search = Search {
        is_blurred,
        tenant: call.tenant(V1),
        data_id: key.data_id,
        group: key.group,
        app_name: call.text("appName"),
        config_tags: call.text("config_tags"),
        types: call.text("types"),
        content: call.text("config_detail"),
    };
    let page = call.node.input(|core, _| core.search(&search, call.page(100)));
    let shown = page.map(|(key, row)| {
        let mut value = details::found_v1(&key, &row);
        if !is_blurred {
            // The real server's two searches read different columns.
            value["encryptedDataKey"] = Value::Null;
        }
        value
    });
    json(&answers::page(shown))
}

fn listeners(call: &Call<'_>) -> Answer {
    match call.key(V1) {
        Ok(key) => {
            let key = shakedown_nacos::ConfigKey { tenant: call.tenant(V1), ..key };
            let status = call.node.input(|core, _| core.listens(ListenerOf::Config(&key)));
            let by_ip = details::by_ip(&status);
            json(&json!({ "collectStatus": 200, "lisentersGroupkeyStatus": by_ip }))
        }
        Err(missing) => answers::missing(call, missing),
    }
}

fn listens_of_ip(call: &Call<'_>) -> Answer {
    let Some(ip) = call.params.get("ip") else { return answers::missing(call, "ip") };
    let mut status = call.node.input(|core, _| core.listens(ListenerOf::Ip(ip)));
    // Without `all` only those of the namespace that is asked for.
    if !call.is("all", "true") {
        let tenant = call.tenant(V1);
        status.retain(|listener| listener.key.tenant == tenant);
    }
    let by_key = details::by_key(&status);
    json(&json!({ "collectStatus": StatusCode::OK.as_u16(), "lisentersGroupkeyStatus": by_key }))
}
