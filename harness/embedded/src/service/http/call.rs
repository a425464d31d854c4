//! One HTTP call, as its handlers see it.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, request};
use shakedown_model::plan::Generation;
use shakedown_nacos::ConfigKey;
use shakedown_nacos::http::names;

use super::super::access;
use super::super::node::Node;
use super::super::params::{Params, header};
use crate::core::{Author, Caller, ConnectionId, Credentials, Labels, NewConfig, PageOf};

pub(super) struct Call<'a> {
    pub(super) node: &'a Node,
    pub(super) connection: ConnectionId,
    pub(super) generation: Generation,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) query: String,
    pub(super) body: Bytes,
    pub(super) params: Params,
    /// Who calls, once that is known.
    pub(super) user: Option<Arc<str>>,
    peer: SocketAddr,
}

/// The names under which an API knows the parts of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyNames {
    pub(super) group: &'static str,
    pub(super) tenant: &'static str,
}

/// Of v1.
pub(super) const V1: KeyNames = KeyNames { group: "group", tenant: "tenant" };
/// Of v2.
pub(super) const V2: KeyNames = KeyNames { group: "group", tenant: "namespaceId" };
/// Of v3.
pub(super) const V3: KeyNames = KeyNames { group: "groupName", tenant: "namespaceId" };

impl<'a> Call<'a> {
    pub(super) fn new(
        node: &'a Node,
        connection: ConnectionId,
        peer: SocketAddr,
        head: request::Parts,
        body: Bytes,
    ) -> Self {
        let query = head.uri.query().unwrap_or_default().to_owned();
        let is_poll = head.method == Method::POST && head.uri.path().ends_with("/configs/listener");
        // A poll reads its entries by itself, there may be ten thousand; what else is in the form, such as the login of a
        // Node client, is read here.
        let params = if is_poll {
            let is_other = |pair: &&[u8]| !pair.starts_with(names::LISTENING_CONFIGS.as_bytes());
            Params::parse(
                &query,
                &body.split(|byte| *byte == b'&').filter(is_other).collect::<Vec<_>>().join(&b'&'),
            )
        } else {
            Params::parse(&query, &body)
        };
        Self {
            node,
            connection,
            generation: node.generation(),
            method: head.method,
            path: head.uri.path().to_owned(),
            headers: head.headers,
            query,
            body,
            params,
            user: None,
            peer,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        header(&self.headers, name).map(String::from).filter(|value| !value.trim().is_empty())
    }

    /// A parameter's value, or nothing.
    pub(super) fn text(&self, name: &str) -> String {
        self.params.get(name).unwrap_or_default().to_owned()
    }

    pub(super) fn given(&self, name: &str) -> Option<String> {
        self.params.get(name).filter(|value| !value.trim().is_empty()).map(str::to_owned)
    }

    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.params.get(name) == Some(value)
    }

    pub(super) fn credentials(&self) -> Credentials {
        access::credentials(|name| self.header(name).or_else(|| self.params.get(name).map(str::to_owned)))
    }

    /// The client's address: what proxies before the server tell, or the connection's other end.
    pub(super) fn ip(&self) -> Arc<str> {
        let forwarded = self.header("X-Forwarded-For");
        let first = forwarded.as_deref().and_then(|ips| ips.split(',').next()).map(str::trim);
        match first.map(str::to_owned).or_else(|| self.header("X-Real-IP")) {
            Some(ip) => ip.into(),
            None => self.peer.ip().to_string().into(),
        }
    }

    /// Who reads or listens. The parameter `tag` stands above the header.
    pub(super) fn caller(&self) -> Caller {
        let tag = self.given("tag").or_else(|| self.header("Vipserver-Tag"));
        Caller { ip: self.ip(), tag: tag.map(Into::into) }
    }

    pub(super) fn author(&self) -> Author {
        let declared = || self.given("src_user").or_else(|| self.given("srcUser")).map(Into::into);
        Author { ip: self.ip(), user: declared().or_else(|| self.user.clone()), at_ms: 0 }
    }

    /// The key that is named, or the name of the parameter that is missing; an empty one is not.
    pub(super) fn key(&self, names: KeyNames) -> Result<ConfigKey, &'static str> {
        let required = |name| self.params.get(name).map(str::to_owned).ok_or(name);
        let (data_id, group) = (required("dataId")?, required(names.group)?);
        Ok(ConfigKey { data_id, group, tenant: self.text(names.tenant) })
    }

    /// The same, where an empty or blank one is missing, too.
    pub(super) fn given_key(&self, names: KeyNames) -> Result<ConfigKey, &'static str> {
        let required = |name| self.given(name).ok_or(name);
        Ok(ConfigKey {
            group: required(names.group)?,
            data_id: required("dataId")?,
            tenant: self.text(names.tenant),
        })
    }

    /// The namespace as it is stored.
    pub(super) fn tenant(&self, names: KeyNames) -> String {
        let tenant = self.text(names.tenant);
        if ["public", "null"].contains(&tenant.trim()) { String::new() } else { tenant }
    }

    /// A publish of `content` under `key`.
    pub(super) fn new_config(&mut self, key: ConfigKey, content: String) -> NewConfig {
        let author = self.author();
        let mut either = |old, new| self.params.take(old).or_else(|| self.params.take(new));
        let labels = Labels {
            app_name: either("appName", "appName").unwrap_or_default(),
            config_tags: either("config_tags", "configTags").filter(|tags| !tags.is_empty()),
            desc: either("desc", "desc"),
            purpose: either("use", "use"),
            effect: either("effect", "effect"),
            schema: either("schema", "schema"),
        };
        let content_type = either("type", "type");
        let encrypted_data_key = either("encryptedDataKey", "encryptedDataKey");
        let beta = self.header("betaIps").map(crate::core::GrayRule::Beta);
        let gray = beta.or_else(|| self.given("tag").map(crate::core::GrayRule::Tag));
        NewConfig {
            key,
            content,
            cas_md5: self.header("casMd5"),
            content_type,
            encrypted_data_key,
            labels,
            gray,
            ip: author.ip,
            user: author.user,
        }
    }

    /// The page that is asked for.
    pub(super) fn page(&self, default_size: usize) -> PageOf {
        let number = |name, default| self.params.get(name).and_then(|n| n.parse().ok()).unwrap_or(default);
        PageOf { number: number("pageNo", 1), size: number("pageSize", default_size) }
    }
}
