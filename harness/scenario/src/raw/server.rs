//! Servers, proxies and links as written.

use std::path::PathBuf;
use std::time::Duration;

use shakedown_model::plan::{
    AuthScope, Backend, NodeProcesses, Product, ProxyKind, ServerDefect, TlsClients, TlsPorts,
};

use super::{RawContainer, RawExternal, RawExternalProxy, RawLinkToxic, RawProxyPlace};
use crate::field::{LateBy, OrNone, Share, record, words};
use crate::source::Spanned;

record! {
    /// The servers.
    RawServer {
        "product" product: optional Product = "The product. Default: nacos.",
        "version" version: optional String = "Its version, 2.x or 3.x; tells the embedded server what to imitate, the process backend how to speak to its home, and the container backend its image. Default: 2.5.0.",
        "backend" backend: optional Backend = "Where servers come from: built in, a server home on this machine, the official image on a container engine, or servers that somebody else runs. Default: embedded.",
        "external" external: optional RawExternal = "Where the servers of the external backend are, and how far the run may go there.",
        "tls" tls: optional RawTlsFront = "TLS before the nodes that the run brings up, terminated in the harness' process as a reverse proxy would. The run makes its own authorities, certificates and keys. Default: none.",
        "nodes" nodes: optional u32 = "How many nodes; up to 9. Default: 1.",
        "home" home: optional PathBuf = "The server home of the process backend. Default: from the command line or NACOS_HOME.",
        "container" container: optional RawContainer = "How the container backend starts its nodes.",
        "ready-timeout" ready_timeout: optional Duration = "How long the servers may take until they are ready. Default: 90s; 10s for servers that somebody else runs.",
        "upgrade" upgrade: optional RawUpgrade = "The version that an `upgrade` fault puts in the nodes' place. Default: none.",
        "login" login: optional RawLogin = "The account that the harness and its watchers log in with. Servers that the run starts then ask for it; real ones know one user, `nacos`. Default: no login.",
        "embedded" embedded: optional RawEmbedded = "Settings of the embedded server.",
    }
}

record! {
    /// TLS before the nodes that the run brings up: `{}` is on both ports, for whoever connects. The harness itself goes straight to the nodes, in the clear.
    RawTlsFront {
        "on" on: optional TlsPorts = "The ports that clients find behind TLS. Default: both.",
        "clients" clients: optional TlsClients = "Which clients are let in: `anyone`, or those that show a certificate of the run's own (`certified`: mutual TLS), which all simulated watchers then have. Default: anyone.",
    }
}

record! {
    /// Another version of the server, of the same generation.
    RawUpgrade {
        "version" version: required String = "The version.",
        "home" home: optional PathBuf = "Its home, for the process backend. Default: from the command line or NACOS_HOME_NEXT.",
        "image" image: optional String = "Its image, for the container backend. Default: the official one of the version.",
    }
}

record! {
    /// An account at the server.
    RawLogin {
        "username" username: required String = "The user's name.",
        "password" password: required String = "The password, best as `${env:NAME}`.",
    }
}

record! {
    /// An access key whose signatures the embedded server verifies.
    RawAccessKey {
        "id" id: required String = "The key that clients name.",
        "secret" secret: required String = "The secret that they sign with, best as `${env:NAME}`.",
    }
}

record! {
    /// The old HTTP APIs that an embedded 3.x server still serves.
    RawOldApis {
        "client" client: optional bool = "v1 publish, get, delete and listen. Default: true.",
        "admin" admin: optional bool = "v2, and what operators call. Default: false.",
        "console" console: optional bool = "v1 search, details, history and listener queries. Default: false.",
    }
}

record! {
    /// Settings of the embedded server; the defaults are the real server's values.
    RawEmbedded {
        "dump-tick" dump_tick: optional OrNone<Duration> = "The period of the tick that makes a write visible, or `none`: then it is visible at once. Default: 100ms.",
        "push-ack-timeout" push_ack_timeout: optional Duration = "How long a push waits for its ack. Default: 3s.",
        "push-retry-step" push_retry_step: optional Duration = "After failure n of a push, it waits n times this. Default: 2s.",
        "push-max-tries" push_max_tries: optional u32 = "Pushes of one notification before the connection is dropped. Default: 50.",
        "idle-after" idle_after: optional Duration = "A connection idle for this long is asked whether it lives. Default: 20s.",
        "idle-scan" idle_scan: optional Duration = "The period of the idle scan. Default: 3s.",
        "idle-answer-timeout" idle_answer_timeout: optional Duration = "How long an idle connection may take to answer. Default: 5s.",
        "poll-margin" poll_margin: optional Duration = "By how much a long poll's hang is shorter than its declared time-out. Default: 500ms.",
        "poll-min-hang" poll_min_hang: optional Duration = "The shortest hang of a long poll. Default: 10s.",
        "poll-registers-late" poll_registers_late: optional LateBy = "Whether a long poll compares before it registers, so that a change in between is seen only at its end: `true`, with a gap below a millisecond, `false`, or how long the gap is, at most `poll-min-hang`. Default: true.",
        "dump-time" dump_time: optional Duration = "How long the dump of one config takes; meanwhile it cannot be read. Default: 0s.",
        "dump-fails-every" dump_fails_every: optional u32 = "Every n-th dump fails and is tried again 1 s later; 0 is never. Default: 0.",
        "dump-ignores-outdated" dump_ignores_outdated: optional bool = "Whether a dump ignores a row older than what is visible. Default: true.",
        "late-clock-every" late_clock_every: optional u32 = "Every n-th write gets the time of a clock that is 1 s behind; 0 is never. Default: 0.",
        "time-step" time_step: optional Duration = "The step in which the times of writes are kept; 1s is MySQL's. Default: 1ms.",
        "publish-awaits-dump" publish_awaits_dump: optional bool = "Whether a publish is acked only once it is visible on its node. Default: false.",
        "history-retention" history_retention: optional Duration = "How long history is kept. Default: 43200m.",
        "history-max-items" history_max_items: optional u32 = "The most history items that are kept. Default: 100000.",
        "token-ttl" token_ttl: optional Duration = "How long the token of a login is good, in whole seconds. Default: 300m.",
        "auth-scope" auth_scope: optional AuthScope = "What needs the login: everything, or the admin API of 3.x. Default: everything.",
        "access-key" access_key: optional RawAccessKey = "The access key whose signatures are verified. Default: none is.",
        "old-apis" old_apis: optional RawOldApis = "The old HTTP APIs that a 3.x server still serves.",
        "max-connections" max_connections: optional OrNone<u32> = "Registered gRPC connections and hanging polls that a node takes together, or `none`. Default: none.",
        "reset-answer-timeout" reset_answer_timeout: optional Duration = "How long a client may take to answer that it connects elsewhere. Default: 3s.",
        "processes" processes: optional NodeProcesses = "In which processes the nodes are: all in the harness' own (`one`), `each` in one of its own, or `auto`: each in its own once the harness' process could not have enough open files. Default: auto.",
        "broadcast-delay" broadcast_delay: optional Duration = "From a write to the arrival of its broadcast at each other node. Default: 1ms.",
        "broadcast-loss" broadcast_loss: optional Share = "The share of broadcasts that are lost; a loss is noticed after the time-out and sent again. Default: 0%.",
        "broadcast-timeout" broadcast_timeout: optional Duration = "How long a node waits for the answer to a broadcast. Default: 1s.",
        "broadcast-retry" broadcast_retry: optional Duration = "How long a failed broadcast waits at least. Default: 500ms.",
        "broadcast-retry-step" broadcast_retry_step: optional Duration = "After failure n, counted from 0 to 7, it waits n*n times this in addition. Default: 1s.",
        "change-scan" change_scan: optional OrNone<Duration> = "The period in which a node of several looks for writes that it was not told of, or `none`. Default: 30s.",
        "full-dump" full_dump: optional OrNone<Duration> = "The period in which a node of several dumps everything again, or `none`. Default: 360m.",
        "defect" defect: optional ServerDefect = "A planted defect, so that a guarantee can be seen to catch it. Default: none.",
    }
}

record! {
    /// The proxies.
    RawProxy {
        "kind" kind: optional ProxyKind = "Built in, the real Toxiproxy, or `none`: watchers go straight to the servers, and there are no faults of links. Default: embedded.",
        "place" place: optional RawProxyPlace = "Where the real Toxiproxy runs: as a process, or in a container, in the network of the servers' containers. Default: process.",
        "image" image: optional String = "The image with its tag, for a container. Default: ghcr.io/shopify/toxiproxy:2.12.0.",
        "external" external: optional RawExternalProxy = "The Toxiproxy that somebody else runs, instead of one that the run starts. Default: none.",
        "home" home: optional PathBuf = "The folder of Toxiproxy, for a process. Default: from the command line or TOXIPROXY_HOME.",
    }
}

record! {
    /// A named path.
    RawLink {
        "toxics" toxics: optional Vec<Spanned<RawLinkToxic>> = "Toxics that are in force from the start to the end of the run. Default: none.",
    }
}

words!(TlsClients { "anyone" => TlsClients::Anyone, "certified" => TlsClients::Certified });
words!(Product { "nacos" => Product::Nacos });
words!(Backend { "embedded" => Backend::Embedded, "process" => Backend::Process, "container" => Backend::Container, "external" => Backend::External });
words!(ProxyKind { "embedded" => ProxyKind::Embedded, "toxiproxy" => ProxyKind::Toxiproxy, "none" => ProxyKind::None });
words!(NodeProcesses { "auto" => NodeProcesses::Auto, "one" => NodeProcesses::One, "each" => NodeProcesses::Each });
words!(AuthScope { "admin" => AuthScope::Admin, "everything" => AuthScope::Everything });
words!(ServerDefect {
    "lose-write" => ServerDefect::LoseWrite,
    "forget-watcher" => ServerDefect::ForgetWatcher,
    "answer-old" => ServerDefect::AnswerOld,
    "tear-content" => ServerDefect::TearContent,
    "invent-version" => ServerDefect::InventVersion,
    "cross-items" => ServerDefect::CrossItems,
    "leak-gray" => ServerDefect::LeakGray,
    "drop-push" => ServerDefect::DropPush,
    "wrong-md5" => ServerDefect::WrongMd5,
    "keep-deleted" => ServerDefect::KeepDeleted,
    "lose-at-restart" => ServerDefect::LoseAtRestart,
});
