//! Payloads by what a receiver has to tell apart.

use super::{
    ClientDetectionRequest, ConfigBatchListenRequest, ConfigChangeNotifyRequest, ConfigPublishRequest,
    ConfigQueryRequest, ConfigRemoveRequest, ConnectResetRequest, ConnectionSetupRequest, HealthCheckRequest,
    HealthCheckResponse, Message as _, ServerCheckRequest, SetupAckRequest,
};
use crate::grpc::payload::{Payload, PayloadError};

/// What a client calls.
#[derive(Debug, Clone, PartialEq)]
pub enum Unary {
    /// Asks for the connection's id.
    ServerCheck(ServerCheckRequest),
    /// A sign of life.
    HealthCheck(HealthCheckRequest),
    /// Asks for a config.
    Query(ConfigQueryRequest),
    /// Publishes a config.
    Publish(ConfigPublishRequest),
    /// Removes a config.
    Remove(ConfigRemoveRequest),
    /// Listens to configs.
    BatchListen(ConfigBatchListenRequest),
    /// Something that this crate has no type for, by name; answer it with error 302.
    Unknown(String),
}

impl TryFrom<&Payload> for Unary {
    type Error = PayloadError;

    fn try_from(payload: &Payload) -> Result<Self, PayloadError> {
        match payload.type_name() {
            ServerCheckRequest::TYPE => payload.read().map(Self::ServerCheck),
            HealthCheckRequest::TYPE => payload.read().map(Self::HealthCheck),
            ConfigQueryRequest::TYPE => payload.read().map(Self::Query),
            ConfigPublishRequest::TYPE => payload.read().map(Self::Publish),
            ConfigRemoveRequest::TYPE => payload.read().map(Self::Remove),
            ConfigBatchListenRequest::TYPE => payload.read().map(Self::BatchListen),
            other => Ok(Self::Unknown(other.to_owned())),
        }
    }
}

/// What a server pushes on the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Pushed {
    /// The connection is registered.
    SetupAck(SetupAckRequest),
    /// Asks for a sign of life.
    ClientDetection(ClientDetectionRequest),
    /// Sends the client elsewhere.
    ConnectReset(ConnectResetRequest),
    /// A listened item changed.
    ConfigChange(ConfigChangeNotifyRequest),
    /// Something that this crate has no type for, by name; real clients log and ignore it.
    Unknown(String),
}

impl TryFrom<&Payload> for Pushed {
    type Error = PayloadError;

    fn try_from(payload: &Payload) -> Result<Self, PayloadError> {
        match payload.type_name() {
            SetupAckRequest::TYPE => payload.read().map(Self::SetupAck),
            ClientDetectionRequest::TYPE => payload.read().map(Self::ClientDetection),
            ConnectResetRequest::TYPE => payload.read().map(Self::ConnectReset),
            ConfigChangeNotifyRequest::TYPE => payload.read().map(Self::ConfigChange),
            other => Ok(Self::Unknown(other.to_owned())),
        }
    }
}

/// What a client sends on the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum FromClient {
    /// Registers the connection; its first message.
    Setup(Box<ConnectionSetupRequest>),
    /// Answers a push, whatever its type.
    Ack {
        /// The id of the push; `None` answers nothing.
        request_id: Option<String>,
        /// Whether the client took it, by `resultCode`.
        is_success: bool,
    },
    /// Anything else, by name; the server logs and ignores it.
    Unknown(String),
}

impl TryFrom<&Payload> for FromClient {
    type Error = PayloadError;

    fn try_from(payload: &Payload) -> Result<Self, PayloadError> {
        match payload.type_name() {
            ConnectionSetupRequest::TYPE => payload.read().map(Box::new).map(Self::Setup),
            name if name.ends_with("Response") => {
                // Every response has the same head; the health check's has nothing else.
                let head: HealthCheckResponse = serde_json::from_slice(payload.json())
                    .map_err(|source| PayloadError::Json { expected: "response on the stream", source })?;
                Ok(Self::Ack {
                    is_success: head.result_code == super::codes::SUCCESS,
                    request_id: head.request_id,
                })
            }
            other => Ok(Self::Unknown(other.to_owned())),
        }
    }
}
