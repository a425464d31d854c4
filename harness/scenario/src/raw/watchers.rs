//! Groups of watchers and their clients as written.

use std::net::Ipv4Addr;
use std::time::Duration;

use shakedown_model::backoff::Jitter;
use shakedown_model::plan::{Cache, ClientDefect, Protocol};

use crate::client::Sdk;
use crate::field::{Name, OrNone, PerSecond, choice, record, words};

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
        "source" source: optional Ipv4Addr = "The source address of their connections, in 127.0.0.0/8. Default: 127.0.0.1.",
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
    /// A client: an SDK that is imitated (`like`), or a protocol with a backoff of its own. Other keys override what `like` sets.
    RawClient {
        "like" like: optional Sdk = "The SDK that is imitated; sets every other key.",
        "protocol" protocol: optional Protocol = "HTTP long polls, or gRPC with pushes. Needed without `like`.",
        "backoff" backoff: optional RawBackoff = "The pause before each reconnect attempt. Needed without `like`.",
        "cache" cache: optional Cache = "What is kept on disk. Default: none.",
        "request-timeout" request_timeout: optional Duration = "How long one request may take. Default: 3s for gRPC, 5s for HTTP.",
        "connect-timeout" connect_timeout: optional Duration = "How long one connection attempt may take, handshake included. Default: 8s for gRPC, 5s for HTTP.",
        "poll-timeout" poll_timeout: optional Duration = "The time-out that a long poll declares (HTTP only). Default: 30s.",
        "poll-grace" poll_grace: optional Duration = "What the client waits beyond the declared time-out before it gives a long poll up (HTTP only). Default: 10s.",
        "health-check" health_check: optional OrNone<RawHealthCheck> = "How a gRPC client notices that its connection is dead, or `none` (gRPC only). Default: every 5s.",
        "resync" resync: optional OrNone<Duration> = "Every listened item is listed again this often, or `none` (gRPC only). Default: 3m.",
        "lists-around-query" lists_around_query: optional bool = "Whether a gRPC client lists before and after each query, as the Java SDK does (gRPC only). Default: false.",
        "defect" defect: optional ClientDefect = "A planted defect, so that a guarantee can be seen to catch it. Default: none.",
    }
}

record! {
    /// A health check.
    RawHealthCheck {
        "every" every: optional Duration = "A check is sent this often. Default: 5s.",
        "timeout" timeout: optional Duration = "How long one try may take. Default: 3s.",
        "tries" tries: optional u32 = "Tries before the connection counts as lost. Default: 1; 4 like nacos-java-2.",
    }
}

choice! {
    /// The pause before each reconnect attempt, counted from 1 after a connection was lost.
    RawBackoff {
        "constant" Constant(RawConstant) = "The same pause before every attempt.",
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
    /// A pause that doubles.
    RawExponential {
        "base" base: required Duration = "The pause before the first attempt.",
        "cap" cap: required Duration = "The longest pause.",
        "jitter" jitter: optional Jitter = "`none`, or `full`: uniform between zero and the computed pause. Default: none.",
    }
}

words!(Sdk { "nacos-java-2" => Sdk::NacosJava2, "nacos-node" => Sdk::NacosNode });
words!(Protocol { "nacos-http" => Protocol::NacosHttp, "nacos-grpc" => Protocol::NacosGrpc });
words!(Cache { "none" => Cache::None, "snapshot" => Cache::Snapshot });
words!(Jitter { "none" => Jitter::None, "full" => Jitter::Full });
words!(ClientDefect { "no-backoff" => ClientDefect::NoBackoff, "torn-snapshot" => ClientDefect::TornSnapshot });
