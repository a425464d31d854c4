//! Logins, users, roles and permissions: `/v1/auth` of 2.x, `/v3/auth` of 3.x (nacos-facts.md §1.8).

use http::header::{AUTHORIZATION, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use shakedown_model::plan::Generation;

use super::Answer;
use super::answers::{self, error_page, json as plain, outcome, text};
use super::call::Call;
use crate::core::{AccountError, AccountsChange, Change, Core, Page, Permission, Role};

/// The name of the first administrator.
const ADMIN: &str = "nacos";

pub(super) async fn answer(call: Call<'_>) -> Answer {
    let path =
        call.path.strip_prefix("/nacos/v1/auth/").or_else(|| call.path.strip_prefix("/nacos/v3/auth/"));
    // 3.x has the same in the singular.
    let path = path.unwrap_or_default().replace("users", "user").replace("roles", "role");
    let path = path.replace("permissions", "permission");
    match (path.as_str(), call.method.clone()) {
        ("login" | "user/login", Method::POST) => login(&call),
        ("user/admin", Method::POST) => first_admin(&call).await,
        ("user" | "user/list", Method::GET) => users(&call),
        ("user/search", Method::GET) => {
            names(&call, "username", |core| core.users().map(|(user, _)| user).collect())
        }
        ("role" | "role/list", Method::GET) => roles(&call),
        ("role/search", Method::GET) => {
            names(&call, "role", |core| core.roles().map(|role| role.role.as_str()).collect())
        }
        ("permission" | "permission/list", Method::GET) => permissions(&call),
        ("user" | "role" | "permission", _) => change(&call, &path).await,
        _ => answers::no_endpoint(&call),
    }
}

fn login(call: &Call<'_>) -> Answer {
    let (Some(user), Some(password)) = (call.params.get("username"), call.params.get("password")) else {
        return answers::missing(call, "username");
    };
    let Ok(login) = call.node.input(|core, now| core.login(now, user, password)) else {
        return match call.generation {
            // 3.1.0 says this for a user that it does not know; for a wrong password it breaks off with a 500.
            Generation::V3 => error_page(StatusCode::FORBIDDEN, "Access Denied", &call.path),
            Generation::V2 => text(StatusCode::FORBIDDEN, "user not found!"),
        };
    };
    let mut answer = plain(&json!({
        "accessToken": login.token,
        "tokenTtl": login.ttl_s,
        "globalAdmin": login.is_admin,
        "username": user,
    }));
    if let Ok(bearer) = HeaderValue::from_str(&format!("Bearer {}", login.token)) {
        answer.headers_mut().insert(AUTHORIZATION, bearer);
    }
    answer
}

/// Makes the first administrator; there is none yet, so nobody can have logged in.
async fn first_admin(call: &Call<'_>) -> Answer {
    let Some(password) = call.given("password") else { return answers::missing(call, "password") };
    let Some(changes) = call.node.input(|core, _| core.first_admin(ADMIN, &password)) else {
        let words = "have admin user cannot use it";
        return match call.generation {
            Generation::V2 => outcome(409, None, words),
            Generation::V3 => outcome(409, Some(&format!("{words}.")), Value::Null),
        };
    };
    for change in changes {
        if let Err(error) = call.node.write(change).await {
            return answers::write_error(&error, call.generation);
        }
    }
    told(call, json!({ "username": ADMIN, "password": password }))
}

/// What 3.x wraps and 2.x does not.
fn told(call: &Call<'_>, value: Value) -> Answer {
    match call.generation {
        Generation::V2 => plain(&value),
        Generation::V3 => answers::success(value),
    }
}

fn users(call: &Call<'_>) -> Answer {
    let wanted = call.text("username");
    let all: Vec<_> = call.node.input(|core, _| {
        let users = core.users().filter(|(user, _)| wanted.is_empty() || *user == wanted);
        users.map(|(user, hash)| json!({ "username": user, "password": hash })).collect()
    });
    told(call, answers::page(Page::of(all, call.page(100))))
}

fn roles(call: &Call<'_>) -> Answer {
    let (user, role) = (call.text("username"), call.text("role"));
    let all: Vec<_> = call.node.input(|core, _| {
        let is_wanted =
            |one: &&Role| (user.is_empty() || one.username == user) && (role.is_empty() || one.role == role);
        core.roles().filter(is_wanted).map(|one| json!(one)).collect()
    });
    told(call, answers::page(Page::of(all, call.page(100))))
}

fn permissions(call: &Call<'_>) -> Answer {
    let role = call.text("role");
    let all: Vec<_> = call.node.input(|core, _| {
        let wanted = core.permissions().filter(|one| role.is_empty() || one.role == role);
        wanted.map(|one| json!(one)).collect()
    });
    told(call, answers::page(Page::of(all, call.page(100))))
}

/// The names that contain what is typed.
fn names(call: &Call<'_>, parameter: &str, all: impl Fn(&Core) -> Vec<&str>) -> Answer {
    let part = call.text(parameter);
    let mut found: Vec<String> = call.node.input(|core, _| {
        all(core).into_iter().filter(|name| name.contains(&part)).map(str::to_owned).collect()
    });
    found.dedup();
    told(call, json!(found))
}

async fn change(call: &Call<'_>, kind: &str) -> Answer {
    let judged = match (kind, call.method.as_str()) {
        ("user", "POST") => new_user(call, "password", true),
        ("user", "PUT") => new_user(call, "newPassword", false),
        ("user", "DELETE") => remove_user(call),
        ("role", "POST") => add_role(call),
        ("role", "DELETE") => remove_role(call),
        ("permission", "POST" | "DELETE") => permission(call),
        _ => return answers::no_such_method(call, "POST, PUT, GET, DELETE"),
    };
    match judged {
        Err(Refused::Missing(parameter)) => answers::missing(call, parameter),
        Err(Refused::Account(error)) => {
            // 3.1.0 answers these with 200 and nothing; the words of 2.x say what is wrong.
            text(StatusCode::BAD_REQUEST, format!("java.lang.IllegalArgumentException: {error}"))
        }
        Ok((changes, words)) => {
            for change in changes {
                if let Err(error) = call.node.write(change).await {
                    return answers::write_error(&error, call.generation);
                }
            }
            match call.generation {
                Generation::V2 => outcome(200, None, words),
                Generation::V3 => answers::success(words),
            }
        }
    }
}

enum Refused {
    Missing(&'static str),
    Account(AccountError),
}

impl From<AccountError> for Refused {
    fn from(error: AccountError) -> Self {
        Self::Account(error)
    }
}

type Judged = Result<(Vec<Change>, String), Refused>;

fn required(call: &Call<'_>, name: &'static str) -> Result<String, Refused> {
    call.given(name).ok_or(Refused::Missing(name))
}

fn new_user(call: &Call<'_>, password: &'static str, is_new: bool) -> Judged {
    let (user, password) = (required(call, "username")?, required(call, password)?);
    call.node.input(|core, _| {
        Ok(if is_new {
            (vec![core.accept_user(&user, &password)?], "create user ok!".to_owned())
        } else {
            (vec![core.accept_password(&user, &password)?], "update user ok!".to_owned())
        })
    })
}

fn remove_user(call: &Call<'_>) -> Judged {
    let user = required(call, "username")?;
    let change = call.node.input(|core, _| core.accept_user_removal(&user))?;
    Ok((vec![change], "delete user ok!".to_owned()))
}

fn add_role(call: &Call<'_>) -> Judged {
    let role = Role { role: required(call, "role")?, username: required(call, "username")? };
    let change = call.node.input(|core, _| core.accept_role(role))?;
    Ok((vec![change], "add role ok!".to_owned()))
}

fn remove_role(call: &Call<'_>) -> Judged {
    let role = required(call, "role")?;
    let user = call.given("username");
    let changes = call.node.input(|core, _| core.role_removal(&role, user.as_deref()));
    let words = match user {
        Some(user) => format!("delete role of user {user} ok!"),
        None => format!("delete role {role} ok!"),
    };
    Ok((changes, words))
}

fn permission(call: &Call<'_>) -> Judged {
    let permission = Permission {
        role: required(call, "role")?,
        resource: required(call, "resource")?,
        action: required(call, "action")?,
    };
    if call.method == Method::DELETE {
        let gone = Change::Accounts(AccountsChange::RemovePermission(permission));
        return Ok((vec![gone], "delete permission ok!".to_owned()));
    }
    let change = call.node.input(|core, _| core.accept_permission(permission))?;
    Ok((vec![change], "add permission ok!".to_owned()))
}
