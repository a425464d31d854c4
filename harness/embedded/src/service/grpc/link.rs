//! A connection as the node sees it: what the server says of itself on it, and how it is closed.

use std::collections::BTreeMap;
use std::rc::Rc;

use shakedown_model::fault::StreamTrouble;
use shakedown_nacos::ConfigKey;
use shakedown_nacos::grpc::message::{
    ClientDetectionRequest, ConfigChangeNotifyRequest, ConnectResetRequest, Message, SetupAckRequest,
};
use shakedown_nacos::grpc::payload::Payload;

use super::session::Session;
use crate::core::Redirect;

/// The one ability that a 2.x server tells.
const ABILITY: &str = "supportPersistentInstanceByGrpc";

/// How sending on a connection went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Sent {
    /// It is on its way or in the queue.
    Taken,
    /// The queue is full.
    Busy,
    /// The stream has ended.
    Gone,
}

/// A connection's way out, until [`Node::end_connection`](crate::service::node::Node::end_connection).
#[derive(Debug)]
pub(in crate::service) struct Link(Rc<Session>);

impl Link {
    pub(super) const fn new(session: Rc<Session>) -> Self {
        Self(session)
    }

    pub(in crate::service) fn notify(&self, request_id: u64, key: &ConfigKey) -> Sent {
        let request_id = Some(request_id.to_string());
        self.send(&ConfigChangeNotifyRequest { request_id, ..ConfigChangeNotifyRequest::of(key) })
    }

    pub(in crate::service) fn detect(&self, request_id: u64) -> Sent {
        self.send(&ClientDetectionRequest {
            request_id: Some(request_id.to_string()),
            ..ClientDetectionRequest::default()
        })
    }

    /// Asks the client to go elsewhere. The real server leaves a place that it does not name out.
    pub(in crate::service) fn reset(&self, request_id: u64, to: Option<Redirect>) -> Sent {
        let (server_ip, server_port) = to.map(|to| (to.ip, to.port)).unzip();
        let request_id = Some(request_id.to_string());
        self.send(&ConnectResetRequest {
            request_id,
            server_ip,
            server_port,
            ..ConnectResetRequest::default()
        })
    }

    pub(in crate::service) fn acknowledge_setup(&self) -> Sent {
        self.send(&SetupAckRequest {
            ability_table: BTreeMap::from([(ABILITY.to_owned(), true)]),
            ..SetupAckRequest::default()
        })
    }

    /// Whether a client has registered on it.
    pub(in crate::service) fn is_live(&self) -> bool {
        self.0.is_registered()
    }

    /// Does to the connection what its node is told to do.
    pub(in crate::service) fn suffer(&self, what: StreamTrouble, begins: bool) {
        self.0.suffer(what, begins);
    }

    /// Closes the TCP connection.
    pub(in crate::service) fn close(&self) {
        self.0.close();
    }

    fn send<M: Message>(&self, message: &M) -> Sent {
        self.0.push(&Payload::new(message))
    }
}
