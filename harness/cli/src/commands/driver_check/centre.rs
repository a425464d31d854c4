//! The embedded server that a driver is checked against, and who publishes on it.

use std::net::SocketAddr;
use std::time::Duration;

use shakedown_drivers::protocol::{GRPC_OFFSET, Key};
use shakedown_embedded::{ClusterConfig, EmbeddedCluster, NodePorts, RunningServer};
use shakedown_model::Seed;
use shakedown_model::plan::{EmbeddedSettings, Generation, Login};
use shakedown_model::secrets::Secret;
use shakedown_nacos::ConfigKey;
use shakedown_nacos::admin::{AdminClient, Publication, PublishAnswer};
use shakedown_topology::Ports;

use crate::args::NacosMode;
use crate::exit::{Exit, Failure};

/// Where the keys lie: no default namespace, which generations name differently.
pub(super) const NAMESPACE: &str = "driver-check";
const CALL: Duration = Duration::from_secs(5);
/// After an ack the server shows what was written with its next dump.
const VISIBLE_WITHIN: Duration = Duration::from_secs(10);

/// A config centre of one node.
pub(super) struct Centre {
    server: RunningServer,
    admin: AdminClient,
    login: Option<Login>,
}

impl Centre {
    pub(super) fn start(mode: NacosMode) -> Result<Self, Failure> {
        let missing = |error: &dyn std::error::Error| Failure::from_error(Exit::Missing, error);
        let http = Ports::new().with_offsets(&[i32::from(GRPC_OFFSET)]).map_err(|error| missing(&error))?;
        let grpc = SocketAddr::new(http.ip(), http.port() + GRPC_OFFSET);
        let (generation, login) = match mode {
            NacosMode::V2 => (Generation::V2, None),
            NacosMode::V3 => {
                let login = Login { username: "nacos".to_owned(), password: Secret::new("nacos") };
                (Generation::V3, Some(login))
            }
        };
        let config = ClusterConfig {
            nodes: vec![NodePorts { http, grpc }],
            data: None,
            generation,
            login: login.clone(),
            settings: EmbeddedSettings::default(),
            seed: Seed(1),
        };
        let cluster = EmbeddedCluster::open(config).map_err(|error| missing(&error))?;
        let server = cluster.start(0).map_err(|error| missing(&error))?;
        let admin = AdminClient::new(server.http_addr(), CALL);
        let admin = admin.speaking(generation).logging_in(login.as_ref());
        Ok(Self { server, admin, login })
    }

    /// Who may write; a driver is told, as in a run.
    pub(super) const fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    pub(super) fn http(&self) -> SocketAddr {
        self.server.http_addr()
    }

    pub(super) async fn publish(&self, key: &Key, content: &str) -> Result<(), String> {
        done(self.admin.publish(Publication::new(&whole(key), content)).await)
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<(), String> {
        done(self.admin.delete(&whole(key)).await)
    }

    /// Waits until the server shows this content.
    pub(super) async fn shows(&self, key: &Key, content: &str) -> bool {
        let deadline = tokio::time::Instant::now() + VISIBLE_WITHIN;
        while tokio::time::Instant::now() < deadline {
            if let Ok(Some(found)) = self.admin.get(&whole(key)).await
                && found == content
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    pub(super) fn stop(self) {
        self.server.stop();
    }
}

fn whole(key: &Key) -> ConfigKey {
    ConfigKey::new(key.data_id.clone(), key.group.clone(), NAMESPACE)
}

fn done(answer: PublishAnswer) -> Result<(), String> {
    match answer {
        PublishAnswer::Acked => Ok(()),
        other => Err(format!("the embedded server answered {other:?}: a defect of shakedown")),
    }
}
