//! Publishing to Nacos, straight to a server.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_load::mutator::{PublishError, Publisher};
use shakedown_model::ItemId;
use shakedown_model::plan::ItemKey;
use shakedown_nacos::ConfigKey;
use shakedown_nacos::admin::{AdminClient, AdminError, Publication, PublishAnswer};

/// A publish without an answer for this long is ambiguous.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// Publishes by v1 HTTP.
#[derive(Debug)]
pub(crate) struct NacosPublisher {
    admin: AdminClient,
}

impl NacosPublisher {
    /// A publisher with a pool of connections of its own.
    pub(crate) fn new(server: SocketAddr) -> Result<Self, AdminError> {
        Ok(Self { admin: AdminClient::new(server, PUBLISH_TIMEOUT)? })
    }
}

impl Publisher for NacosPublisher {
    fn publish<'a>(
        &'a self,
        _item: ItemId,
        key: &'a ItemKey,
        content: String,
    ) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let key = config_key(key);
            match self.admin.publish(Publication::new(&key, &content)).await {
                PublishAnswer::Acked => Ok(()),
                PublishAnswer::Refused { status, text } => {
                    let status = status.map_or_else(String::new, |status| format!("status {status}: "));
                    Err(PublishError::Refused(format!("{status}{text}")))
                }
                PublishAnswer::Ambiguous { text } => Err(PublishError::Ambiguous(text)),
            }
        })
    }
}

/// The key of an item of the run.
pub(crate) fn config_key(key: &ItemKey) -> ConfigKey {
    ConfigKey::new(key.data_id.clone(), key.group.clone(), key.namespace.clone())
}
