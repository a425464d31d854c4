//! Nacos' one protobuf message, written down a second time so that a mistake in the project's own shows.

use std::collections::HashMap;

use serde_json::Value;

/// A message of either direction.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Payload {
    /// Says what the body is.
    #[prost(message, optional, tag = "2")]
    pub metadata: Option<Metadata>,
    /// The JSON.
    #[prost(message, optional, tag = "3")]
    pub body: Option<Any>,
}

/// What a payload says of its body.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metadata {
    /// The type.
    #[prost(string, tag = "3")]
    pub r#type: String,
    /// Headers.
    #[prost(map = "string, string", tag = "7")]
    pub headers: HashMap<String, String>,
    /// The client's address.
    #[prost(string, tag = "8")]
    pub client_ip: String,
}

/// The body.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Any {
    /// Empty.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// JSON.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

impl Payload {
    /// A message of a type with a body.
    pub fn new(kind: &str, body: &Value) -> Self {
        let metadata = Metadata { r#type: kind.to_owned(), ..Metadata::default() };
        Self {
            metadata: Some(metadata),
            body: Some(Any { type_url: String::new(), value: body.to_string().into_bytes() }),
        }
    }

    /// Its type.
    pub fn kind(&self) -> &str {
        self.metadata.as_ref().map_or("", |metadata| &metadata.r#type)
    }

    /// Its body.
    pub fn json(&self) -> Value {
        let body = self.body.as_ref().map_or(&[][..], |body| &body.value);
        serde_json::from_slice(body).unwrap_or(Value::Null)
    }
}
