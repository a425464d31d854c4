//! Who calls, over either protocol: addresses, credentials and what they may do (nacos-facts.md §1.8).

use std::sync::Arc;

use shakedown_model::plan::Generation;

use super::node::Node;
use crate::core::{Action, Credentials, Denied, Resource, Signature};

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need<'a> {
    /// What it is about.
    pub(super) resource: Resource<'a>,
    /// What it does with that.
    pub(super) action: Action,
    /// Whether it belongs to the 3.x admin API, which may need a login alone.
    pub(super) is_admin_api: bool,
}

/// Credentials from whatever a call carries: `get` answers a header, or a parameter when there is no such header.
pub(super) fn credentials(get: impl Fn(&str) -> Option<String>) -> Credentials {
    let bearer = get("Authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let given = |name| get(name).filter(|value| !value.trim().is_empty());
    let password = given("username").zip(given("password"));
    let timestamp = given("Timestamp").or_else(|| given("timeStamp"));
    let signature = given("Spas-AccessKey").zip(timestamp).zip(given("Spas-Signature"));
    Credentials {
        token: bearer.or_else(|| given("accessToken")),
        password,
        signature: signature.map(|((access_key, timestamp), signature)| Signature {
            access_key,
            timestamp,
            signature,
        }),
    }
}

/// Lets a call in; answers the user that makes it, if it is known.
pub(super) fn admit(
    node: &Node,
    credentials: &Credentials,
    need: Need<'_>,
) -> Result<Option<Arc<str>>, Denied> {
    node.input(|core, now| {
        if !core.needs_login(need.is_admin_api) {
            core.check_signature(credentials, need.resource)?;
            return Ok(None);
        }
        core.authorize(now, credentials, need.resource, need.action).map(|user| user.map(Into::into))
    })
}

/// The words of a refusal; 3.x puts them in a form of its own.
pub(super) fn denied_message(denied: Denied, generation: Generation) -> String {
    match (generation, denied) {
        (Generation::V2, denied) => denied.to_string(),
        (Generation::V3, Denied::NoUser) => {
            "Code: 401, Message: User not found! Please check user exist or password is right!.".to_owned()
        }
        (Generation::V3, Denied::Forbidden) => format!("Code: 403, Message: {denied}."),
        (Generation::V3, Denied::Token(_) | Denied::Signature) => format!("Code: 401, Message: {denied}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_from_any_of_their_places() {
        let of = |pairs: &[(&str, &str)]| {
            credentials(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), Credentials::default());
        assert_eq!(of(&[("Authorization", "Bearer t")]).token.as_deref(), Some("t"));
        assert_eq!(of(&[("accessToken", "t")]).token.as_deref(), Some("t"));
        assert_eq!(of(&[("accessToken", " ")]).token, None);
        assert_eq!(of(&[("username", "u"), ("password", "p")]).password, Some(("u".into(), "p".into())));
        assert_eq!(of(&[("username", "u")]).password, None);
        // The Node SDK writes the time's name so.
        let spas = of(&[("Spas-AccessKey", "a"), ("timeStamp", "1"), ("Spas-Signature", "s")]);
        assert_eq!(spas.signature.unwrap().timestamp, "1");
    }
}
