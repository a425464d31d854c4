//! Bursts: the stretches in which a fan-out fills the machine by itself, where only what is beyond twice its floor counts
//! as lateness.

use shakedown_model::Offset;
use shakedown_model::event::PublishOutcome;
use shakedown_model::floor::Floor;

use crate::evidence::Evidence;

/// The floor of a fan-out, per listener, where the run did not measure its own: six messages over bare sockets, as
/// measured on 2 cores (ADR 6).
const FLOOR_PER_LISTENER_NS: u64 = 20_000;
/// How long a burst lasts beyond twice its floor: the server's dump tick.
const BURST_NS: u64 = 100_000_000;

/// The bursts of fan-out in a run, by their begin: (begin, end, twice the floor).
#[derive(Debug)]
pub(crate) struct Bursts {
    bursts: Vec<(Offset, Offset, u64)>,
    /// The length of the longest, which bounds how far back one that is still going can begin.
    longest: u64,
}

/// The floor that the run measured, by its dearest chain, else the constant.
fn per_listener_ns(floors: &[Floor]) -> u64 {
    let measured = floors.iter().map(|floor| floor.last_ns / u64::from(floor.shape.connections.max(1)));
    measured.max().unwrap_or(FLOOR_PER_LISTENER_NS)
}

impl Bursts {
    pub(crate) fn new(evidence: &Evidence<'_>) -> Self {
        let per_listener = per_listener_ns(&evidence.manifest.floors);
        let acked =
            evidence.index.publishes.all().iter().filter(|publish| publish.outcome == PublishOutcome::Acked);
        let mut bursts: Vec<_> = acked
            .map(|publish| {
                let listeners = evidence.index.slots.of_item(publish.item).len() as u64;
                let allowed = 2 * per_listener * listeners;
                (publish.done, Offset(publish.done.0.saturating_add(BURST_NS + allowed)), allowed)
            })
            .collect();
        bursts.sort_unstable();
        let longest = bursts.iter().map(|(begin, end, _)| end.0 - begin.0).max().unwrap_or_default();
        Self { bursts, longest }
    }

    /// Whether an instant lies within a burst.
    pub(crate) fn is_within(&self, at: Offset) -> bool {
        let from = self.bursts.partition_point(|(begin, _, _)| begin.0.saturating_add(self.longest) < at.0);
        self.bursts[from..].iter().take_while(|(begin, _, _)| *begin <= at).any(|(_, end, _)| at <= *end)
    }

    /// How much of a lateness counts.
    pub(crate) fn beyond(&self, due: Offset, late_ns: u64) -> u64 {
        let ran = Offset(due.0.saturating_add(late_ns));
        let from = self.bursts.partition_point(|(begin, _, _)| begin.0.saturating_add(self.longest) < due.0);
        let going = self.bursts[from..].iter().take_while(|(begin, _, _)| *begin <= ran);
        let allowed: u64 = going.filter(|(_, end, _)| due <= *end).map(|(_, _, allowed)| allowed).sum();
        late_ns.saturating_sub(allowed)
    }
}
