//! Where each generation has its control plane, and what it calls the parts of a key (facts §1.2, §1.7, §1.8).

use shakedown_model::plan::Generation;

use crate::ConfigKey;
use crate::http::names;

/// The paths of a generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paths(pub(super) Generation);

impl Paths {
    /// Publish (POST) and delete (DELETE).
    pub(super) const fn publish(self) -> &'static str {
        match self.0 {
            Generation::V2 => names::CONFIGS_PATH,
            Generation::V3 => "/nacos/v3/admin/cs/config",
        }
    }

    /// Get. The client API of v3 serves what watchers are served, and needs no administrator.
    pub(super) const fn get(self) -> &'static str {
        match self.0 {
            Generation::V2 => names::CONFIGS_PATH,
            Generation::V3 => "/nacos/v3/client/cs/config",
        }
    }

    /// Login (POST).
    pub(super) const fn login(self) -> &'static str {
        match self.0 {
            Generation::V2 => "/nacos/v1/auth/users/login",
            Generation::V3 => "/nacos/v3/auth/user/login",
        }
    }

    /// The first user (POST).
    pub(super) const fn first_user(self) -> &'static str {
        match self.0 {
            Generation::V2 => "/nacos/v1/auth/users/admin",
            Generation::V3 => "/nacos/v3/auth/user/admin",
        }
    }

    /// Namespaces: made (POST) and removed (DELETE).
    pub(super) const fn namespaces(self) -> &'static str {
        match self.0 {
            Generation::V2 => "/nacos/v1/console/namespaces",
            Generation::V3 => "/nacos/v3/admin/core/namespace",
        }
    }

    /// The node's own description, as the members of its cluster know it.
    pub(super) const fn cluster_self(self) -> &'static str {
        match self.0 {
            Generation::V2 => "/nacos/v1/core/cluster/self",
            Generation::V3 => "/nacos/v3/admin/core/cluster/node/self",
        }
    }

    /// Whether the server is ready to answer.
    pub(super) const fn readiness(self) -> &'static str {
        match self.0 {
            Generation::V2 => names::READINESS_PATH,
            Generation::V3 => names::READINESS_PATH_V3,
        }
    }

    /// The end of a gray release (DELETE) at the server `base`.
    pub(super) fn stop_beta(self, key: &ConfigKey) -> String {
        let query = self.query(key);
        match self.0 {
            Generation::V2 => format!("{}?beta=true&{query}", names::CONFIGS_PATH),
            Generation::V3 => format!("/nacos/v3/admin/cs/config/beta?{query}"),
        }
    }

    /// The parameters that name a config, form-encoded; the default namespace is left out.
    pub(super) fn query(self, key: &ConfigKey) -> String {
        match self.0 {
            Generation::V2 => key.query(),
            Generation::V3 => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("dataId", &key.data_id).append_pair("groupName", &key.group);
                if !key.tenant.is_empty() {
                    query.append_pair("namespaceId", &key.tenant);
                }
                query.finish()
            }
        }
    }

    /// The form of a publish.
    pub(super) fn form(self, key: &ConfigKey, content: &str) -> String {
        form_urlencoded::Serializer::new(self.query(key)).append_pair("content", content).finish()
    }
}
