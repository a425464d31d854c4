//! The SDKs that can be imitated, one file for each language.
//!
//! The figures are facts of the SDKs' sources: nacos-facts.md §1.6, §1.8, §2 and §3, and where those are silent the
//! file named beside the value. A change here needs a new fact. What every SDK has in common is [`ClientSpec::new`]
//! and [`Habits::default`](shakedown_model::plan::Habits).

mod go;
mod java;
mod node;
mod python;
mod rust;

use shakedown_model::plan::ClientSpec;

/// An SDK that can be imitated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// nacos-client 2.5.1 for Java, over gRPC.
    NacosJava2,
    /// nacos-client 3.2.1 for Java, over gRPC.
    NacosJava3,
    /// nacos-sdk-go 2.3.5, over gRPC.
    NacosGo2,
    /// nacos-sdk 0.8.3 for Rust, over gRPC.
    NacosRust,
    /// nacos-sdk-python 3.2.0 (`v2.nacos`), over gRPC.
    NacosPython3,
    /// nacos-sdk-python 1.0.0, over HTTP long polls.
    NacosPython1,
    /// nacos 2.6.3 for Node, over HTTP long polls.
    NacosNode,
}

/// The drivers that come with the harness, and the client that imitates each.
pub const BUILT_IN_DRIVERS: [(&str, Sdk); 6] = [
    ("go", Sdk::NacosGo2),
    ("java", Sdk::NacosJava2),
    ("java-3", Sdk::NacosJava3),
    ("python", Sdk::NacosPython3),
    ("node", Sdk::NacosNode),
    ("rust", Sdk::NacosRust),
];

/// The client that imitates what a driver of the harness holds; `None` when there is no such driver.
pub(crate) fn driver_named(name: &str) -> Option<Sdk> {
    BUILT_IN_DRIVERS.iter().find(|(driver, _)| *driver == name).map(|(_, sdk)| *sdk)
}

impl Sdk {
    /// All of them, in the order in which docs list them.
    pub const ALL: [Self; 7] = [
        Self::NacosJava2,
        Self::NacosJava3,
        Self::NacosGo2,
        Self::NacosRust,
        Self::NacosPython3,
        Self::NacosPython1,
        Self::NacosNode,
    ];

    /// What a scenario calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NacosJava2 => "nacos-java-2",
            Self::NacosJava3 => "nacos-java-3",
            Self::NacosGo2 => "nacos-go-2",
            Self::NacosRust => "nacos-rust",
            Self::NacosPython3 => "nacos-python-3",
            Self::NacosPython1 => "nacos-python-1",
            Self::NacosNode => "nacos-node",
        }
    }

    /// The client as that SDK has it, with a list of one server.
    #[must_use]
    pub fn client(self) -> ClientSpec {
        let client = match self {
            Self::NacosJava2 => java::java_2(),
            Self::NacosJava3 => java::java_3(),
            Self::NacosGo2 => go::go_2(),
            Self::NacosRust => rust::rust(),
            Self::NacosPython3 => python::python_3(),
            Self::NacosPython1 => python::python_1(),
            Self::NacosNode => node::node(),
        };
        ClientSpec { like: Some(self.name().to_owned()), ..client }
    }

    /// Whether the SDK reads files by which an operator overrides the server (nacos-facts.md §3.4).
    #[must_use]
    pub const fn reads_failover_files(self) -> bool {
        match self {
            Self::NacosJava2
            | Self::NacosJava3
            | Self::NacosGo2
            | Self::NacosPython3
            | Self::NacosPython1 => true,
            Self::NacosRust | Self::NacosNode => false,
        }
    }
}
