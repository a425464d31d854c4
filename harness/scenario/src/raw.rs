//! The scenario as it was written: the mirror of the file, with spans, before anything is compared with anything.
//!
//! A field is `None` when it was left out, or when it was ill-formed, which is then a finding already.

mod containers;
mod drivers;
mod external;
mod faults;
mod items;
mod mutations;
mod server;
mod toxics;
mod watchers;

use std::path::PathBuf;
use std::time::Duration;

use shakedown_model::division::{MOST_WORKERS, Workers};
use shakedown_model::verdict::Guarantee;

pub(crate) use containers::*;
pub(crate) use drivers::*;
pub(crate) use external::*;
pub(crate) use faults::*;
pub(crate) use items::*;
pub(crate) use mutations::*;
pub(crate) use server::*;
pub(crate) use toxics::*;
pub(crate) use watchers::*;

use crate::field::{Field, Name, Named, Selection, record, scalar, words};
use crate::problem::Findings;
use crate::source::Spanned;
use crate::tree::{Node, Value};

record! {
    /// A scenario: what is brought up, what changes, what breaks, and what must hold.
    RawScenario {
        "shakedown" shakedown: required u32 = "The version of this format: 1.",
        "name" name: required Name = "The scenario's name; run directories begin with it.",
        "about" about: optional String = "What the scenario is about, in a sentence.",
        "seed" seed: optional u64 = "The seed from which every choice is drawn. Default: 1.",
        "delivery-timeout" delivery_timeout: optional Duration = "What is delivered later than this counts as `later than the time-out`; the drain lasts at least as long. Default: 20s.",
        "server" server: optional RawServer = "The servers. Default: one embedded Nacos.",
        "proxy" proxy: optional RawProxy = "The proxies between watchers and servers. Default: embedded.",
        "links" links: optional Named<RawLink> = "The named paths between watchers and servers. Default: one, called `default`.",
        "items" items: required RawItems = "The config items.",
        "watchers" watchers: required Vec<Spanned<RawGroup>> = "The groups of watchers.",
        "workers" workers: optional Workers = "How many processes hold the simulated watchers: a number, where 0 leaves them in the harness' own process, or `auto`: as many as the limit of open files demands. Default: auto.",
        "mutations" mutations: required RawMutations = "How config changes.",
        "phases" phases: required Vec<Spanned<RawPhase>> = "The phases, one after the other.",
        "faults" faults: optional Vec<Spanned<RawFault>> = "What breaks, and when. Default: nothing.",
        "nemesis" nemesis: optional RawNemesis = "Faults at random times, from a seed. Default: none.",
        "gates" gates: optional Vec<Spanned<RawGate>> = "Bounds on measures, such as `end-to-end.p99 < 300ms in steady`. Default: none.",
        "guarantees" guarantees: optional RawGuarantees = "Which guarantees must hold.",
        "baseline" baseline: optional PathBuf = "The file that gates with `baseline` compare with, from the working directory. Default: `reports/baselines/NAME.json`.",
    }
}

record! {
    /// A phase: mutations are counted for the phase that they are due in.
    RawPhase {
        "name" name: required Name = "Its name.",
        "for" length: required Duration = "How long it lasts.",
        "measured" measured: optional bool = "Whether its mutations count. Default: true, but false for a first phase that is called `warm-up`.",
        "mutates-before-faults" mutates_before_faults: optional bool = "Whether mutations are due in the last second before the onset of a fault of this phase. Default: false.",
    }
}

record! {
    /// Which guarantees must hold; the others are judged and shown, but do not decide.
    RawGuarantees {
        "require" require: optional Selection<Guarantee> = "`all`, or a list. Default: all.",
    }
}

words!(Guarantee {
    "nothing-lost" => Guarantee::NothingLost,
    "converges" => Guarantee::Converges,
    "monotonic" => Guarantee::Monotonic,
    "intact" => Guarantee::Intact,
    "nothing-invented" => Guarantee::NothingInvented,
    "within-policy" => Guarantee::WithinPolicy,
    "isolated" => Guarantee::Isolated,
    "once" => Guarantee::Once,
    "last-good" => Guarantee::LastGood,
    "safe-failover" => Guarantee::SafeFailover,
});

/// `auto`, or a count.
impl Field for Workers {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        let is_auto = matches!(&node.value, Value::Scalar(scalar) if scalar.text == "auto");
        if is_auto { Some(Self::Auto) } else { u32::read(node, found).map(Self::Exactly) }
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [{ "const": "auto" }, { "type": "integer", "minimum": 0, "maximum": MOST_WORKERS }] })
    }
}

/// A gate's text, with the place where it begins if it stands in its source unchanged.
#[derive(Debug, Clone)]
pub(crate) struct RawGate {
    pub(crate) text: String,
    pub(crate) starts: Option<usize>,
}

impl Field for RawGate {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        let scalar = scalar(node, "a gate such as `end-to-end.p99 < 300ms`", found)?;
        Some(Self { text: scalar.text.clone(), starts: scalar.starts })
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "pattern": crate::gate::pattern() })
    }
}
