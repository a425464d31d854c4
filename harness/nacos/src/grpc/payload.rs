//! The one protobuf message of Nacos' gRPC: a type name, headers and JSON (facts §2.1).

use std::collections::BTreeMap;

use crate::grpc::message::{ErrorResponse, Message, Response};

/// The path of unary calls; the proto has no package.
pub const UNARY_PATH: &str = "/Request/request";
/// The path of the bidirectional stream.
pub const STREAM_PATH: &str = "/BiRequestStream/requestBiStream";

/// A message of either direction.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Payload {
    /// Says what the body is.
    #[prost(message, optional, tag = "2")]
    pub metadata: Option<Metadata>,
    /// The JSON.
    #[prost(message, optional, tag = "3")]
    pub body: Option<Any>,
}

/// What a payload says of its body.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Metadata {
    /// The simple name of the body's class, such as `ServerCheckRequest`.
    #[prost(string, tag = "3")]
    pub r#type: String,
    /// The request's headers.
    #[prost(btree_map = "string, string", tag = "7")]
    pub headers: BTreeMap<String, String>,
    /// What the client says its address is; empty from servers.
    #[prost(string, tag = "8")]
    pub client_ip: String,
}

/// `google.protobuf.Any`, as Nacos uses it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Any {
    /// Empty, and ignored by every receiver.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// UTF-8 JSON, not protobuf.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: bytes::Bytes,
}

/// Why a payload is not the message that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// It is of another type.
    #[error("payload is a {found}, not a {expected}")]
    OtherType {
        /// What was asked for.
        expected: &'static str,
        /// What its metadata says.
        found: String,
    },
    /// Its body is not JSON of that type.
    #[error("body of the {expected} does not parse")]
    Json {
        /// What was asked for.
        expected: &'static str,
        /// Where it does not.
        source: serde_json::Error,
    },
    /// The server answered that it could not, by an [`ErrorResponse`] or in the expected type.
    #[error("server answered {result_code}, error {error_code}: {message}")]
    Refused {
        /// The result code, not 200.
        result_code: i32,
        /// Such as 301, connection not registered (facts §2.2, "Codes").
        error_code: i32,
        /// In the server's words.
        message: String,
        /// Whether it came as an [`ErrorResponse`]: only then do 300 and 301 mean not started and not registered.
        is_error_response: bool,
    },
}

impl Payload {
    /// Wraps `message`, without headers or address.
    #[must_use]
    pub fn new<M: Message>(message: &M) -> Self {
        let json = serde_json::to_vec(message).expect("messages have string keys and no fallible serializer");
        let metadata = Metadata { r#type: M::TYPE.to_owned(), ..Metadata::default() };
        Self { metadata: Some(metadata), body: Some(Any { type_url: String::new(), value: json.into() }) }
    }

    /// The same with the address that the client declares for itself.
    #[must_use]
    pub fn with_client_ip(mut self, client_ip: impl Into<String>) -> Self {
        self.metadata.get_or_insert_default().client_ip = client_ip.into();
        self
    }

    /// The same with a header, such as the `accessToken` of a login (facts §1.8).
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.metadata.get_or_insert_default().headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The type that its metadata names; empty when it has none.
    #[must_use]
    pub fn type_name(&self) -> &str {
        self.metadata.as_ref().map_or("", |metadata| &metadata.r#type)
    }

    /// The address that the client declared for itself; empty when it did not.
    #[must_use]
    pub fn client_ip(&self) -> &str {
        self.metadata.as_ref().map_or("", |metadata| &metadata.client_ip)
    }

    /// The body's bytes.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        self.body.as_ref().map_or(b"", |body| &body.value)
    }

    /// Reads it as an `M`.
    ///
    /// # Errors
    /// When it is of another type or does not parse.
    pub fn read<M: Message>(&self) -> Result<M, PayloadError> {
        if self.type_name() != M::TYPE {
            let found = self.type_name().to_owned();
            return Err(PayloadError::OtherType { expected: M::TYPE, found });
        }
        serde_json::from_slice(self.json()).map_err(|source| PayloadError::Json { expected: M::TYPE, source })
    }

    /// Reads it as a successful `R`, the answer to a unary call.
    ///
    /// # Errors
    /// [`PayloadError::Refused`] when the server said that it could not, in whichever type; else as
    /// [`Self::read`].
    pub fn answer<R: Response>(&self) -> Result<R, PayloadError> {
        if self.type_name() == ErrorResponse::TYPE {
            return Err(refusal(&self.read::<ErrorResponse>()?, true));
        }
        let response = self.read::<R>()?;
        if response.is_success() { Ok(response) } else { Err(refusal(&response, false)) }
    }
}

fn refusal<R: Response>(response: &R, is_error_response: bool) -> PayloadError {
    PayloadError::Refused {
        result_code: response.result_code(),
        error_code: response.error_code(),
        message: response.message().to_owned(),
        is_error_response,
    }
}
