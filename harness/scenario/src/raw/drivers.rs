//! Real clients as written.

use shakedown_model::plan::Protocol;

use crate::client::Sdk;
use crate::field::{Field, Name, record};
use crate::problem::Findings;
use crate::source::Spanned;
use crate::tree::Node;

/// The name of a driver that comes with shakedown, or each part.
#[derive(Debug, Clone)]
pub(crate) enum RawDriver {
    Named(Name),
    Parts(RawDriverParts),
}

impl Field for RawDriver {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        match node.text() {
            Some(_) => Name::read(node, found).map(Self::Named),
            None => RawDriverParts::read(node, found).map(Self::Parts),
        }
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [Name::schema(), RawDriverParts::schema()] })
    }
}

record! {
    /// A program that holds real clients and speaks the driver protocol (`harness/docs/driver-protocol.md`).
    RawDriverParts {
        "name" name: required Name = "One that comes with shakedown (`go`, `java`, `java-3`, `python`, `node`, `rust`), or with `command` a name of your own.",
        "command" command: optional Vec<Spanned<String>> = "Your own program and its arguments.",
        "like" like: optional Sdk = "The SDK that your own client should behave like; without it nothing is expected of its reconnects and its cache.",
        "protocol" protocol: optional Protocol = "What your own client speaks. Needed with `command` and without `like`.",
        "clients-per-process" clients_per_process: optional u32 = "How many clients one process holds. Default: 1, since the stock Go and Java SDKs limit themselves per process.",
    }
}
