//! gRPC (2.x, 3.x): payloads, the JSON messages inside them and the framing around them (facts §2).

pub mod connection;
pub mod frame;
pub mod message;
pub mod payload;
