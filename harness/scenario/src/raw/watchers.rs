//! Groups of watchers and their clients as written.

use std::net::Ipv4Addr;
use std::time::Duration;

use shakedown_model::backoff::Jitter;
use shakedown_model::plan::{Cache, ClientDefect, Failover, Probing, Protocol, Registers, SnapshotWrite};

use crate::client::Sdk;
use crate::field::{Field, Name, OrNone, PerSecond, choice, record, words};
use crate::problem::Findings;
use crate::raw::RawDriver;
use crate::tree::Node;

record! {
    /// A group of watchers that are alike.
    RawGroup {
        "group" group: required Name = "Its name.",
        "count" count: required u32 = "How many watchers.",
        "client" client: required RawClient = "The client that each watcher imitates.",
        "link" link: optional Name = "The path that they take. Default: the only one, if there is only one.",
        "listens" listens: optional RawListens = "What each watcher listens to. Default: one shared item.",
        "ramp" ramp: optional PerSecond = "Watchers started per second. Default: 200/s.",
        "reads" reads: optional PerSecond = "Reads of a listened item per second and watcher, as an application makes them. Default: 0/s.",
        "source" source: optional Ipv4Addr = "The source address of their connections, in 127.0.0.0/8, of the first 12,000; each further 12,000 have the next address. Not used where the proxies are beyond this machine. Default: 127.0.0.1; without proxies, addresses of the group's own.",
    }
}

record! {
    /// What each watcher listens to.
    RawListens {
        "shared" shared: optional u32 = "How many of the shared items. Default: 0.",
        "own" own: optional u32 = "How many items that it has to itself. Default: 0.",
    }
}

record! {
    /// A client: an SDK that is imitated (`like`), a real one (`driver`), or a protocol with a backoff of its own. Other keys override what `like` sets.
    RawClient {
        "driver" driver: optional RawDriver = "A real client instead of a simulated one: the name of a driver that comes with shakedown, or a mapping. No other key goes with it.",
        "like" like: optional Sdk = "The SDK that is imitated; sets every other key.",
        "protocol" protocol: optional Protocol = "HTTP long polls, or gRPC with pushes. Needed without `like`.",
        "backoff" backoff: optional RawBackoff = "The pause before each reconnect attempt. Needed without `like`.",
        "cache" cache: optional RawCache = "What is kept on disk: `none`, `snapshot`, or a mapping. Default: none.",
        "request-timeout" request_timeout: optional Duration = "How long one request may take. Default: 3s for gRPC, 5s for HTTP.",
        "connect-timeout" connect_timeout: optional Duration = "How long one connection attempt may take, handshake included. Default: 8s for gRPC, 5s for HTTP.",
        "poll-timeout" poll_timeout: optional Duration = "The time-out that a long poll declares (HTTP only). Default: 30s.",
        "poll-grace" poll_grace: optional Duration = "What the client waits beyond the declared time-out before it gives a long poll up (HTTP only). Default: 10s.",
        "health-check" health_check: optional RawHealth = "How a gRPC client notices that its connection is dead: a mapping, `adaptive`, or `none` (gRPC only). `adaptive` checks every 30s with 2 tries on a good link, every 15s with 3, every 5s with 5 on a poor one. Default: every 5s.",
        "resync" resync: optional OrNone<Duration> = "Every listened item is listed again this often, or `none` (gRPC only). Default: 3m.",
        "lists-around-query" lists_around_query: optional bool = "Whether a gRPC client lists before and after each query, as the Java SDK does (gRPC only). Default: false.",
        "retry" retry: optional Duration = "After an answer that is of no use the client asks again this much later. Default: 5s for gRPC, 2s for HTTP; 60s like nacos-rust, 1s like nacos-python-1.",
        "query-limit" query_limit: optional OrNone<u32> = "The most queries of one item per second, or `none` (gRPC only). Default: none; 5 like nacos-java-2, nacos-java-3 and nacos-go-2.",
        "registers" registers: optional Registers = "How often the application registers its listener: `once`; `never`, so that it reads its items at its start and hears of no change; or `twice`. Default: once.",
        "pace" pace: optional RawPace = "How it holds its own requests back, so that a storm of changes is not answered by a storm of requests. Default: it asks at once.",
        "checks-certificates" checks_certificates: optional bool = "Whether the client looks at the certificates that servers show; one that does not talks to anybody. Needs TLS. Default: true.",
        "defect" defect: optional ClientDefect = "A planted defect, so that a guarantee can be seen to catch it. Default: none.",
    }
}

record! {
    /// How a client holds its own requests back.
    RawPace {
        "bucket" bucket: optional RawBucket = "A token bucket, full at the start: each fetch of content takes a token, and waits where there is none.",
        "stagger" stagger: optional Duration = "From the first signal of a change on it asks for nothing for a while, drawn evenly from zero to this, and then for all that was signalled.",
        "read-only" read_only: optional RawReadOnly = "After requests that were not answered in time it lives for a while on what it has, and asks for nothing.",
    }
}

record! {
    /// A token bucket.
    RawBucket {
        "capacity" capacity: required u32 = "How many tokens it holds.",
        "refill" refill: required PerSecond = "How many come anew per second.",
    }
}

record! {
    /// When a client lives on what it has.
    RawReadOnly {
        "after" after: required u32 = "After so many requests that were not answered in time, over all its connections, with no content and no list without a change between them.",
        "for" pause: required Duration = "How long.",
    }
}

record! {
    /// A health check.
    RawHealthCheck {
        "every" every: optional Duration = "A check is sent this often. Default: 5s.",
        "timeout" timeout: optional Duration = "How long one try may take. Default: 3s.",
        "tries" tries: optional u32 = "Tries before the connection counts as lost. Default: 1; 4 like nacos-java-2 and nacos-java-3, 3 like nacos-rust.",
        "when" when: optional Probing = "`always`, or `idle`: only if nothing else was heard since the check before was due. Default: always; idle like every SDK.",
    }
}

words!(Registers { "once" => Registers::Once, "never" => Registers::Never, "twice" => Registers::Twice });

/// A health check, `adaptive`, or `none`.
#[derive(Debug, Clone)]
pub(crate) enum RawHealth {
    None,
    Adaptive,
    Fixed(RawHealthCheck),
}

impl Field for RawHealth {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        match node.text() {
            Some("none") => Some(Self::None),
            Some("adaptive") => Some(Self::Adaptive),
            _ => RawHealthCheck::read(node, found).map(Self::Fixed),
        }
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [{ "enum": ["none", "adaptive"] }, RawHealthCheck::schema()] })
    }
}

/// What is kept on disk: a word, or each part.
#[derive(Debug, Clone)]
pub(crate) enum RawCache {
    Whole(Cache),
    Parts(RawCacheParts),
}

impl Field for RawCache {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        match node.text() {
            Some(_) => Cache::read(node, found).map(Self::Whole),
            None => RawCacheParts::read(node, found).map(Self::Parts),
        }
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [Cache::schema(), RawCacheParts::schema()] })
    }
}

record! {
    /// What is kept on disk. A read asks the failover file first, then the server, then the snapshot.
    RawCacheParts {
        "snapshot" snapshot: optional OrNone<SnapshotWrite> = "How the last good content of each item is kept: `atomic`, `in-place` (emptied, then written over, as every SDK but Rust's does), or `none`. Default: atomic.",
        "served" served: optional bool = "Whether a snapshot is served at a cold start while the server cannot be reached. Default: true; false like nacos-rust and nacos-python-3.",
        "failover" failover: optional Failover = "The files by which an operator overrides the server: `none`, or `initial`: every item has one, with its first version, and the server is ignored for it (gRPC only). Default: none.",
    }
}

choice! {
    /// The pause before each reconnect attempt, counted from 1 after a connection was lost.
    RawBackoff {
        "constant" Constant(RawConstant) = "The same pause before every attempt.",
        "linear" Linear(RawLinear) = "`min(cap, base + step * (n-1))` before attempt n, then jitter.",
        "exponential" Exponential(RawExponential) = "`min(cap, base * 2^(n-1))` before attempt n, then jitter.",
    }
}

record! {
    /// A constant pause.
    RawConstant {
        "delay" delay: required Duration = "The pause.",
    }
}

record! {
    /// A pause that grows evenly.
    RawLinear {
        "base" base: required Duration = "The pause before the first attempt.",
        "step" step: required Duration = "What each further attempt adds.",
        "cap" cap: required Duration = "The longest pause.",
        "jitter" jitter: optional Jitter = "`none`, `full` or `equal`, as under `exponential`. Default: none.",
    }
}

record! {
    /// A pause that doubles.
    RawExponential {
        "base" base: required Duration = "The pause before the first attempt.",
        "cap" cap: required Duration = "The longest pause.",
        "jitter" jitter: optional Jitter = "`none`; `full`: uniform between zero and the computed pause; `equal`: between half of it and all of it; `decorrelated`: between the base and three times the pause before, capped, instead of doubling. Default: none.",
    }
}

words!(Sdk {
    "nacos-java-2" => Sdk::NacosJava2,
    "nacos-java-3" => Sdk::NacosJava3,
    "nacos-go-2" => Sdk::NacosGo2,
    "nacos-rust" => Sdk::NacosRust,
    "nacos-python-3" => Sdk::NacosPython3,
    "nacos-python-1" => Sdk::NacosPython1,
    "nacos-node" => Sdk::NacosNode,
});
words!(Protocol { "nacos-http" => Protocol::NacosHttp, "nacos-grpc" => Protocol::NacosGrpc });
words!(Cache { "none" => Cache::None, "snapshot" => Cache::Snapshot });
words!(SnapshotWrite { "atomic" => SnapshotWrite::Atomic, "in-place" => SnapshotWrite::InPlace });
words!(Failover { "none" => Failover::None, "initial" => Failover::Initial });
words!(Probing { "always" => Probing::Always, "idle" => Probing::WhenIdle });
words!(Jitter {
    "none" => Jitter::None,
    "full" => Jitter::Full,
    "equal" => Jitter::Equal,
    "decorrelated" => Jitter::Decorrelated,
});
words!(ClientDefect {
    "no-backoff" => ClientDefect::NoBackoff,
    "torn-snapshot" => ClientDefect::TornSnapshot,
    "call-twice" => ClientDefect::CallTwice,
    "keep-stale-listener" => ClientDefect::KeepStaleListener,
    "give-up" => ClientDefect::GiveUp,
    "no-jitter" => ClientDefect::NoJitter,
    "ignore-deletes" => ClientDefect::IgnoreDeletes,
    "stale-snapshot" => ClientDefect::StaleSnapshot,
    "silent-snapshot" => ClientDefect::SilentSnapshot,
    "believe-connected" => ClientDefect::BelieveConnected,
    "forget-notify" => ClientDefect::ForgetNotify,
    "call-again" => ClientDefect::CallAgain,
    "take-invalid" => ClientDefect::TakeInvalid,
    "deadlock-on-notify" => ClientDefect::DeadlockOnNotify,
});
