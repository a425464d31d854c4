//! What an operator asks of the server: who is connected, and that one connects elsewhere.

use crate::http::call;
use crate::server::{Login, Mode, ServerCommand};

/// The connections of the SDK at one node, by name.
pub async fn connections(command: &ServerCommand, port: u16) -> Result<Vec<String>, String> {
    let body = loader(command, port, "current", "").await?;
    let names = body.split("\"connectionId\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    Ok(names.map(str::to_owned).collect())
}

/// Asks a connection to go to the node at `to`; answers once the client has answered or its time is over.
pub async fn reload(command: &ServerCommand, port: u16, name: &str, to: u16) -> Result<(), String> {
    let query = format!("?connectionId={name}&redirectAddress=127.0.0.1:{to}");
    loader(command, port, "reloadClient", &query).await.map(drop)
}

async fn loader(command: &ServerCommand, port: u16, what: &str, query: &str) -> Result<String, String> {
    let (method, folder) = match (command.mode, what) {
        (Mode::V2, _) => ("GET", "/nacos/v2/core/loader"),
        (Mode::V3, "current") => ("GET", "/nacos/v3/admin/core/loader"),
        (Mode::V3, _) => ("POST", "/nacos/v3/admin/core/loader"),
    };
    let mut path = format!("{folder}/{what}{query}");
    if let Some(login) = &command.login {
        let token = token(command.mode, port, login).await?;
        path.push(if query.is_empty() { '?' } else { '&' });
        path.push_str(&format!("accessToken={token}"));
    }
    let (status, body) = call(port, method, &path, "").await?;
    if status == 200 { Ok(body) } else { Err(format!("{method} {folder}/{what}: {status} {body}")) }
}

async fn token(mode: Mode, port: u16, login: &Login) -> Result<String, String> {
    let path = match mode {
        Mode::V2 => "/nacos/v1/auth/users/login",
        Mode::V3 => "/nacos/v3/auth/user/login",
    };
    let form = format!("username={}&password={}", login.user, login.password);
    let (status, body) = call(port, "POST", path, &form).await?;
    let token = body.split("\"accessToken\":\"").nth(1).and_then(|rest| rest.split('"').next());
    token.map(str::to_owned).ok_or_else(|| format!("login: {status} {body}"))
}
