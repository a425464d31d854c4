//! Servers and proxies that somebody else runs, as written.

use std::path::PathBuf;

use shakedown_model::plan::TlsPorts;

use crate::field::{PerSecond, record, words};
use crate::source::Spanned;

record! {
    /// Servers that somebody else runs, and how far the run may go there.
    RawExternal {
        "nodes" nodes: required Vec<Spanned<RawExternalNode>> = "Where each node is found.",
        "namespace" namespace: optional String = "The namespace of the run's items; `public` is the default one. Default: one that the run makes and removes.",
        "max-rate" max_rate: optional PerSecond = "The most publishes per second that the run may make there, bursts included. Default: 10/s.",
        "tls" tls: optional RawTls = "How TLS is spoken to them, by the harness and its simulated watchers, through proxies from end to end. Default: not at all.",
    }
}

record! {
    /// A node that somebody else runs.
    RawExternalNode {
        "http" http: required String = "Its HTTP address, `host:port`.",
        "grpc" grpc: optional String = "Its gRPC address, `host:port`. Default: the HTTP port and 1000.",
    }
}

record! {
    /// TLS to servers that somebody else runs. Paths are relative to the working directory; no file is copied.
    RawTls {
        "on" on: optional TlsPorts = "The ports that speak it. Default: both.",
        "ca" ca: optional PathBuf = "PEM file with the authorities that may sign the servers' certificates. Default: the list of this machine.",
        "client-certificate" client_certificate: optional PathBuf = "PEM file with the certificate that clients show, and those between it and an authority. Default: none.",
        "client-key" client_key: optional PathBuf = "PEM file with the key of that certificate, not encrypted. Default: none.",
        "server-name" server_name: optional String = "The DNS name that is asked for and must be in the servers' certificates. Default: the host of each node's address.",
        "verify" verify: optional bool = "Whether the servers' certificates are checked; without that anybody between can read and change everything. Default: true.",
    }
}

record! {
    /// A Toxiproxy that somebody else runs. Only proxies that bear the run's name are made there, and removed.
    RawExternalProxy {
        "api" api: required String = "Its API, `host:port`.",
        "ports" ports: required Vec<Spanned<u32>> = "The ports of that host at which its proxies can be reached: the first and the last, such as `[21000, 21099]`.",
        "upstreams" upstreams: optional Vec<Spanned<RawExternalNode>> = "The servers as it reaches them, in the order of the nodes. Default: as the harness does.",
    }
}

words!(TlsPorts { "both" => TlsPorts::Both, "http" => TlsPorts::Http, "grpc" => TlsPorts::Grpc });
