//! The old APIs that a 3.0 or 3.1 server has switched off: 410, and what to call instead (nacos-facts.md §1.1).

use http::{Method, StatusCode};
use shakedown_model::plan::Generation;

use super::Answer;
use super::answers::error_page;
use super::call::Call;

/// Which switch lets a call through, and what stands in its place.
#[derive(Debug, PartialEq, Eq)]
struct Replaced {
    switch: &'static str,
    by: String,
}

pub(super) fn answer(call: &Call<'_>) -> Option<Answer> {
    if call.generation == Generation::V2 {
        return None;
    }
    let Replaced { switch, by } = replaced(call)?;
    let open = call.node.old_apis();
    let is_open = match switch {
        "client" => open.client,
        "admin" => open.admin,
        _ => open.console,
    };
    if is_open {
        return None;
    }
    let words = format!(
        "Current API will be deprecated, please use API(s) `{by}` instead, or set \
         `nacos.core.api.compatibility.{switch}.enabled=true` in application.properties."
    );
    let message = serde_json::json!({ "code": 40000, "message": words }).to_string();
    Some(error_page(StatusCode::GONE, &message, &call.path))
}

fn replaced(call: &Call<'_>) -> Option<Replaced> {
    let path = call.path.strip_prefix("/nacos")?;
    let method = &call.method;
    let by = |switch, method: &str, new: &str| {
        Some(Replaced { switch, by: format!("{method} ${{contextPath:nacos}}/v3/{new}") })
    };
    let has = |name| call.params.get(name).is_some();
    match path {
        "/v1/cs/configs" if *method == Method::GET && has("search") => {
            by("console", "GET", "console/cs/config/list")
        }
        "/v1/cs/configs" if *method == Method::GET && has("show") => {
            by("console", "GET", "console/cs/config")
        }
        "/v1/cs/configs" if has("beta") => by("console", method.as_str(), "console/cs/config/beta"),
        "/v1/cs/configs" if has("delType") => by("console", "GET", "console/cs/config/batchDelete"),
        "/v1/cs/configs" if has("export") => by("console", "GET", "console/cs/config/export"),
        "/v1/cs/configs" if has("clone") => by("console", "GET", "console/cs/config/clone"),
        "/v1/cs/configs" if *method == Method::GET => by("client", "GET", "client/cs/config"),
        "/v1/cs/configs" => by("client", method.as_str(), "admin/cs/config"),
        "/v1/cs/configs/listener" if *method == Method::GET => {
            by("console", "GET", "console/cs/config/listener")
        }
        "/v1/cs/configs/listener" => by("client", "POST", "admin/cs/config/listener"),
        "/v1/cs/listener" => by("console", "GET", "console/cs/config/listener/ip"),
        "/v1/cs/configs/catalog" => by("admin", "GET", "admin/cs/config"),
        "/v1/cs/ops/localCache" => by("admin", "POST", "admin/cs/ops/localCache"),
        "/v1/cs/history" if has("search") => by("console", "GET", "console/cs/history/list"),
        "/v2/cs/config/searchDetail" => by("console", "GET", "console/cs/config/searchDetail"),
        "/v2/cs/history/detail" => None,
        _ if path.starts_with("/v2/core/loader/") => {
            let name = path.trim_start_matches("/v2/core/loader/");
            let method = if ["current", "cluster"].contains(&name) { "GET" } else { "POST" };
            by("admin", method, &format!("admin/core/loader/{name}"))
        }
        _ => {
            let (switch, rest) = match (path.strip_prefix("/v1/cs/"), path.strip_prefix("/v2/cs/")) {
                (Some(rest), _) => ("console", format!("console/cs/{rest}")),
                (_, Some(rest)) => ("admin", format!("admin/cs/{rest}")),
                (None, None) => return None,
            };
            by(switch, method.as_str(), &rest)
        }
    }
}
