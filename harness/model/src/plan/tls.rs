//! TLS to servers that somebody else runs, and in front of those that the run brings up.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Protocol;

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

/// TLS in front of servers that the run brings up: authorities, certificates and keys are the run's own, made for it and
/// never written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TlsFrontSpec {
    /// The ports that clients find behind TLS; the others are as the servers have them, in the clear.
    pub on: TlsPorts,
    /// Which clients are let in.
    pub clients: TlsClients,
}

/// Which clients a server lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsClients {
    /// Whoever connects.
    #[default]
    Anyone,
    /// Those that show a certificate of the run's authority of clients (mutual TLS).
    Certified,
}

/// Which ports of a server speak TLS. Nacos switches it on for each by itself (nacos-facts.md §2.4 for gRPC; the web
/// server's own settings, or a proxy in front, for HTTP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsPorts {
    /// The HTTP and the gRPC port.
    #[default]
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

    /// Whether the port of clients that speak so does.
    #[must_use]
    pub const fn has(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::NacosHttp => self.has_http(),
            Protocol::NacosGrpc => self.has_grpc(),
        }
    }
}
