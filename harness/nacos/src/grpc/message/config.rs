//! The messages about configs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::shape::{request, response};
use crate::ConfigKey;

/// Gives a message with `data_id`, `group` and `tenant` its key.
macro_rules! keyed {
    ($($name:ident),*) => {
        $(impl $name {
            /// The item that it is about.
            #[must_use]
            pub fn key(&self) -> ConfigKey {
                ConfigKey::new(self.data_id.clone(), self.group.clone(), self.tenant.clone())
            }

            /// One about `key`, every other field its default.
            #[must_use]
            pub fn of(key: &ConfigKey) -> Self {
                Self {
                    data_id: key.data_id.clone(),
                    group: key.group.clone(),
                    tenant: key.tenant.clone(),
                    ..Self::default()
                }
            }
        })*
    };
}

keyed!(
    ConfigQueryRequest,
    ConfigPublishRequest,
    ConfigRemoveRequest,
    ConfigChangeNotifyRequest,
    ConfigListenContext
);

request! {
    /// Asks for one config.
    ConfigQueryRequest in "config" {
        /// The data id.
        data_id: String,
        /// The group.
        group: String,
        /// The namespace.
        tenant: String,
        /// The tag of a gray release.
        #[serde(skip_serializing_if = "Option::is_none")]
        tag: Option<String>,
        /// Whether a notify caused it; only affects the server's trace log.
        notify: bool,
    }
}

response! {
    /// One config; absent is a failure with error code 300.
    ConfigQueryResponse {
        /// The content.
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<String>,
        /// The key that an encrypting client stored beside it.
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_data_key: Option<String>,
        /// The file type, such as `text`.
        #[serde(skip_serializing_if = "Option::is_none")]
        content_type: Option<String>,
        /// The MD5 of the content.
        #[serde(skip_serializing_if = "Option::is_none")]
        md5: Option<String>,
        /// When it was published, in milliseconds since 1970 by the server's clock.
        last_modified: i64,
        /// The tag of the gray release that matched.
        #[serde(skip_serializing_if = "Option::is_none")]
        tag: Option<String>,
        /// Whether a beta release matched.
        beta: bool,
    }
}

request! {
    /// Publishes one config.
    ConfigPublishRequest in "config" {
        /// The data id.
        data_id: String,
        /// The group.
        group: String,
        /// The namespace.
        tenant: String,
        /// The content.
        content: String,
        /// Publish only when the server holds content of this MD5.
        #[serde(skip_serializing_if = "Option::is_none")]
        cas_md5: Option<String>,
        /// Such as `type`, `appName`, `tag` (facts §2.2).
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        addition_map: BTreeMap<String, String>,
    }
}

response! {
    /// Answers a [`ConfigPublishRequest`].
    ConfigPublishResponse {}
}

request! {
    /// Removes one config.
    ConfigRemoveRequest in "config" {
        /// The data id.
        data_id: String,
        /// The group.
        group: String,
        /// The namespace.
        tenant: String,
        /// The tag of a gray release.
        #[serde(skip_serializing_if = "Option::is_none")]
        tag: Option<String>,
    }
}

response! {
    /// Answers a [`ConfigRemoveRequest`], also when there was nothing to remove.
    ConfigRemoveResponse {}
}

/// One item of a [`ConfigBatchListenRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigListenContext {
    /// The group.
    #[serde(deserialize_with = "super::shape::or_default")]
    pub group: String,
    /// The MD5 of what the client has; empty when it has nothing.
    #[serde(deserialize_with = "super::shape::or_default")]
    pub md5: String,
    /// The data id.
    #[serde(deserialize_with = "super::shape::or_default")]
    pub data_id: String,
    /// The namespace.
    #[serde(deserialize_with = "super::shape::or_default")]
    pub tenant: String,
}

request! {
    /// Registers or un-registers listens, which live as long as the connection.
    ConfigBatchListenRequest in "config" {
        /// False un-registers; absent registers, as in Java.
        listen: bool = true,
        /// Which items.
        config_listen_contexts: Vec<ConfigListenContext>,
    }
}

/// One item of a [`ConfigChangeBatchListenResponse`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChangedConfig {
    /// The group.
    #[serde(deserialize_with = "super::shape::or_default")]
    pub group: String,
    /// The data id.
    #[serde(deserialize_with = "super::shape::or_default")]
    pub data_id: String,
    /// The namespace.
    #[serde(deserialize_with = "super::shape::or_default")]
    pub tenant: String,
}

impl From<&ConfigKey> for ChangedConfig {
    fn from(key: &ConfigKey) -> Self {
        Self { group: key.group.clone(), data_id: key.data_id.clone(), tenant: key.tenant.clone() }
    }
}

impl ChangedConfig {
    /// The item that it is about.
    #[must_use]
    pub fn key(&self) -> ConfigKey {
        ConfigKey::new(self.data_id.clone(), self.group.clone(), self.tenant.clone())
    }
}

response! {
    /// Answers a [`ConfigBatchListenRequest`] with the items whose MD5 differs.
    ConfigChangeBatchListenResponse {
        /// Those items.
        changed_configs: Vec<ChangedConfig>,
    }
}

request! {
    /// Pushed when a listened item changed; carries neither content nor MD5.
    ConfigChangeNotifyRequest in "config" {
        /// The data id.
        data_id: String,
        /// The group.
        group: String,
        /// The namespace.
        tenant: String,
    }
}

response! {
    /// Acknowledges a [`ConfigChangeNotifyRequest`].
    ConfigChangeNotifyResponse {}
}
