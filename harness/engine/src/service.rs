//! Each node asked straight for its service, on connections and items of the harness' own.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_faults::canary::ProbeError;
use shakedown_faults::server::service::{Listener, PATIENCE, ServiceProbe};
use shakedown_model::{ItemId, NodeId, Plan};
use shakedown_nacos::admin::{AdminClient, Publication, PublishAnswer};
use shakedown_nacos::grpc::connection::{CallId, Event, GrpcConnection, GrpcLimits, RpcError};
use shakedown_nacos::grpc::message::{
    ClientDetectionResponse, ConfigBatchListenRequest, ConfigChangeBatchListenResponse,
    ConfigChangeNotifyResponse, ConfigListenContext, ConnectionSetupRequest, HealthCheckRequest,
    HealthCheckResponse, Message, Pushed, Response, ServerCheckRequest, ServerCheckResponse,
};
use shakedown_nacos::grpc::payload::Payload;
use shakedown_nacos::{ConfigKey, Peer};
use shakedown_topology::NodeAddress;
use tokio::time::{Instant, sleep, sleep_until};

use crate::publisher::{admin, config_key};

/// A listener asks so often whether its node still answers on the connection: a node that stands still keeps it open.
const HEALTH_PERIOD: Duration = Duration::from_secs(1);
/// While a node does not know a new connection yet, it is asked this often.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// What the harness calls itself to the server.
const CLIENT_VERSION: &str = "shakedown";

/// The probes of every node.
#[derive(Debug)]
pub(crate) struct NodeProbes {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    address: NodeAddress,
    admin: AdminClient,
    /// The item that is written through this node: no item of the plan.
    key: ConfigKey,
}

impl NodeProbes {
    /// Probes with connections of their own; none is made before it is needed.
    pub(crate) fn new(plan: &Plan, nodes: &[NodeAddress]) -> Self {
        let node = |address: &NodeAddress| {
            let mut key = config_key(&plan.key_of(ItemId(0)));
            key.data_id = format!("{}service-{}", plan.items.prefix, address.node);
            Node { address: address.clone(), admin: admin(&plan.server, address, PATIENCE), key }
        };
        Self { nodes: nodes.iter().map(node).collect() }
    }

    async fn listener(&self, node: NodeId) -> Result<NodeListener, ProbeError> {
        let Node { address, admin, .. } = &self.nodes[node.index()];
        let token = admin.token().await.map_err(|error| odd(&error))?;
        let connection = register(address.grpc_peer()).await?;
        let keys = self.nodes.iter().map(|node| (node.address.node, node.key.clone())).collect();
        let health = Health { next: Instant::now() + HEALTH_PERIOD, asked: None };
        let mut listener = NodeListener { connection, keys, token, health };
        let contexts = listener.keys.iter().map(|(_, key)| ConfigListenContext {
            group: key.group.clone(),
            md5: String::new(),
            data_id: key.data_id.clone(),
            tenant: key.tenant.clone(),
        });
        let listen = ConfigBatchListenRequest {
            listen: true,
            config_listen_contexts: contexts.collect(),
            ..ConfigBatchListenRequest::default()
        };
        let listen = listener.payload(&listen);
        let reply = listener.connection.unary(&listen).await.map_err(|error| rpc(&error))?;
        reply.payload.answer::<ConfigChangeBatchListenResponse>().map_err(|error| odd(&error))?;
        Ok(listener)
    }
}

impl ServiceProbe for NodeProbes {
    fn write(&self, node: NodeId, nth: u64) -> BoxFuture<'_, Result<(), ProbeError>> {
        Box::pin(async move {
            let Node { admin, key, .. } = &self.nodes[node.index()];
            match admin.publish(Publication::new(key, &format!("canary of node {node}, {nth}"))).await {
                PublishAnswer::Acked => Ok(()),
                other => Err(ProbeError::Odd(format!("{other:?}"))),
            }
        })
    }

    fn read(&self, node: NodeId) -> BoxFuture<'_, Result<(), ProbeError>> {
        Box::pin(async move {
            let Node { admin, key, .. } = &self.nodes[node.index()];
            admin.get(key).await.map(drop).map_err(|error| odd(&error))
        })
    }

    fn listen(&self, node: NodeId) -> BoxFuture<'_, Result<Box<dyn Listener>, ProbeError>> {
        Box::pin(async move {
            let listener: Box<dyn Listener> = Box::new(self.listener(node).await?);
            Ok(listener)
        })
    }
}

/// A registered connection that listens to the items of all nodes.
struct NodeListener {
    connection: GrpcConnection,
    keys: Vec<(NodeId, ConfigKey)>,
    token: Option<std::sync::Arc<str>>,
    health: Health,
}

/// Whether the node still answers on the connection.
struct Health {
    next: Instant,
    /// The check that waits for its answer, and until when.
    asked: Option<(CallId, Instant)>,
}

impl NodeListener {
    fn payload(&self, message: &impl Message) -> Payload {
        let payload = Payload::new(message).with_client_ip(self.connection.local_addr().ip().to_string());
        match &self.token {
            Some(token) => payload.with_header("accessToken", token),
            None => payload,
        }
    }

    /// Sends a health check, or finds that the last one has had no answer.
    fn check(&mut self) -> Result<(), ProbeError> {
        if self.health.asked.is_some() {
            return Err(ProbeError::Broken(format!("no answer to a health check for {PATIENCE:?}")));
        }
        let check = self.payload(&HealthCheckRequest::default());
        let call = self.connection.call(&check).map_err(|error| odd(&error))?;
        self.health.asked = Some((call, Instant::now() + PATIENCE));
        Ok(())
    }

    /// The node whose item changed, where that is what happened.
    fn of_event(&mut self, event: Event) -> Result<Option<NodeId>, ProbeError> {
        match event {
            Event::Ended(end) => Err(ProbeError::Broken(end.to_string())),
            Event::Replied { call, result } => {
                if self.health.asked.take_if(|(asked, _)| *asked == call).is_some() {
                    let reply = result.map_err(|error| rpc(&error))?;
                    reply.payload.answer::<HealthCheckResponse>().map_err(|error| odd(&error))?;
                    self.health.next = Instant::now() + HEALTH_PERIOD;
                }
                Ok(None)
            }
            Event::Pushed { payload, .. } => self.of_push(&payload),
        }
    }

    fn of_push(&mut self, payload: &Payload) -> Result<Option<NodeId>, ProbeError> {
        match Pushed::try_from(payload).map_err(|error| odd(&error))? {
            Pushed::ConfigChange(push) => {
                self.acknowledge::<ConfigChangeNotifyResponse>(push.request_id.as_deref())?;
                let key = push.key();
                // A server of 3.x may name the default namespace, which a client leaves out (nacos-facts.md §2).
                let is_of = |own: &ConfigKey| own.data_id == key.data_id && own.group == key.group;
                Ok(self.keys.iter().find(|(_, own)| is_of(own)).map(|(node, _)| *node))
            }
            Pushed::ClientDetection(push) => {
                self.acknowledge::<ClientDetectionResponse>(push.request_id.as_deref())?;
                Ok(None)
            }
            // The node wants the client elsewhere.
            Pushed::ConnectReset(_) => Err(ProbeError::Broken("the node sent the listener away".to_owned())),
            Pushed::SetupAck(_) | Pushed::Unknown(_) => Ok(None),
        }
    }

    fn acknowledge<R: Response>(&mut self, request_id: Option<&str>) -> Result<(), ProbeError> {
        let Some(id) = request_id else { return Ok(()) };
        self.connection.send_on_stream(&Payload::new(&R::acknowledge(id))).map_err(|error| odd(&error))
    }
}

impl Listener for NodeListener {
    fn heard(&mut self) -> BoxFuture<'_, Result<NodeId, ProbeError>> {
        Box::pin(async {
            loop {
                let look = self.health.asked.map_or(self.health.next, |(_, until)| until);
                tokio::select! {
                    event = self.connection.next_event() => {
                        if let Some(of) = self.of_event(event)? {
                            return Ok(of);
                        }
                    }
                    () = sleep_until(look) => self.check()?,
                }
            }
        })
    }
}

/// A connection that the node knows, as it says by answering a health check (nacos-facts.md §2.3).
async fn register(peer: Peer) -> Result<GrpcConnection, ProbeError> {
    let connect = GrpcConnection::connect(peer, Ipv4Addr::UNSPECIFIED, GrpcLimits::default());
    let mut connection = connect.await.map_err(|error| ProbeError::Broken(error.to_string()))?;
    let check = Payload::new(&ServerCheckRequest::default());
    let reply = connection.unary(&check).await.map_err(|error| rpc(&error))?;
    reply.payload.answer::<ServerCheckResponse>().map_err(|error| odd(&error))?;
    let labels = [("source", "sdk"), ("module", "config"), ("taskId", "0"), ("AppName", "shakedown-service")];
    let set_up = ConnectionSetupRequest {
        client_version: CLIENT_VERSION.to_owned(),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..ConnectionSetupRequest::default()
    };
    let client_ip = connection.local_addr().ip().to_string();
    connection.open_stream(&Payload::new(&set_up).with_client_ip(client_ip)).map_err(|error| odd(&error))?;
    loop {
        let health = Payload::new(&HealthCheckRequest::default());
        let reply = connection.unary(&health).await.map_err(|error| rpc(&error))?;
        if reply.payload.answer::<HealthCheckResponse>().is_ok() {
            return Ok(connection);
        }
        sleep(ASK_AGAIN).await;
    }
}

fn odd(error: &dyn std::error::Error) -> ProbeError {
    ProbeError::Odd(error.to_string())
}

fn rpc(error: &RpcError) -> ProbeError {
    match error {
        RpcError::Ended(end) => ProbeError::Broken(end.to_string()),
        other => odd(other),
    }
}
