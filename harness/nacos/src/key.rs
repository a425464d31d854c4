//! The key of a config item on the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What names a config item: data id, group and namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigKey {
    /// The data id: letters, digits and `_ - . :`.
    pub data_id: String,
    /// The group, of the same characters.
    pub group: String,
    /// The namespace's id; empty means the public one (facts §1.6).
    pub tenant: String,
}

impl ConfigKey {
    /// The key in the public namespace.
    #[must_use]
    pub fn public(data_id: impl Into<String>, group: impl Into<String>) -> Self {
        Self { data_id: data_id.into(), group: group.into(), tenant: String::new() }
    }

    /// The key in namespace `tenant`.
    #[must_use]
    pub fn new(data_id: impl Into<String>, group: impl Into<String>, tenant: impl Into<String>) -> Self {
        Self { data_id: data_id.into(), group: group.into(), tenant: tenant.into() }
    }

    /// The parameters of v1 that name it, form-encoded; the public namespace is left out.
    pub(crate) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("dataId", &self.data_id).append_pair("group", &self.group);
        if !self.tenant.is_empty() {
            query.append_pair("tenant", &self.tenant);
        }
        query.finish()
    }
}

impl fmt::Display for ConfigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.data_id, self.group)?;
        if self.tenant.is_empty() { Ok(()) } else { write!(f, "@{}", self.tenant) }
    }
}
