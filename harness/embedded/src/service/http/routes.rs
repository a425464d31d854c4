//! From a path to its handler: what a generation has, what is switched off, and who may call.

use http::{Method, StatusCode};
use shakedown_model::plan::Generation;

use super::call::{Call, KeyNames, V1, V2, V3};
use super::{Answer, accounts, answers, gone, history, loader, namespaces, poll, state, v1, v2, v3};
use crate::core::{Action, Resource};
use crate::service::access::{Need, admit, denied_message};

/// The parts of the server's HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    State,
    Login,
    Account,
    Namespace,
    Ops,
    Loader,
    Config(KeyNames),
    History(KeyNames),
    Unknown,
}

pub(super) async fn answer(call: Call<'_>) -> Answer {
    let (is_v1_config, generation) = (call.path.starts_with("/nacos/v1/cs/"), call.generation);
    let mut answer = handle(call).await;
    answers::name_type(&mut answer, is_v1_config, generation);
    answer
}

async fn handle(mut call: Call<'_>) -> Answer {
    let api = api(&call);
    if api == Api::Unknown {
        return answers::no_endpoint(&call);
    }
    if let Some(gone) = gone::answer(&call) {
        return gone;
    }
    if let Some(need) = need(api, &call) {
        match admit(call.node, &call.credentials(), need) {
            Ok(user) => call.user = user,
            Err(denied) => {
                let message = denied_message(denied, call.generation);
                return answers::error_page(StatusCode::FORBIDDEN, &message, &call.path);
            }
        }
    }
    let path = call.path.clone();
    match (api, path.as_str()) {
        (Api::State, _) => state::answer(&call),
        (Api::Login | Api::Account, _) => accounts::answer(call).await,
        (Api::Namespace, _) => namespaces::answer(call).await,
        (Api::Ops, _) => state::dump_all(&call),
        (Api::Loader, _) => loader::answer(call).await,
        (Api::History(names), _) => history::answer(&call, names),
        (_, "/nacos/v1/cs/configs/listener") if call.method == Method::POST => poll::answer(call).await,
        (_, path) if path.starts_with("/nacos/v1/") => v1::answer(call).await,
        (_, path) if path.starts_with("/nacos/v2/") => v2::answer(call).await,
        _ => v3::answer(call).await,
    }
}

fn api(call: &Call<'_>) -> Api {
    let Some(path) = call.path.strip_prefix("/nacos") else { return Api::Unknown };
    let is_v3 = call.generation == Generation::V3;
    match path {
        _ if state::is_known(path, call.generation) => Api::State,
        "/v1/auth/users/login" | "/v1/auth/login" | "/v1/auth/users/admin" => Api::Login,
        "/v3/auth/user/login" | "/v3/auth/user/admin" if is_v3 => Api::Login,
        _ if path.starts_with("/v2/core/loader/") => Api::Loader,
        _ if path.starts_with("/v3/admin/core/loader/") && is_v3 => Api::Loader,
        _ if path.starts_with("/v1/auth/") && !is_v3 => Api::Account,
        _ if path.starts_with("/v3/auth/") && is_v3 => Api::Account,
        "/v1/console/namespaces" | "/v2/console/namespace" | "/v2/console/namespace/list" if !is_v3 => {
            Api::Namespace
        }
        "/v3/admin/core/namespace" | "/v3/admin/core/namespace/list" if is_v3 => Api::Namespace,
        "/v1/cs/configs" | "/v1/cs/configs/listener" | "/v1/cs/listener" | "/v1/cs/configs/catalog" => {
            Api::Config(V1)
        }
        "/v2/cs/config" | "/v2/cs/config/searchDetail" => Api::Config(V2),
        "/v3/client/cs/config" | "/v3/admin/cs/listener" if is_v3 => Api::Config(V3),
        _ if is_v3 && is_under(path, "/v3/admin/cs/config") => Api::Config(V3),
        "/v1/cs/ops/localCache" => Api::Ops,
        "/v3/admin/cs/ops/localCache" if is_v3 => Api::Ops,
        _ if is_under(path, "/v1/cs/history") => Api::History(V1),
        _ if is_under(path, "/v2/cs/history") => Api::History(V2),
        _ if is_v3 && is_under(path, "/v3/admin/cs/history") => Api::History(V3),
        _ => Api::Unknown,
    }
}

/// Whether `path` is `folder` or something in it.
fn is_under(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn need<'a>(api: Api, call: &'a Call<'_>) -> Option<Need<'a>> {
    let is_admin_api = call.path.starts_with("/nacos/v3/admin/");
    let param = |name| call.params.get(name).unwrap_or_default();
    let is_read = call.method == Method::GET || call.path.ends_with("/configs/listener");
    let action = if is_read { Action::Read } else { Action::Write };
    let resource = match api {
        Api::State | Api::Login | Api::Unknown => return None,
        Api::Account if call.method == Method::PUT && call.path.contains("/auth/user") => {
            Resource::User(param("username"))
        }
        Api::Account | Api::Namespace | Api::Ops | Api::Loader => Resource::Server,
        Api::Config(names) | Api::History(names) => {
            let tenant = match param(names.tenant).trim() {
                "public" | "null" => "",
                other => other,
            };
            Resource::Config { tenant, group: param(names.group), data_id: param("dataId") }
        }
    };
    let is_account = api == Api::Account;
    Some(Need { resource, action, is_admin_api: is_admin_api || is_account })
}
