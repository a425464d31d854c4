//! Servers and proxies that somebody else runs, as written.

use crate::field::{PerSecond, record};
use crate::source::Spanned;

record! {
    /// Servers that somebody else runs, and how far the run may go there.
    RawExternal {
        "nodes" nodes: required Vec<Spanned<RawExternalNode>> = "Where each node is found.",
        "namespace" namespace: optional String = "The namespace of the run's items; `public` is the default one. Default: one that the run makes and removes.",
        "max-rate" max_rate: optional PerSecond = "The most publishes per second that the run may make there, bursts included. Default: 10/s.",
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
    /// A Toxiproxy that somebody else runs. Only proxies that bear the run's name are made there, and removed.
    RawExternalProxy {
        "api" api: required String = "Its API, `host:port`.",
        "ports" ports: required Vec<Spanned<u32>> = "The ports of that host at which its proxies can be reached: the first and the last, such as `[21000, 21099]`.",
        "upstreams" upstreams: optional Vec<Spanned<RawExternalNode>> = "The servers as it reaches them, in the order of the nodes. Default: as the harness does.",
    }
}
