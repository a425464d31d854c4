//! The parts of the bench as lines over time: what a sample says of each figure that charts draw.

use shakedown_model::Offset;
use shakedown_model::manifest::PartSample;

use super::palette::Ink;
use crate::input::ReportInput;
use crate::quantity::{as_f64, count, plain};

/// The harness' own line, grey.
const HARNESS: &str = "harness";
/// Two samples further apart are not joined: between them a server said nothing.
const GAP_NS: u64 = 2_500_000_000;

/// A figure of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cpu,
    Memory,
    Heap,
    GcPause,
    Connections,
    GrpcConnections,
    LongPolls,
    Publishes,
    Reads,
    Waiting,
}

/// What of a server waits to be done: writes that readers do not see yet, word to other nodes, to clients, calls.
const WAITING: [&str; 5] =
    ["dump-tasks", "node-notify-tasks", "push-tasks", "grpc-calls-waiting", "cluster-calls-waiting"];

impl Kind {
    pub(super) const RESOURCES: [Self; 5] =
        [Self::Cpu, Self::Memory, Self::Heap, Self::GcPause, Self::Connections];
    pub(super) const GAUGES: [Self; 5] =
        [Self::GrpcConnections, Self::LongPolls, Self::Publishes, Self::Reads, Self::Waiting];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Cpu => "processor time, in cores",
            Self::Memory => "resident memory, in MiB",
            Self::Heap => "heap in use, in MiB",
            Self::GcPause => "pauses for garbage collection, in ms of each second",
            Self::Connections => "open connections (of the harness: open files)",
            Self::GrpcConnections => "gRPC connections",
            Self::LongPolls => "long polls held",
            Self::Publishes => "publishes, per second",
            Self::Reads => "reads of configs, per second",
            Self::Waiting => "tasks and calls that wait",
        }
    }

    /// The figure at a sample of a part; some need the sample before it.
    fn of(self, sample: &PartSample, before: Option<&PartSample>) -> Option<f64> {
        let told = |name: &str| sample.metrics.get(name).copied();
        let per_second = |name: &str| {
            let before = before?;
            let seconds = sample.at.since(before.at).as_secs_f64();
            // A sum that shrank began anew with its process.
            let grown = told(name)? - before.metrics.get(name)?;
            (grown >= 0.0 && seconds > 0.0).then(|| grown / seconds)
        };
        match self {
            Self::Cpu => Some(sample.cpu_cores),
            Self::Memory => sample.rss_bytes.map(|bytes| as_f64(bytes) / MIB),
            Self::Heap => told("heap-bytes").map(|bytes| bytes / MIB),
            Self::GcPause => per_second("gc-seconds-sum").map(|share| share * 1e3),
            Self::Connections => sample.connections.map(as_f64),
            Self::GrpcConnections => told("grpc-connections"),
            Self::LongPolls => told("long-polls"),
            Self::Publishes => per_second("publishes-sum"),
            Self::Reads => per_second("reads-sum"),
            Self::Waiting => WAITING.into_iter().filter_map(told).reduce(|a, b| a + b),
        }
    }

    /// A value for people.
    pub(super) fn spoken(self, value: f64) -> String {
        let whole = count(super::axis::whole(value));
        match self {
            Self::Cpu => format!("{value:.2}"),
            Self::Memory | Self::Heap => format!("{whole} MiB"),
            Self::GcPause => format!("{value:.1} ms"),
            Self::Publishes | Self::Reads => format!("{value:.1}/s"),
            Self::Connections | Self::GrpcConnections | Self::LongPolls | Self::Waiting => whole,
        }
    }
}

const MIB: f64 = 1_048_576.0;

/// A part's figure over time.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) ink: Ink,
    pub(super) kind: Kind,
    /// By time.
    pub(super) points: Vec<(Offset, f64)>,
}

impl Line {
    /// Its points, cut where the part said nothing for a while.
    pub(super) fn stretches(&self) -> impl Iterator<Item = &[(Offset, f64)]> {
        self.points.chunk_by(|a, b| b.0.0 - a.0.0 <= GAP_NS)
    }
}

/// Each part with a colour of its own, the harness first and grey; the order is that of their names.
pub(super) fn parts(input: ReportInput<'_>) -> Vec<(String, Ink)> {
    let mut names: Vec<&str> = input.parts.iter().map(|sample| sample.part.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let harness = (!input.harness.is_empty()).then(|| (HARNESS.to_owned(), Ink::Grey));
    let colours = Ink::SERIES.into_iter().filter(|ink| *ink != Ink::Grey);
    let parts = names.into_iter().map(ToOwned::to_owned).zip(colours.cycle());
    harness.into_iter().chain(parts).collect()
}

/// The lines of one figure: those that have points.
pub(super) fn lines(input: ReportInput<'_>, kind: Kind) -> Vec<Line> {
    let lines = parts(input).into_iter().map(|(name, ink)| {
        let points = if ink == Ink::Grey { of_harness(input, kind) } else { of_part(input, &name, kind) };
        Line { name: plain(&name), ink, kind, points }
    });
    lines.filter(|line| !line.points.is_empty()).collect()
}

fn of_harness(input: ReportInput<'_>, kind: Kind) -> Vec<(Offset, f64)> {
    let figure = |sample: &shakedown_model::manifest::SelfSample| match kind {
        Kind::Cpu => Some(sample.cpu_cores),
        Kind::Memory => Some(as_f64(sample.rss_bytes) / MIB),
        Kind::Connections => Some(as_f64(sample.open_files)),
        _ => None,
    };
    let mut points: Vec<_> =
        input.harness.iter().filter_map(|sample| Some((sample.at, figure(sample)?))).collect();
    points.sort_by_key(|(at, _)| *at);
    points
}

fn of_part(input: ReportInput<'_>, name: &str, kind: Kind) -> Vec<(Offset, f64)> {
    let samples = input.samples_of(name);
    let before = std::iter::once(None).chain(samples.iter().map(Some));
    samples
        .iter()
        .zip(before)
        .filter_map(|(sample, before)| Some((sample.at, kind.of(sample, before.copied())?)))
        .collect()
}
