//! One client of nacos-sdk, as an application would have it.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use nacos_sdk::api::config::{ConfigChangeListener, ConfigResponse, ConfigService, ConfigServiceBuilder};
use nacos_sdk::api::error::Error;
use nacos_sdk::api::props::ClientProps;

use crate::protocol::{Event, Events, Key, Source, Start, md5, now};

/// A client of the SDK.
pub struct Client {
    number: u32,
    service: ConfigService,
    events: Events,
}

struct Listener {
    client: u32,
    key: Key,
    events: Events,
}

impl ConfigChangeListener for Listener {
    fn notify(&self, response: ConfigResponse) {
        let at = now();
        let content = response.content().clone();
        // What a listener is told was queried from a server in every case (`ConfigWorker::notify_change_to_cache_data`).
        let event = Event::Value {
            client: self.client,
            key: self.key.clone(),
            md5: md5(&content),
            content,
            source: Source::Server,
        };
        self.events.send(at, event);
    }
}

impl Client {
    /// Makes a client; the SDK gives up when its first try to connect fails.
    ///
    /// # Errors
    /// What the SDK says.
    pub async fn start(settings: Start, events: Events) -> Result<Self, String> {
        let mut props = ClientProps::new()
            // Nothing but the command configures the client.
            .env_first(false)
            .server_addr(settings.servers.join(","))
            .namespace(settings.namespace)
            .cache_dir(settings.cache);
        let has_login = settings.username.is_some();
        if let Some(username) = settings.username {
            props = props.auth_username(username).auth_password(settings.password.unwrap_or_default());
        }
        let mut builder = ConfigServiceBuilder::new(props);
        if has_login {
            builder = builder.enable_auth_plugin_http();
        }
        let service = builder.build().await.map_err(describe)?;
        events.send(now(), Event::Started { client: settings.client });
        Ok(Self { number: settings.client, service, events })
    }

    /// Registers a listener.
    ///
    /// # Errors
    /// What the SDK says.
    pub async fn listen(&self, key: Key) -> Result<(), String> {
        let listener = Listener { client: self.number, key: key.clone(), events: self.events.clone() };
        let (data_id, group) = (key.data_id.clone(), key.group.clone());
        self.service.add_listener(data_id, group, Arc::new(listener)).await.map_err(describe)?;
        self.events.send(now(), Event::Listening { client: self.number, key });
        Ok(())
    }

    /// Reads an item; the SDK has no time-out of its own.
    ///
    /// # Errors
    /// What the SDK says, or that it said nothing in time.
    pub async fn get(&self, key: Key, id: u64, timeout: Duration) -> Result<(), String> {
        let mut asked = pin!(self.service.get_config(key.data_id, key.group));
        // What is there at the first look cannot have come over the network: the SDK holds it in memory.
        let at_once = std::future::poll_fn(|context| Poll::Ready(asked.as_mut().poll(context))).await;
        let (answer, source) = match at_once {
            Poll::Ready(answer) => (answer, Source::Memory),
            Poll::Pending => {
                let answer = tokio::time::timeout(timeout, asked).await;
                (answer.map_err(|_| format!("no answer within {timeout:?}"))?, Source::Server)
            }
        };
        let at = now();
        let content = match answer {
            Ok(response) => Some(response.content().clone()),
            Err(Error::ConfigNotFound(_)) => None,
            Err(error) => return Err(describe(error)),
        };
        let md5 = content.as_deref().map(md5);
        self.events.send(at, Event::Got { client: self.number, id, content, md5, source });
        Ok(())
    }

    /// Publishes an item.
    ///
    /// # Errors
    /// What the SDK says.
    pub async fn publish(&self, key: Key, id: u64, content: String) -> Result<(), String> {
        let published = self.service.publish_config(key.data_id, key.group, content, None);
        if !published.await.map_err(describe)? {
            return Err("the server answered without success".to_owned());
        }
        self.events.send(now(), Event::Published { client: self.number, id });
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn describe(error: Error) -> String {
    format!("{error:?}")
}
