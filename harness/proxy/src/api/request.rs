//! Request bodies: reading them whole, and as JSON.

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::json;
use crate::registry::{NewProxy, RegistryError, parse_source};

/// The largest body that is read: tens of thousands of proxies.
const MAX_BODY: usize = 8 * 1024 * 1024;

#[derive(Deserialize)]
struct ProxyBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    listen: Option<String>,
    #[serde(default)]
    upstream: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    follow: Option<bool>,
}

/// The whole body.
pub(super) async fn read(body: Incoming) -> Result<Bytes, RegistryError> {
    let whole = Limited::new(body, MAX_BODY).collect().await;
    whole.map(http_body_util::Collected::to_bytes).map_err(|error| RegistryError::Body(error.to_string()))
}

/// The body's fields.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, RegistryError> {
    json::object(body).and_then(json::fields).map_err(RegistryError::Body)
}

/// One new proxy.
pub(super) fn new_proxy(body: &[u8]) -> Result<NewProxy, RegistryError> {
    check(parse(body)?, "")
}

/// A list of new proxies, all checked before any is created.
pub(super) fn new_proxies(body: &[u8]) -> Result<Vec<NewProxy>, RegistryError> {
    let bodies = json::objects(body).map_err(RegistryError::Body)?;
    let bodies: Result<Vec<_>, _> = bodies.into_iter().map(json::fields).collect();
    let bodies = bodies.map_err(RegistryError::Body)?;
    (1..).zip(bodies).map(|(n, body)| check(body, &format!(" at proxy {n}"))).collect()
}

fn check(body: ProxyBody, place: &str) -> Result<NewProxy, RegistryError> {
    let given = |field: Option<String>, name: &str| {
        field
            .filter(|text| !text.is_empty())
            .ok_or_else(|| RegistryError::MissingField(format!("{name}{place}")))
    };
    Ok(NewProxy {
        name: given(body.name, "name")?,
        upstream: given(body.upstream, "upstream")?,
        listen: body.listen.unwrap_or_default(),
        source: parse_source(&body.source.unwrap_or_default())?,
        enabled: body.enabled.unwrap_or(true),
        follow: body.follow.unwrap_or(false),
    })
}
