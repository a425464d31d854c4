//! What can be wrong with the certificates of a TLS session.

use serde::{Deserialize, Serialize};

/// What is wrong with the TLS in front of a node, for sessions that begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateTrouble {
    /// It shows a certificate that has expired.
    Expired,
    /// It shows a certificate that is not valid yet.
    NotYetValid,
    /// It shows a certificate of somebody else's name.
    OtherName,
    /// It shows a certificate that an authority signed whom no client trusts.
    UnknownAuthority,
    /// It no longer trusts the authority that signed the clients' certificates.
    ClientsUntrusted,
}

impl CertificateTrouble {
    /// In words, as in "refused because of".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Expired => "an expired certificate",
            Self::NotYetValid => "a certificate that is not valid yet",
            Self::OtherName => "a certificate for another name",
            Self::UnknownAuthority => "a certificate of an unknown authority",
            Self::ClientsUntrusted => "the client's own certificate",
        }
    }
}
