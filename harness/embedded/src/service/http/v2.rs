//! HTTP v2 of the config service (nacos-facts.md §1.7).

use http::Method;
use shakedown_nacos::ConfigKey;

use super::answers::{self, Code, failure, success};
use super::call::{Call, V2};
use super::{Answer, details, writes};
use crate::core::{Read, Search, stored_key};

pub(super) async fn answer(call: Call<'_>) -> Answer {
    let path = call.path.strip_prefix("/nacos/v2/cs").unwrap_or_default();
    match (path, call.method.clone()) {
        ("/config", Method::GET) => get(&call).await,
        ("/config", Method::POST) => writes::publish(call, V2).await,
        ("/config", Method::DELETE) => writes::delete(&call, key(&call)).await,
        ("/config", _) => answers::no_such_method(&call, "DELETE, GET, POST"),
        (_, Method::GET) => search_detail(&call),
        _ => answers::no_such_method(&call, "GET"),
    }
}

fn missing(parameter: &str) -> Answer {
    let words =
        format!("Required request parameter '{parameter}' for method parameter type String is not present");
    failure(Code::Missing, words)
}

fn key(call: &Call<'_>) -> Result<ConfigKey, Box<Answer>> {
    let key = call.key(V2).map_err(|parameter| Box::new(missing(parameter)))?;
    stored_key(key).map_err(|error| Box::new(answers::key_error(&error)))
}

async fn get(call: &Call<'_>) -> Answer {
    let key = match key(call) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    let wants_tag = call.given("tag").is_some();
    match call.node.get(&key, &call.caller(), wants_tag).await {
        Read::Found(found) => answers::content_in_form(&found),
        Read::Absent => failure(Code::NotFound, "config data not exist"),
        Read::Busy(_) => failure(Code::Conflict, "requested file is being modified, please try later."),
    }
}

fn search_detail(call: &Call<'_>) -> Answer {
    for parameter in ["dataId", "group", "config_detail"] {
        if call.params.get(parameter).is_none() {
            return missing(parameter);
        }
    }
    let search = Search {
        is_blurred: !call.is("search", "accurate"),
        tenant: call.tenant(V2),
        data_id: call.text("dataId"),
        group: call.text("group"),
        app_name: call.text("appName"),
        config_tags: call.text("config_tags"),
        types: call.text("types"),
        content: call.text("config_detail"),
    };
    let page = call.node.input(|core, _| core.search(&search, call.page(100)));
    success(answers::page(page.map(|(key, row)| details::found_v1(&key, &row))))
}
