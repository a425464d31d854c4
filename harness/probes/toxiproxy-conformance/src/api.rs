//! The API by raw requests: shapes, status codes, refusals.

mod refusals;
mod shapes;

use serde_json::Value;

use crate::suite::Suite;

pub(crate) fn run(suite: &mut Suite) {
    println!("API");
    shapes::run(suite);
    refusals::run(suite);
}

/// What leaves something behind.
pub(crate) fn last(suite: &mut Suite) {
    shapes::slash(suite);
}

/// Removes every proxy.
fn clean(suite: &Suite) -> Result<(), String> {
    let proxies = suite.call("GET", "/proxies", &Value::Null)?;
    for name in proxies.as_object().into_iter().flat_map(|proxies| proxies.keys()) {
        suite.call("DELETE", &format!("/proxies/{}", name.replace(' ', "%20")), &Value::Null)?;
    }
    Ok(())
}
