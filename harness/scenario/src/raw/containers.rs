//! Containers as written.

use crate::field::{Bytes, Named, Number, record, words};

record! {
    /// How the container backend starts its nodes.
    RawContainer {
        "image" image: optional String = "The image with its tag. Default: the official one of the version, `nacos/nacos-server:vVERSION`.",
        "env" env: optional Named<String> = "Environment variables beside those that the harness sets; these win, and are never written down. Default: none. The heap is JVM_XMS 256m, JVM_XMX 512m, JVM_XMN 128m.",
        "memory" memory: optional Bytes = "The memory that each node may take, such as `1GiB`. Default: no limit.",
        "cpus" cpus: optional Number = "The processors that each node may take, such as `1.5`. Default: no limit.",
    }
}

/// Where the real Toxiproxy runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawProxyPlace {
    Process,
    Container,
}

words!(RawProxyPlace { "process" => RawProxyPlace::Process, "container" => RawProxyPlace::Container });
