//! What can go wrong with a call to a proxy's API.

/// A call to a proxy's API that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ProxyApiError {
    /// The client itself could not be built.
    #[error("cannot set up the client of the proxy's API at `{api}`")]
    Client {
        /// Where the API was said to be.
        api: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No whole answer came: refused, broken off or timed out.
    #[error("no answer to `{call}` from the proxy's API at `{api}`; check that the proxy still runs")]
    Unreachable {
        /// Method and path.
        call: String,
        /// Where the API was said to be.
        api: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The API answered with an error.
    #[error("the proxy's API refused `{call}` with status {status}: {text}")]
    Refused {
        /// Method and path.
        call: String,
        /// The HTTP status.
        status: u16,
        /// The server's own error text.
        text: String,
    },
    /// The answer is not what the API is documented to give.
    #[error(
        "cannot read the answer of the proxy's API to `{call}`; check that its address is that of a Toxiproxy"
    )]
    Unreadable {
        /// Method and path.
        call: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl ProxyApiError {
    /// Whether the API said that there is no such proxy or toxic.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}
