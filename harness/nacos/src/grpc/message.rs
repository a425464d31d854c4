//! The JSON messages inside payloads, with the exact field names and order that Nacos 2.5 writes (facts §2.2).
//!
//! Readers ignore unknown fields, take an absent or null field as its default, and an absent `resultCode` as 200.
//! Writers omit nulls and always write `resultCode`, `errorCode` and `success`, because Go decides by the last and
//! Python and Rust by the first.

mod config;
mod dispatch;
mod internal;
mod shape;

pub use config::{
    ChangedConfig, ConfigBatchListenRequest, ConfigChangeBatchListenResponse, ConfigChangeNotifyRequest,
    ConfigChangeNotifyResponse, ConfigListenContext, ConfigPublishRequest, ConfigPublishResponse,
    ConfigQueryRequest, ConfigQueryResponse, ConfigRemoveRequest, ConfigRemoveResponse,
};
pub use dispatch::{FromClient, Pushed, Unary};
pub use internal::{
    ClientDetectionRequest, ClientDetectionResponse, ConnectResetRequest, ConnectResetResponse,
    ConnectionSetupRequest, ErrorResponse, HealthCheckRequest, HealthCheckResponse, ServerCheckRequest,
    ServerCheckResponse, SetupAckRequest, SetupAckResponse,
};
pub use shape::{Message, Request, Response, codes};

#[cfg(test)]
mod tests;
