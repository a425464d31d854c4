//! Faults as written.

use std::time::Duration;

use shakedown_model::fault::{CallKind, CertificateTrouble, FaultDefect, SpoiledCache, StrayWrite, Stream};

use super::{
    RawBandwidth, RawLatency, RawLimitData, RawLinkToxic, RawResetPeer, RawSlicer, RawSlowClose, RawTimeout,
};
use crate::field::{Bytes, Name, PerSecond, Selection, Share, choice, record, words};
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

/// A mapping that says whether nodes do something wrong, or proxies on the way to them, and more.
macro_rules! on_path {
    ($(#[doc = $about:literal])+ $name:ident { $( $more:tt )* }) => {
        record! {
            $(#[doc = $about])+
            $name {
                "link" link: optional Name = "The embedded proxy does it on this link, for every group on it. Default, without `groups` too: server nodes do it.",
                "groups" groups: optional Selection<Name> = "Instead of a link: `all`, or a list of groups, whose embedded proxies do it.",
                "nodes" nodes: optional Selection<u32> = "`all`, or the numbers of the server nodes, from 0: those that do it, or those to which the proxies lead. Default: all.",
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
        "repeat" repeat: optional RawRepeat = "How often it comes; its faults are called `NAME-1`, `NAME-2` and so on. Default: once.",
        "defect" defect: optional FaultDefect = "A planted defect, so that it can be seen to be found out. `toothless`: the fault says that it was applied and healed, and does nothing; the run must say that it did not bite. Default: none.",
    }
}

record! {
    /// A fault that comes again and again.
    RawRepeat {
        "every" every: required Duration = "From one onset to the next; at least 2s longer than the fault lasts.",
        "times" times: required u32 = "How often it comes in all.",
    }
}

record! {
    /// Faults at random times, from a seed: the same seed gives the same plan.
    RawNemesis {
        "in" phase: required Name = "The phase that they belong to.",
        "seed" seed: optional u64 = "The seed from which times, kinds and lengths are drawn. Default: drawn from the scenario's.",
        "rate" rate: required PerSecond = "How often a fault is due on average; one that is due while another is in force waits for its end.",
        "stop" stop: optional Duration = "From the phase's start: all is healed by then, and nothing begins after. Default: the phase's end.",
        "mix" mix: required Vec<Spanned<RawMixed>> = "What may come, by weight.",
    }
}

record! {
    /// A fault that may come.
    RawMixed {
        "do" action: required RawAction = "What it does.",
        "for" length: required Duration = "How long it is in force at least.",
        "up-to" longest: optional Duration = "How long at most; drawn evenly between. Default: as long as `for`.",
        "weight" weight: optional u32 = "Its weight beside the others'. Default: 1.",
    }
}

choice! {
    /// What a fault does while it is in force.
    RawAction {
        "toxic" Toxic(Box<RawToxicFault>) = "A toxic.",
        "ramp" Ramp(Box<RawRamp>) = "A toxic that grows to its whole in equal steps.",
        "reset" Reset(RawPlace) = "Connections are reset, and every new one too until the fault heals.",
        "blackhole" Blackhole(RawHeld) = "Bytes are held, with TCP still answering, until the fault heals; then connections are reset.",
        "one_way" OneWay(RawHeld) = "Bytes of one direction are held, and delivered when the fault heals. Embedded proxy only.",
        "half_open" HalfOpen(RawPlace) = "The server's end of every live connection is gone, as after its crash, and the watcher is not told; what it sends next is answered by a reset. Embedded proxy only.",
        "silence" Silence(RawPlace) = "New connections are accepted and never answered; live ones go on. Embedded proxy only.",
        "refuse" Refuse(RawPlace) = "New connections are refused; live ones go on, but end on the real Toxiproxy.",
        "flap" Flap(RawFlap) = "The link is down, where every connection is reset, and comes back, over and over. Embedded proxy only.",
        "crash" Crash(RawCrash) = "Watchers crash at the onset and start cold at the end.",
        "blocked_callback" BlockedCallback(RawAiling) = "The callback of the first delivery after the onset does not return before the end; the client, of one thread, reads nothing meanwhile. Simulated watchers only.",
        "slow_consumer" SlowConsumer(RawSlowConsumer) = "Each callback takes long, and the client, of one thread, reads nothing meanwhile. Simulated watchers only.",
        "panicking_callback" PanickingCallback(RawAiling) = "The callback of the first delivery after the onset panics and takes its process with it, which starts cold at the end. Simulated watchers only.",
        "full_disk" FullDisk(RawAiling) = "Snapshots are not written, as on a full disk; those that are there stay. Simulated watchers only.",
        "kill" Kill(RawNodes) = "Server nodes are killed at the onset and started again at the end.",
        "stop" Stop(RawNodes) = "Server nodes are asked to end at the onset, and started again at the end.",
        "pause" Pause(RawNodes) = "Server nodes stand still, as in a long collection of garbage; their sockets stay open.",
        "rolling_restart" RollingRestart(RawRound) = "One server node after another is stopped and started again. It lasts until the last is ready, `for` at least.",
        "answers" Answers(RawAnswers) = "Calls are answered badly: by embedded server nodes or, with `link` or `groups`, on the way by the embedded proxy, before any server.",
        "go_away" GoAway(RawStreams) = "GOAWAY is said on live gRPC connections at the onset: by embedded server nodes or, with `link` or `groups`, by the embedded proxy, before any server.",
        "rst_stream" RstStream(RawStreams) = "The stream of pushes of live gRPC connections is reset (RST_STREAM) at the onset: by embedded server nodes or, with `link` or `groups`, by the embedded proxy, before any server.",
        "stalled_window" StalledWindow(RawStreams) = "No DATA frame comes on the gRPC connections that live at the onset, as when the flow-control window is used up; PING is answered. Done by embedded server nodes or, with `link` or `groups`, by the embedded proxy, before any server.",
        "swallowed_ack" SwallowedAck(RawStreams) = "The server does not see that clients acknowledge pushes: embedded server nodes look away or, with `link` or `groups`, the embedded proxy takes it off the way, before any server.",
        "expire_tokens" ExpireTokens(RawNodes) = "Every token handed out until the onset is expired, also for calls that hang; new logins work. Embedded servers with a login only.",
        "evict" Evict(RawShareOfNodes) = "Registered gRPC connections are asked to connect elsewhere (ConnectReset) at the onset. Embedded servers only.",
        "drifted_md5" DriftedMd5(RawShareOfNodes) = "What a client says that it holds is compared with an MD5 that is not that of the content it is served: what did not change is told as changed, over and over. Embedded servers only.",
        "overload" Overload(RawOverload) = "Users call the control plane straight, each one call after the other, beside the mutator; their figures stand in the fault's verdict. Not on servers that somebody else runs.",
        "invalid_content" InvalidContent(RawInvalid) = "The run's own writes write content that is whole and that no application can use, as broken YAML or a value out of range: a good application refuses it in its callback, and goes on with the last good one.",
        "stray_writes" StrayWrites(RawStray) = "Somebody writes what must not reach any watcher. Not on servers that somebody else runs.",
        "certificate" Certificate(RawCertificate) = "What terminates TLS before server nodes shows a bad certificate to whoever connects, until the end. Needs `server.tls`.",
        "clients_untrusted" ClientsUntrusted(RawUntrusted) = "What terminates TLS before server nodes no longer trusts the authority of the clients' certificates, until the end. Needs `server.tls` with `clients: certified`.",
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

on_connections! {
    /// A toxic that grows: one of the toxics, where, and in how many steps.
    RawRamp {
        "steps" steps: required u32 = "How many steps, 2 to 100, each at least 1s long; the last is the whole toxic.",
        "latency" latency: optional RawLatency = "Delays every chunk.",
        "bandwidth" bandwidth: optional RawBandwidth = "Lets bytes pass at a rate: in step k of n at n/k times the rate.",
        "slow_close" slow_close: optional RawSlowClose = "Holds the end of a connection back.",
    }
}

impl RawRamp {
    /// The toxics that are given and well-formed.
    pub(crate) fn toxics(&self) -> Vec<RawLinkToxic> {
        [
            given(self.latency.as_ref(), RawLinkToxic::Latency),
            given(self.bandwidth.as_ref(), RawLinkToxic::Bandwidth),
            given(self.slow_close.as_ref(), RawLinkToxic::SlowClose),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The names of toxics in a ramp.
pub(crate) const RAMPS: [&str; 3] = ["latency", "bandwidth", "slow_close"];

fn given<T: Clone>(field: Option<&Spanned<T>>, kind: fn(T) -> RawLinkToxic) -> Option<RawLinkToxic> {
    field.map(|field| kind(field.value.clone()))
}

/// The names of toxics in a fault.
pub(crate) const TOXICS: [&str; 7] =
    ["latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data"];

impl RawToxicFault {
    /// The toxics that are given and well-formed.
    pub(crate) fn toxics(&self) -> Vec<RawLinkToxic> {
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
        "up" up: optional Duration = "How long connections work.",
        "down" down: optional Duration = "How long they are reset; the fault begins with it. At least 100ms.",
        "period" period: optional Duration = "Instead of `up` and `down`: both together.",
        "duty" duty: optional Share = "With `period`: the share of it in which connections work. Default: 50%.",
    }
}

record! {
    /// The server nodes that a fault befalls.
    RawNodes {
        "nodes" nodes: optional Selection<u32> = "`all`, or the numbers of the server nodes, from 0. Default: all.",
    }
}

record! {
    /// A bad certificate, and where it is shown.
    RawCertificate {
        "shows" shows: required Shown = "Which one: `expired`, `not_yet_valid`, for somebody else's name (`other_name`), or signed by nobody whom clients trust (`unknown_authority`).",
        "nodes" nodes: optional Selection<u32> = "`all`, or the numbers of the server nodes, from 0. Default: all.",
        "cuts" cuts: optional bool = "Whether connections that live at the onset are closed, as by a restart, so that everybody meets it at once; else they go on. Default: false.",
    }
}

record! {
    /// The nodes where clients are trusted no longer.
    RawUntrusted {
        "nodes" nodes: optional Selection<u32> = "`all`, or the numbers of the server nodes, from 0. Default: all.",
        "cuts" cuts: optional bool = "Whether connections that live at the onset are closed, as by a restart, so that everybody meets it at once; else they go on. Default: false.",
    }
}

/// The troubles that a server's own certificate may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown(pub(crate) CertificateTrouble);

words!(Shown {
    "expired" => Shown(CertificateTrouble::Expired),
    "not_yet_valid" => Shown(CertificateTrouble::NotYetValid),
    "other_name" => Shown(CertificateTrouble::OtherName),
    "unknown_authority" => Shown(CertificateTrouble::UnknownAuthority),
});

record! {
    /// A round over server nodes.
    RawRound {
        "nodes" nodes: optional Selection<u32> = "`all`, or the numbers of the server nodes, from 0. Default: all.",
        "pause" pause: optional Duration = "From one node's readiness to the next one's stop. Default: 5s.",
    }
}

record! {
    /// A load profile.
    RawOverload {
        "users" users: required u32 = "How many users call, 1 to 1000, dealt over the nodes.",
        "reads" reads: optional u32 = "How often each reads an item of the run, by weight. Default: 8.",
        "publishes" publishes: optional u32 = "How often each publishes an item of the users' own, by weight. Default: 1.",
        "logins" logins: optional u32 = "How often each logs in, by weight; needs `server.login`. Default: 0.",
        "pause" pause: optional Duration = "What each waits after an answer. Default: 0s.",
    }
}

record! {
    /// Writes that must not reach any watcher.
    RawStray {
        "what" what: required StrayWrite = "`oversize`: to an item of the run, above 10 MiB, must be refused. `lost_race`: to an item of the run under compare-and-set with an MD5 that it has not, must be refused. `wrong_group`, `wrong_namespace`: the same data id elsewhere, must be stored there.",
        "every" every: optional Duration = "From one to the next. Default: 200ms.",
    }
}

record! {
    /// Content that no application can use.
    RawInvalid {
        "share" share: optional Share = "The share of the writes that are due while it is in force. Default: 100%.",
    }
}

words!(FaultDefect { "toothless" => FaultDefect::Toothless });

words!(StrayWrite {
    "oversize" => StrayWrite::Oversize,
    "lost_race" => StrayWrite::LostRace,
    "wrong_group" => StrayWrite::WrongGroup,
    "wrong_namespace" => StrayWrite::WrongNamespace,
});

record! {
    /// A share of what lives on server nodes.
    RawShareOfNodes {
        "nodes" nodes: optional Selection<u32> = "`all`, or the numbers of the server nodes, from 0. Default: all.",
        "share" share: optional Share = "The share of the connections, or of the comparisons: a long poll or a list makes one for each item. Default: 100%.",
    }
}

on_path! {
    /// gRPC connections that are treated badly, and by whom.
    RawStreams {
        "share" share: optional Share = "The share of the connections, or of the acknowledgements. Default: 100%.",
    }
}

on_path! {
    /// Which calls are answered badly, by whom, and how.
    RawAnswers {
        "to" to: optional Vec<Spanned<CallKind>> = "Calls of which kinds, over HTTP and gRPC. Default: [reads, listens].",
        "share" share: optional Share = "The share of these calls. Default: 100%.",
        "with" with: required RawBadAnswer = "How they are answered.",
    }
}

words!(CallKind {
    "reads" => CallKind::Read,
    "listens" => CallKind::Listen,
    "writes" => CallKind::Write,
    "logins" => CallKind::Login,
});

choice! {
    /// A bad answer.
    RawBadAnswer {
        "status" Status(Spanned<u32>) = "This HTTP status, 400 to 599, or an error of this code over gRPC; the call is not carried out.",
        "slow" Slow(Spanned<Duration>) = "The right answer, so much later.",
        "slow_body" SlowBody(Spanned<Bytes>) = "The right answer, whose body comes at so many bytes per second; over gRPC as a whole, when its last byte would.",
        "truncated" Truncated(RawNothing) = "Half of the body, then the connection breaks; over gRPC the call's stream does.",
        "wrong_length" WrongLength(RawNothing) = "Half of the body, and a length that says it is the whole; over gRPC a message cut short.",
        "garbage" Garbage(RawNothing) = "Bytes without a meaning.",
    }
}

record! {
    /// Nothing to choose: `{}`.
    RawNothing {
    }
}

record! {
    /// The groups that crash, and what their cold start finds.
    RawCrash {
        "groups" groups: required Selection<Name> = "`all`, or a list of groups.",
        "cache" cache: optional SpoiledCache = "What the cold start finds in place of the snapshots: nothing (`missing`), empty files, the first half of each (`torn`), or content of another namespace (`foreign`). Default: the snapshots as they were.",
    }
}

words!(SpoiledCache {
    "missing" => SpoiledCache::Missing,
    "empty" => SpoiledCache::Empty,
    "torn" => SpoiledCache::Torn,
    "foreign" => SpoiledCache::Foreign,
});

record! {
    /// The watchers that something befalls.
    RawAiling {
        "groups" groups: required Selection<Name> = "`all`, or a list of groups.",
        "share" share: optional Share = "The share of their watchers: always the same ones. Default: 100%.",
    }
}

record! {
    /// The watchers whose callbacks take long.
    RawSlowConsumer {
        "groups" groups: required Selection<Name> = "`all`, or a list of groups.",
        "share" share: optional Share = "The share of their watchers: always the same ones. Default: 100%.",
        "takes" takes: required Duration = "How long each callback takes.",
    }
}
