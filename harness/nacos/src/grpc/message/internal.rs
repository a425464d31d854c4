//! The messages that keep a connection: handshake, health, eviction.

use std::collections::BTreeMap;

use super::shape::{request, response};

request! {
    /// Asks for the connection's id; allowed before registration.
    ServerCheckRequest in "internal" {}
}

response! {
    /// Tells the connection's id.
    ServerCheckResponse {
        /// The server's id for the transport, `<millis>_<remoteIp>_<remotePort>`.
        connection_id: String,
        /// Whether the server will answer a set-up that has an ability table with a [`SetupAckRequest`].
        support_ability_negotiation: bool,
    }
}

request! {
    /// The first message on the stream: registers the connection.
    ConnectionSetupRequest in "internal" {
        /// Such as `Nacos-Java-Client:v2.5.1`.
        client_version: String,
        /// The client's namespace.
        #[serde(skip_serializing_if = "Option::is_none")]
        tenant: Option<String>,
        /// Such as `source=sdk`, `module=config`.
        labels: BTreeMap<String, String>,
        /// What the client can do; only with it does the server send a [`SetupAckRequest`].
        #[serde(skip_serializing_if = "Option::is_none")]
        ability_table: Option<BTreeMap<String, bool>>,
        /// What clients before 2.3 and the Rust SDK send instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        abilities: Option<serde_json::Value>,
        /// What the Go SDK sends instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_abilities: Option<serde_json::Value>,
    }
}

request! {
    /// Pushed once the connection is registered; nobody waits for its acknowledgement.
    SetupAckRequest in "internal" {
        /// What the server can do.
        ability_table: BTreeMap<String, bool>,
    }
}

response! {
    /// Acknowledges a [`SetupAckRequest`].
    SetupAckResponse {}
}

request! {
    /// A client's sign of life.
    HealthCheckRequest in "internal" {}
}

response! {
    /// Answers a [`HealthCheckRequest`].
    HealthCheckResponse {}
}

request! {
    /// Pushed to a connection that was idle for 20 s; without an answer within 5 s it is closed.
    ClientDetectionRequest in "internal" {}
}

response! {
    /// Answers a [`ClientDetectionRequest`].
    ClientDetectionResponse {}
}

request! {
    /// Pushed to send the client to another server.
    ConnectResetRequest in "internal" {
        /// Where to, if the server says.
        #[serde(skip_serializing_if = "Option::is_none")]
        server_ip: Option<String>,
        /// The HTTP port there.
        #[serde(skip_serializing_if = "Option::is_none")]
        server_port: Option<String>,
        /// The connection that shall move.
        #[serde(skip_serializing_if = "Option::is_none")]
        connection_id: Option<String>,
    }
}

response! {
    /// Acknowledges a [`ConnectResetRequest`].
    ConnectResetResponse {}
}

response! {
    /// Answers any request that did not reach its handler.
    ErrorResponse {}
}
