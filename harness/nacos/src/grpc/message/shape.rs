//! What all requests and all responses have in common.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// The numbers in `resultCode` and `errorCode` (facts §2.2, "Codes").
pub mod codes {
    /// `resultCode` of a success.
    pub const SUCCESS: i32 = 200;
    /// `resultCode` of a failure.
    pub const FAIL: i32 = 500;
    /// `errorCode` in an `ErrorResponse`: the server has not started.
    pub const NOT_STARTED: i32 = 300;
    /// `errorCode` in an `ErrorResponse`: the connection is not registered.
    pub const NOT_REGISTERED: i32 = 301;
    /// `errorCode` in an `ErrorResponse`: nothing handles this request.
    pub const NO_HANDLER: i32 = 302;
    /// `errorCode` in a `ConfigQueryResponse`: there is no such config.
    pub const CONFIG_NOT_FOUND: i32 = 300;
    /// `errorCode` of a bad parameter.
    pub const BAD_PARAMETER: i32 = 400;
    /// `errorCode` of a request without a token, or without the right.
    pub const NO_RIGHT: i32 = 403;
    /// `errorCode` of any other failure.
    pub const SERVER_ERROR: i32 = 500;
}

/// A message whose type a payload's metadata names.
pub trait Message: Serialize + DeserializeOwned {
    /// The simple name of the class, such as `ServerCheckRequest`.
    const TYPE: &'static str;
}

/// A request; pushed ones carry an id that their acknowledgement repeats.
pub trait Request: Message {
    /// The id, if it has one.
    fn request_id(&self) -> Option<&str>;
}

/// A response.
pub trait Response: Message {
    /// The id of the request that it answers, if it repeats one.
    fn request_id(&self) -> Option<&str>;
    /// 200 or 500.
    fn result_code(&self) -> i32;
    /// 0 in a success; see [`codes`].
    fn error_code(&self) -> i32;
    /// The server's words, empty when it has none.
    fn message(&self) -> &str;
    /// Whether it succeeded, by `resultCode` as Java, Python and Rust decide.
    fn is_success(&self) -> bool {
        self.result_code() == codes::SUCCESS
    }
    /// A success that repeats `request_id`, every other field its default.
    #[must_use]
    fn acknowledge(request_id: &str) -> Self;
    /// A failure, every other field its default.
    #[must_use]
    fn failure(error_code: i32, message: &str) -> Self;
}

/// Reads an absent or null field as its default.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Declares a request: `headers` and `requestId` first, then its own fields, then `module`. A field that is absent
/// has the value behind its `=`, or its type's default.
macro_rules! request {
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
    ($(#[$doc:meta])* $name:ident in $module:literal {
        $($(#[$attr:meta])* $field:ident: $ty:ty $(= $default:expr)?,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            /// Headers inside the JSON; senders keep them empty unless a field says otherwise.
            #[serde(deserialize_with = "crate::grpc::message::shape::or_default")]
            pub headers: std::collections::BTreeMap<String, String>,
            /// The id that the response repeats; absent unless pushed on the stream or set by a client.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub request_id: Option<String>,
            $(
                $(#[$attr])*
                #[serde(deserialize_with = "crate::grpc::message::shape::or_default")]
                pub $field: $ty,
            )*
            /// The module that handles it, fixed by its type.
            #[serde(deserialize_with = "crate::grpc::message::shape::or_default")]
            pub module: std::borrow::Cow<'static, str>,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    headers: Default::default(),
                    request_id: None,
                    $($field: request!(@default $($default)?),)*
                    module: std::borrow::Cow::Borrowed($module),
                }
            }
        }

        impl $crate::grpc::message::Message for $name {
            const TYPE: &'static str = stringify!($name);
        }

        impl $crate::grpc::message::Request for $name {
            fn request_id(&self) -> Option<&str> {
                self.request_id.as_deref()
            }
        }
    };
}

/// Declares a response: the result first, then its own fields, then `success`.
macro_rules! response {
    ($(#[$doc:meta])* $name:ident { $($(#[$attr:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            /// 200 in a success, 500 in a failure.
            pub result_code: i32,
            /// 0 in a success; else why not.
            pub error_code: i32,
            /// The server's words.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub message: Option<String>,
            /// The id of the request that it answers.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub request_id: Option<String>,
            $(
                $(#[$attr])*
                #[serde(deserialize_with = "crate::grpc::message::shape::or_default")]
                pub $field: $ty,
            )*
            /// Whether it succeeded; written for clients that decide by it.
            pub success: bool,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    result_code: $crate::grpc::message::codes::SUCCESS,
                    error_code: 0,
                    message: None,
                    request_id: None,
                    $($field: Default::default(),)*
                    success: true,
                }
            }
        }

        impl $crate::grpc::message::Message for $name {
            const TYPE: &'static str = stringify!($name);
        }

        impl $crate::grpc::message::Response for $name {
            fn request_id(&self) -> Option<&str> {
                self.request_id.as_deref()
            }
            fn result_code(&self) -> i32 {
                self.result_code
            }
            fn error_code(&self) -> i32 {
                self.error_code
            }
            fn message(&self) -> &str {
                self.message.as_deref().unwrap_or_default()
            }
            fn acknowledge(request_id: &str) -> Self {
                Self { request_id: Some(request_id.to_owned()), ..Self::default() }
            }
            fn failure(error_code: i32, message: &str) -> Self {
                Self {
                    result_code: $crate::grpc::message::codes::FAIL,
                    error_code,
                    message: Some(message.to_owned()),
                    success: false,
                    ..Self::default()
                }
            }
        }
    };
}

pub(super) use {request, response};
