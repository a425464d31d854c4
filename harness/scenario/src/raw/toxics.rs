//! Toxics as written, on links and in faults alike, by Toxiproxy's names.

use std::time::Duration;

use shakedown_model::fault::{Distribution, Stream};

use crate::field::{Bytes, KilobytesPerSecond, Share, choice, record, words};

choice! {
    /// A toxic of a link, by Toxiproxy's name.
    RawLinkToxic {
        "latency" Latency(RawLatency) = "Delays every chunk.",
        "bandwidth" Bandwidth(RawBandwidth) = "Lets bytes pass at a rate.",
        "slow_close" SlowClose(RawSlowClose) = "Holds the end of a connection back.",
        "timeout" Timeout(RawTimeout) = "Drops every byte, and closes connections on which none came for a while.",
        "reset_peer" ResetPeer(RawResetPeer) = "Resets connections.",
        "slicer" Slicer(RawSlicer) = "Cuts chunks into smaller ones.",
        "limit_data" LimitData(RawLimitData) = "Closes a connection once so many bytes passed.",
    }
}

record! {
    /// A delay of `latency` and some jitter, never below zero.
    RawLatency {
        "latency" latency: required Duration = "The middle of the delay; its least with `pareto`.",
        "jitter" jitter: optional Duration = "How far delays spread: at most (`uniform`), by standard deviation (`normal`), or the mean of the tail (`pareto`). Default: 0s.",
        "distribution" distribution: optional Distribution = "How delays spread; others than `uniform` need the embedded proxy. Default: uniform.",
        "stream" stream: optional Stream = "The direction. Default: downstream.",
        "toxicity" toxicity: optional Share = "The share of the connections that it acts on. Default: 100%.",
    }
}

record! {
    /// A line with a rate.
    RawBandwidth {
        "rate" rate: required KilobytesPerSecond = "The rate, such as `64KB/s`, in whole KB (1,000 bytes).",
        "stream" stream: optional Stream = "The direction. Default: downstream.",
        "toxicity" toxicity: optional Share = "The share of the connections that it acts on. Default: 100%.",
    }
}

record! {
    /// An end that comes late.
    RawSlowClose {
        "delay" delay: required Duration = "How late.",
        "stream" stream: optional Stream = "The direction. Default: downstream.",
        "toxicity" toxicity: optional Share = "The share of the connections that it acts on. Default: 100%.",
    }
}

record! {
    /// Bytes that are dropped.
    RawTimeout {
        "timeout" timeout: optional Duration = "A connection without bytes for this long is closed; 0s: never, until the toxic is gone. Default: 0s.",
        "stream" stream: optional Stream = "The direction. Default: downstream.",
        "toxicity" toxicity: optional Share = "The share of the connections that it acts on. Default: 100%.",
    }
}

record! {
    /// A reset of both ends some time after a connection begins.
    RawResetPeer {
        "timeout" timeout: optional Duration = "The time until the reset. Default: 0s.",
        "toxicity" toxicity: optional Share = "The share of the connections that it acts on. Default: 100%.",
    }
}

record! {
    /// Chunks cut into smaller ones.
    RawSlicer {
        "average_size" average_size: required Bytes = "Their average size.",
        "size_variation" size_variation: optional Bytes = "How far sizes spread; below the average. Default: 0B.",
        "delay" delay: optional Duration = "The pause after each, in whole microseconds. Default: 0s.",
        "stream" stream: optional Stream = "The direction. Default: downstream.",
        "toxicity" toxicity: optional Share = "The share of the connections that it acts on. Default: 100%.",
    }
}

record! {
    /// Connections that carry only so much.
    RawLimitData {
        "bytes" bytes: required Bytes = "How much.",
        "stream" stream: optional Stream = "The direction. Default: downstream.",
        "toxicity" toxicity: optional Share = "The share of the connections that it acts on. Default: 100%.",
    }
}

words!(Stream { "upstream" => Stream::Upstream, "downstream" => Stream::Downstream, "both" => Stream::Both });
words!(Distribution {
    "uniform" => Distribution::Uniform,
    "normal" => Distribution::Normal,
    "pareto" => Distribution::Pareto,
});
