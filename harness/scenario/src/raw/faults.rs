//! Faults as written.

use std::time::Duration;

use shakedown_model::fault::Stream;

use super::RawLatency;
use crate::field::{Name, Selection, choice, record, words};

record! {
    /// A fault and its window.
    RawFault {
        "name" name: required Name = "Its name.",
        "in" phase: required Name = "The phase that it belongs to.",
        "at" at: optional Duration = "Its onset, from the phase's start. Default: 0s.",
        "for" length: required Duration = "How long it is in force; it ends within its phase.",
        "do" action: required RawAction = "What it does.",
    }
}

choice! {
    /// What a fault does while it is in force.
    RawAction {
        "toxic" Toxic(RawToxicFault) = "A toxic on a link, for every group on it.",
        "reset" Reset(RawGroups) = "Connections are reset, and every new one too until the fault heals.",
        "blackhole" Blackhole(RawBlackhole) = "Bytes are held, with TCP still answering, until the fault heals.",
        "crash" Crash(RawGroups) = "Watchers crash at the onset and start cold at the end.",
    }
}

record! {
    /// A toxic on a link: `link`, and one of the others.
    RawToxicFault {
        "link" link: required Name = "The link.",
        "latency" latency: optional RawLatency = "Delays every chunk.",
        "reset_peer" reset_peer: optional RawResetPeer = "Resets connections.",
    }
}

record! {
    /// A reset of connections some time after they begin.
    RawResetPeer {
        "timeout" timeout: optional Duration = "The time until the reset. Default: 0s.",
    }
}

record! {
    /// The groups that a fault touches.
    RawGroups {
        "groups" groups: required Selection<Name> = "`all`, or a list of groups.",
    }
}

record! {
    /// The groups that are cut off, from which nodes, and in which direction.
    RawBlackhole {
        "groups" groups: required Selection<Name> = "`all`, or a list of groups.",
        "nodes" _nodes: optional EveryNode = "From which servers; `all` for now. Default: all.",
        "stream" stream: optional Stream = "The direction that is held. Default: both.",
    }
}

/// Every server node; single ones cannot be chosen while there is only one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EveryNode;

words!(EveryNode { "all" => EveryNode });
