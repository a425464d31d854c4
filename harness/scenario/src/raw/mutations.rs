//! How config changes, as written.

use std::path::PathBuf;
use std::time::Duration;

use shakedown_model::plan::PublishBy;

use crate::field::{PerSecond, Share, choice, record, words};
use crate::source::Spanned;

record! {
    /// How config changes.
    RawMutations {
        "arrivals" arrivals: required RawArrivals = "When mutations are due, over all items together; one publish per item is in flight.",
        "kinds" kinds: optional RawKinds = "What mutations do, by weight. Default: they all write.",
        "gray" gray: optional RawGray = "How a gray (beta) release goes, where `kinds` has some.",
        "cas" cas: optional bool = "Whether a write names the MD5 of the content that it replaces, so that the server refuses it when another came between. Default: false.",
        "by" by: optional PublishBy = "How writes and deletes travel: `http` (v1 to 2.x, the v3 admin API to 3.x), or `grpc`, as SDKs publish. Default: http.",
    }
}

choice! {
    /// An arrival schedule.
    RawArrivals {
        "constant" Constant(Spanned<PerSecond>) = "Evenly spaced.",
        "poisson" Poisson(Spanned<PerSecond>) = "With exponentially distributed gaps.",
        "burst" Burst(Spanned<RawBurst>) = "Many at once, again and again.",
        "trace" Trace(Spanned<PathBuf>) = "A CSV file with lines `offset` or `offset,item`, such as `1.5s,3`, relative to the scenario file.",
    }
}

record! {
    /// Many mutations at once, again and again, each time of other items as long as there are enough.
    RawBurst {
        "count" count: required u32 = "Mutations of one burst.",
        "every" every: required Duration = "From the start of one burst to that of the next; the first begins after it.",
        "over" over: optional Duration = "From a burst's first mutation to its last. Default: 0s.",
    }
}

record! {
    /// How often mutations are of each kind, by weight.
    RawKinds {
        "write" write: optional u32 = "Content is replaced, or created where it was deleted. Default: 0.",
        "delete" delete: optional u32 = "The item is deleted. Default: 0.",
        "gray" gray: optional u32 = "Content is published to some watchers, held, and then promoted (newer content for all, and the gray one is taken away) or taken back. Default: 0.",
    }
}

record! {
    /// How a gray release goes.
    RawGray {
        "share" share: optional Share = "The share of the watchers that it goes to, in steps of 2%. Default: 20%.",
        "hold" hold: optional Duration = "From the gray publish to its end. Default: 5s.",
        "rolled-back" rolled_back: optional Share = "The share of the releases that are taken back instead of promoted: the gray content is taken away, and then there is new content for all. Default: 0%.",
    }
}

words!(PublishBy { "http" => PublishBy::Http, "grpc" => PublishBy::Grpc });
