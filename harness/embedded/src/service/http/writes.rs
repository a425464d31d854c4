//! Publish and delete as v2 and v3 have them; they differ in the names of parameters alone.

use shakedown_nacos::ConfigKey;

use super::Answer;
use super::answers::{missing_form, success, write_failure};
use super::call::{Call, KeyNames};

pub(super) async fn publish(mut call: Call<'_>, names: KeyNames) -> Answer {
    let key = match call.given_key(names) {
        Ok(key) => key,
        Err(parameter) => return missing_form(parameter),
    };
    let Some(content) = call.given("content") else { return missing_form("content") };
    let new = call.new_config(key, content);
    match call.node.publish(new).await {
        Ok(()) => success(true),
        Err(error) => write_failure(&error),
    }
}

/// `key` may be the answer already: of a parameter that is missing or no name.
pub(super) async fn delete(call: &Call<'_>, key: Result<ConfigKey, Box<Answer>>) -> Answer {
    let key = match key {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    match call.node.remove(key, call.params.get("tag"), &call.author()).await {
        Ok(()) => success(true),
        Err(error) => write_failure(&error),
    }
}
