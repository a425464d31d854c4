//! Whether the server lives and is ready, and what it is; nobody needs a login for that.

use http::{Method, StatusCode};
use serde_json::json;
use shakedown_model::plan::Generation;

use super::Answer;
use super::answers::{self, json as plain, success, text};
use super::call::Call;

pub(super) fn is_known(path: &str, generation: Generation) -> bool {
    let of_both = ["/actuator/health", "/v1/ns/operator/metrics"];
    let own: &[&str] = match generation {
        Generation::V2 => &[
            "/v1/console/health/readiness",
            "/v1/console/health/liveness",
            "/v1/console/server/state",
            "/v1/cs/health",
        ],
        Generation::V3 => {
            &["/", "/v3/admin/core/state", "/v3/admin/core/state/readiness", "/v3/admin/core/state/liveness"]
        }
    };
    of_both.contains(&path) || own.contains(&path)
}

pub(super) fn answer(call: &Call<'_>) -> Answer {
    if call.method != Method::GET {
        return answers::no_such_method(call, "GET");
    }
    match call.path.strip_prefix("/nacos").unwrap_or_default() {
        "/v1/console/health/readiness" | "/v1/console/health/liveness" => text(StatusCode::OK, "OK"),
        "/v1/cs/health" => text(StatusCode::OK, "UP"),
        "/v3/admin/core/state/readiness" | "/v3/admin/core/state/liveness" => success("ok"),
        "/v3/admin/core/state" => success(state(call)),
        "/v1/console/server/state" => plain(&state(call)),
        "/" => text(StatusCode::OK, "Nacos Console default port is 8080, and the path is /."),
        _ => plain(&json!({ "status": "UP" })),
    }
}

/// Dumps everything again, at the next tick.
pub(super) fn dump_all(call: &Call<'_>) -> Answer {
    if call.method != Method::POST {
        return answers::no_such_method(call, "POST");
    }
    call.node.input(crate::core::Core::dump_all);
    if call.path.starts_with("/nacos/v1/") {
        text(StatusCode::OK, "200")
    } else {
        success("Local cache updated from store successfully!")
    }
}

/// What the server says of itself. The version is that of the generation that it imitates.
fn state(call: &Call<'_>) -> serde_json::Value {
    let version = match call.generation {
        Generation::V2 => "2.5.0",
        Generation::V3 => "3.1.0",
    };
    let (auth_enabled, retention) = call.node.input(|core, _| {
        (core.needs_login(false), core.settings().history_retention.as_secs() / (24 * 60 * 60))
    });
    json!({
        "version": version,
        "startup_mode": "standalone",
        "standalone_mode": "standalone",
        "function_mode": null,
        "auth_enabled": auth_enabled.to_string(),
        "auth_system_type": "nacos",
        "config_retention_days": retention.to_string(),
        "maxContent": (10 * 1024 * 1024).to_string(),
        "isCapacityLimitCheck": "false",
        "isManageCapacity": "true",
    })
}
