//! Toxics that the API does not take, in Toxiproxy's words where it has any.

use thiserror::Error;

use super::MAX_TOXICS;

/// A toxic that the API does not take.
#[derive(Debug, Error)]
pub(crate) enum ToxicError {
    /// The body is no such JSON.
    #[error("bad request body: {0}")]
    Body(String),
    /// The stream is neither.
    #[error("stream was invalid, can be either upstream or downstream")]
    Stream,
    /// No such type.
    #[error("invalid toxic type")]
    Type,
    /// The toxicity is no probability.
    #[error("toxicity {0} was invalid, must be between 0 and 1")]
    Toxicity(f32),
    /// The name is taken.
    #[error("toxic already exists")]
    Exists,
    /// There is no toxic of this name.
    #[error("toxic not found")]
    NotFound,
    /// Too many.
    #[error("a proxy can have at most {MAX_TOXICS} toxics; remove one first")]
    TooMany,
}
