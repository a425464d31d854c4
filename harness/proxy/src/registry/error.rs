//! What the control plane refuses, in Toxiproxy's words and with its status codes.

use http::StatusCode;
use thiserror::Error;

use super::listen::{AddressError, ListenError};
use crate::toxics::ToxicError;

/// A request that was not carried out.
#[derive(Debug, Error)]
pub(crate) enum RegistryError {
    /// The body is no such JSON.
    #[error("bad request body: {0}")]
    Body(String),
    /// A field that must be given is not.
    #[error("missing required field: {0}")]
    MissingField(String),
    /// The source is no address.
    #[error("source `{0}` was invalid, must be an IP address without a port")]
    Source(String),
    /// There is no such proxy.
    #[error("proxy not found")]
    NotFound,
    /// The name is taken.
    #[error("proxy already exists")]
    Exists,
    /// The wanted address means nothing.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// The proxy could not listen.
    #[error("{0}")]
    Listen(#[from] ListenError),
    /// The toxic is refused.
    #[error("{0}")]
    Toxic(ToxicError),
    /// The toxic acts on what only a proxy that follows HTTP sees.
    #[error("this toxic reads HTTP, which the proxy does not follow; create it with `follow`")]
    NotFollowed,
    /// A data plane thread has ended.
    #[error("the proxy's data plane has failed; start the proxy server again")]
    PlaneFailed,
    /// The request's own task died.
    #[error("a defect of the proxy: the request's task panicked; see the log")]
    Defect,
}

impl RegistryError {
    /// The HTTP status that Toxiproxy gives.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Body(_) | Self::MissingField(_) | Self::Source(_) | Self::NotFollowed => {
                StatusCode::BAD_REQUEST
            }
            Self::NotFound | Self::Toxic(ToxicError::NotFound) => StatusCode::NOT_FOUND,
            Self::Exists | Self::Toxic(ToxicError::Exists) => StatusCode::CONFLICT,
            Self::Toxic(_) => StatusCode::BAD_REQUEST,
            Self::Address(_) | Self::Listen(_) | Self::PlaneFailed | Self::Defect => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}
