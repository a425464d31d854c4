//! Config items as written.

use serde_json::{Value as Json, json};

use crate::field::{Bytes, Field, Number, choice, record};
use crate::problem::Findings;
use crate::source::Spanned;
use crate::tree::{Node, Value};

record! {
    /// The config items.
    RawItems {
        "count" count: required u32 = "How many items are shared by all watchers.",
        "payload" payload: optional RawPayload = "The size of a payload, 128B to 8MiB, or how sizes are drawn. Default: 1KiB.",
        "prefix" prefix: optional String = "The data id of item 3 is this and `3`. Default: `shakedown.item-`.",
        "groups" groups: optional Vec<Spanned<String>> = "The Nacos groups that items are dealt over; the same data ids are in each. Default: [DEFAULT_GROUP].",
        "namespaces" namespaces: optional Vec<Spanned<String>> = "The Nacos namespaces that items are dealt over, by id; `public` is the default one. Default: [public].",
    }
}

/// A size, or how sizes are drawn.
#[derive(Debug, Clone)]
pub(crate) enum RawPayload {
    Fixed(Bytes),
    Drawn(RawSizes),
}

impl Field for RawPayload {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        match node.value {
            Value::Map(_) => RawSizes::read(node, found).map(Self::Drawn),
            Value::Scalar(_) | Value::List(_) => Bytes::read(node, found).map(Self::Fixed),
        }
    }
    fn schema() -> Json {
        json!({ "anyOf": [Bytes::schema(), RawSizes::schema()] })
    }
}

choice! {
    /// How sizes are drawn, for each version of each item.
    RawSizes {
        "uniform" Uniform(RawUniform) = "Every size between two is as likely as another.",
        "pareto" Pareto(RawPareto) = "Many small ones and few large ones.",
        "choice" Choice(Vec<Spanned<RawSizeChoice>>) = "One of a few, by weight.",
    }
}

record! {
    /// Sizes between two.
    RawUniform {
        "min" min: required Bytes = "The smallest.",
        "max" max: required Bytes = "The largest.",
    }
}

record! {
    /// A Pareto distribution, cut at `max`.
    RawPareto {
        "min" min: required Bytes = "The smallest, where the distribution begins.",
        "max" max: required Bytes = "What is larger becomes this.",
        "shape" shape: optional Number = "The smaller, the heavier the tail, 0.1 to 100; 1.16 is the rule of 80 to 20. Default: 1.16.",
    }
}

record! {
    /// A size and how often it is drawn.
    RawSizeChoice {
        "bytes" bytes: required Bytes = "The size.",
        "weight" weight: optional u32 = "Its weight beside the others'. Default: 1.",
    }
}
