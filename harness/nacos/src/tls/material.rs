//! What clients need of authorities that a run makes itself. It goes from memory to memory and into no file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Certificates and a key in DER.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsMaterial {
    /// The certificate of the authority that signs the servers' certificates.
    pub authority: Vec<u8>,
    /// The certificate that clients show and its key (PKCS #8), where servers ask for one.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for TlsMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsMaterial").field("has_client", &self.client.is_some()).finish_non_exhaustive()
    }
}
