//! The service over loopback, with real sockets and real time; settings are scaled where the real ones would take long.

mod api;
mod cluster;
mod fan_out;
mod grpc;
mod guests;
mod hostile;
mod http;
mod lifecycle;
mod logins;
mod pauses;
mod restart;
mod transport;
mod troubles;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use shakedown_model::plan::{EmbeddedSettings, Generation, Login};
use shakedown_nacos::ConfigKey;
use shakedown_nacos::admin::{AdminClient, Publication, PublishAnswer};
use shakedown_nacos::grpc::connection::{Event, GrpcConnection, GrpcLimits};
use shakedown_nacos::grpc::message::{
    ConfigBatchListenRequest, ConfigChangeBatchListenResponse, ConfigChangeNotifyRequest,
    ConfigChangeNotifyResponse, ConfigListenContext, ConnectionSetupRequest, Pushed, Response,
    SetupAckRequest,
};
use shakedown_nacos::grpc::payload::Payload;

use super::*;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What a healthy machine does in far less.
const DEADLINE: Duration = Duration::from_secs(20);

fn start() -> RunningServer {
    start_with(|_| {})
}

/// A server with a quick dump tick and what `change` makes of its settings.
fn start_with(change: impl FnOnce(&mut EmbeddedSettings)) -> RunningServer {
    start_as(Generation::V2, None, change)
}

/// A server of a generation, with an administrator when calls shall need a login.
fn start_as(
    generation: Generation,
    login: Option<Login>,
    change: impl FnOnce(&mut EmbeddedSettings),
) -> RunningServer {
    let mut settings =
        EmbeddedSettings { dump_tick: Duration::from_millis(5), ..EmbeddedSettings::default() };
    change(&mut settings);
    EmbeddedServer::start(ServerConfig {
        http: ANY_PORT,
        grpc: ANY_PORT,
        data: None,
        generation,
        login,
        settings,
    })
    .unwrap()
}

/// Waits for what must happen soon.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"))
}

async fn until_hanging(server: &RunningServer, count: usize) {
    while server.hanging_count() < count {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn key(data_id: &str) -> ConfigKey {
    ConfigKey::public(data_id, "g")
}

async fn publish(server: &RunningServer, data_id: &str, content: &str) {
    let client = AdminClient::new(server.http_addr(), DEADLINE);
    let answer = client.publish(Publication::new(&key(data_id), content)).await;
    assert!(matches!(answer, PublishAnswer::Acked), "{answer:?}");
}

/// Publishes, and waits until it can be read.
async fn publish_visibly(server: &RunningServer, data_id: &str, content: &str) {
    publish(server, data_id, content).await;
    let client = AdminClient::new(server.http_addr(), DEADLINE);
    soon("the dump", async {
        while client.get(&key(data_id)).await.unwrap().as_deref() != Some(content) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// A registered gRPC client.
struct Client(GrpcConnection);

impl Client {
    async fn connect(server: &RunningServer) -> Self {
        Self::connect_with(server, GrpcLimits::default()).await
    }

    async fn connect_with(server: &RunningServer, limits: GrpcLimits) -> Self {
        Self::connect_at(server.grpc_addr(), limits).await
    }

    async fn connect_at(address: SocketAddr, limits: GrpcLimits) -> Self {
        let connected = GrpcConnection::connect(address, Ipv4Addr::LOCALHOST, limits);
        let mut client = Self(soon("connecting", connected).await.unwrap());
        let setup = ConnectionSetupRequest { ability_table: Some([].into()), ..Default::default() };
        client.0.open_stream(&Payload::new(&setup)).unwrap();
        let pushed = client.next_push().await;
        assert!(matches!(pushed, Pushed::SetupAck(SetupAckRequest { .. })), "{pushed:?}");
        client
    }

    async fn next_push(&mut self) -> Pushed {
        match soon("a push", self.0.next_event()).await {
            Event::Pushed { payload, .. } => Pushed::try_from(&payload).unwrap(),
            other => panic!("{other:?} is not a push"),
        }
    }

    async fn next_change(&mut self) -> ConfigChangeNotifyRequest {
        match self.next_push().await {
            Pushed::ConfigChange(change) => change,
            other => panic!("{other:?} is not a change"),
        }
    }

    fn acknowledge(&mut self, change: &ConfigChangeNotifyRequest) {
        let request_id = change.request_id.as_deref().unwrap();
        let ack = Payload::new(&ConfigChangeNotifyResponse::acknowledge(request_id));
        self.0.send_on_stream(&ack).unwrap();
    }

    async fn call<R: Response>(&mut self, payload: &Payload) -> R {
        soon("a reply", self.0.unary(payload)).await.unwrap().payload.answer().unwrap()
    }

    async fn listen(&mut self, listened: &[(&str, &str)]) -> Vec<String> {
        let contexts = listened.iter().map(|(data_id, md5)| ConfigListenContext {
            md5: (*md5).to_owned(),
            ..ConfigListenContext::of(&key(data_id))
        });
        let request = ConfigBatchListenRequest {
            listen: true,
            config_listen_contexts: contexts.collect(),
            ..Default::default()
        };
        let answer: ConfigChangeBatchListenResponse = self.call(&Payload::new(&request)).await;
        answer.changed_configs.into_iter().map(|changed| changed.data_id).collect()
    }
}
