//! Faults as written.

use std::time::Duration;

use shakedown_model::fault::Stream;

use super::{
    RawBandwidth, RawLatency, RawLimitData, RawLinkToxic, RawResetPeer, RawSlicer, RawSlowClose, RawTimeout,
};
use crate::field::{Name, Selection, choice, record};
use crate::source::Spanned;

/// A mapping that says which connections it is about, and more.
macro_rules! on_connections {
    ($(#[doc = $about:literal])+ $name:ident { $( $more:tt )* }) => {
        record! {
            $(#[doc = $about])+
            $name {
                "link" link: optional Name = "The link, for every group on it.",
                "groups" groups: optional Selection<Name> = "Instead of a link: `all`, or a list of groups.",
                "nodes" nodes: optional Selection<u32> = "`all`, or the numbers of the server nodes, from 0. Default: all.",
                $( $more )*
            }
        }
    };
}

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
        "toxic" Toxic(Box<RawToxicFault>) = "A toxic.",
        "reset" Reset(RawPlace) = "Connections are reset, and every new one too until the fault heals.",
        "blackhole" Blackhole(RawHeld) = "Bytes are held, with TCP still answering, until the fault heals; then connections are reset.",
        "one_way" OneWay(RawHeld) = "Bytes of one direction are held, and delivered when the fault heals. Embedded proxy only.",
        "half_open" HalfOpen(RawPlace) = "The server's end of every live connection is gone, as after its crash, and the watcher is not told; what it sends next is answered by a reset. Embedded proxy only.",
        "silence" Silence(RawPlace) = "New connections are accepted and never answered; live ones go on. Embedded proxy only.",
        "refuse" Refuse(RawPlace) = "New connections are refused; live ones go on, but end on the real Toxiproxy.",
        "flap" Flap(RawFlap) = "The link is down, where every connection is reset, and comes back, over and over. Embedded proxy only.",
        "crash" Crash(RawGroups) = "Watchers crash at the onset and start cold at the end.",
        "kill" Kill(RawNodes) = "Server nodes are killed at the onset and started again at the end.",
        "stop" Stop(RawNodes) = "Server nodes are asked to end at the onset, and started again at the end.",
        "pause" Pause(RawNodes) = "Server nodes stand still, as in a long collection of garbage; their sockets stay open. Not on embedded servers.",
        "rolling_restart" RollingRestart(RawRound) = "One server node after another is stopped and started again. It lasts until the last is ready, `for` at least.",
        "leader_loss" LeaderLoss(RawNothing) = "The node that leads the store of a cluster is found and killed at the onset, and started again at the end. Clusters of three or more; not embedded.",
        "disconnect" Disconnect(RawNodes) = "Server nodes lose their network, to clients and to each other. Containers only.",
        "upgrade" Upgrade(RawRound) = "One server node after another is stopped, and started over the same data as the version of `server.upgrade`, which it stays. It lasts until the last is ready, `for` at least. Not on embedded servers.",
    }
}

on_connections! {
    /// A toxic, on the connections of a link or of groups: one of the toxics, and where.
    RawToxicFault {
        "latency" latency: optional RawLatency = "Delays every chunk.",
        "bandwidth" bandwidth: optional RawBandwidth = "Lets bytes pass at a rate.",
        "slow_close" slow_close: optional RawSlowClose = "Holds the end of a connection back.",
        "timeout" timeout: optional RawTimeout = "Drops every byte, and closes connections on which none came for a while.",
        "reset_peer" reset_peer: optional RawResetPeer = "Resets connections.",
        "slicer" slicer: optional RawSlicer = "Cuts chunks into smaller ones.",
        "limit_data" limit_data: optional RawLimitData = "Closes a connection once so many bytes passed.",
    }
}

/// The names of toxics in a fault.
pub(crate) const TOXICS: [&str; 7] =
    ["latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data"];

impl RawToxicFault {
    /// The toxics that are given and well-formed.
    pub(crate) fn toxics(&self) -> Vec<RawLinkToxic> {
        fn given<T: Clone>(field: Option<&Spanned<T>>, kind: fn(T) -> RawLinkToxic) -> Option<RawLinkToxic> {
            field.map(|field| kind(field.value.clone()))
        }
        [
            given(self.latency.as_ref(), RawLinkToxic::Latency),
            given(self.bandwidth.as_ref(), RawLinkToxic::Bandwidth),
            given(self.slow_close.as_ref(), RawLinkToxic::SlowClose),
            given(self.timeout.as_ref(), RawLinkToxic::Timeout),
            given(self.reset_peer.as_ref(), RawLinkToxic::ResetPeer),
            given(self.slicer.as_ref(), RawLinkToxic::Slicer),
            given(self.limit_data.as_ref(), RawLinkToxic::LimitData),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

on_connections! {
    /// The connections that a fault touches.
    RawPlace {
    }
}

on_connections! {
    /// The connections that are held, and in which direction.
    RawHeld {
        "stream" stream: optional Stream = "The direction. Default: both for `blackhole`, downstream for `one_way`.",
    }
}

on_connections! {
    /// The connections that come and go.
    RawFlap {
        "up" up: required Duration = "How long connections work.",
        "down" down: required Duration = "How long they are reset; the fault begins with it. At least 100ms.",
    }
}

record! {
    /// The server nodes that a fault befalls.
    RawNodes {
        "nodes" nodes: optional Selection<u32> = "`all`, or the numbers of the server nodes, from 0. Default: all.",
    }
}

record! {
    /// A round over server nodes.
    RawRound {
        "nodes" nodes: optional Selection<u32> = "`all`, or the numbers of the server nodes, from 0. Default: all.",
        "pause" pause: optional Duration = "From one node's readiness to the next one's stop. Default: 5s.",
    }
}

record! {
    /// Nothing to choose: `{}`.
    RawNothing {
    }
}

record! {
    /// The groups that crash.
    RawGroups {
        "groups" groups: required Selection<Name> = "`all`, or a list of groups.",
    }
}
