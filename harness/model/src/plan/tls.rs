//! TLS to servers that somebody else runs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How a run speaks TLS to servers that somebody else runs. The plan holds where the files are, never what is in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSpec {
    /// The ports that speak TLS; the others are spoken to in the clear.
    pub on: TlsPorts,
    /// PEM file with the authorities that may sign the servers' certificates; `None` is the machine's own list.
    pub ca: Option<PathBuf>,
    /// PEM file with the certificate that clients show, and those that lead from it to an authority.
    pub client_certificate: Option<PathBuf>,
    /// PEM file with the key of that certificate.
    pub client_key: Option<PathBuf>,
    /// The name that is asked for and must be in the servers' certificates; `None` is the host of each address.
    pub server_name: Option<String>,
    /// Whether the servers' certificates are checked at all.
    pub verify: bool,
}

impl Default for TlsSpec {
    /// Both ports, the machine's authorities, no certificate of the client's, everything checked.
    fn default() -> Self {
        Self {
            on: TlsPorts::Both,
            ca: None,
            client_certificate: None,
            client_key: None,
            server_name: None,
            verify: true,
        }
    }
}

/// Which ports of a server speak TLS. Nacos switches it on for each by itself (nacos-facts.md §2.4 for gRPC; the web
/// server's own settings, or a proxy in front, for HTTP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsPorts {
    /// The HTTP and the gRPC port.
    Both,
    /// The HTTP port.
    Http,
    /// The gRPC port.
    Grpc,
}

impl TlsPorts {
    /// Whether the HTTP port does.
    #[must_use]
    pub const fn has_http(self) -> bool {
        matches!(self, Self::Both | Self::Http)
    }

    /// Whether the gRPC port does.
    #[must_use]
    pub const fn has_grpc(self) -> bool {
        matches!(self, Self::Both | Self::Grpc)
    }
}
