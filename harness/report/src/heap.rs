//! What a server's memory management did, in a line per node: the highest heap, and the share of time in pauses for
//! garbage collection by phase.

use shakedown_check::words::share;
use shakedown_model::PhaseId;
use shakedown_model::manifest::PartSample;

use crate::input::ReportInput;
use crate::quantity::plain;

/// A line for every node that told of its heap, in the order of their names; warm-up is outside, as of every figure.
pub(crate) fn lines(input: ReportInput<'_>) -> Vec<(String, String)> {
    let mut names: Vec<&str> = input.parts.iter().map(|sample| sample.part.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter_map(|name| Some((plain(name), line(input, name)?))).collect()
}

fn line(input: ReportInput<'_>, name: &str) -> Option<String> {
    let samples = input.samples_of(name);
    let measured: Vec<&PartSample> =
        samples.iter().copied().filter(|sample| phase_of(input, sample).is_some()).collect();
    let highest = |name: &str| measured.iter().filter_map(|s| s.metrics.get(name)).copied().reduce(f64::max);
    let mib = |bytes: f64| format!("{:.0} MiB", bytes / 1_048_576.0);
    let heap = highest("heap-bytes")?;
    let limit = highest("heap-limit-bytes").map_or_else(String::new, |limit| format!(" of {}", mib(limit)));
    let pauses: Vec<String> = (0_u16..)
        .map(PhaseId)
        .zip(&input.plan.phases)
        .filter(|(_, phase)| phase.is_measured)
        .filter_map(|(phase, _)| {
            Some(format!("{} of {}", share(paused_share(input, &samples, phase)?), input.phase_name(phase)))
        })
        .collect();
    let pauses =
        if pauses.is_empty() { String::new() } else { format!("; in GC pauses {}", pauses.join(", ")) };
    Some(format!("heap up to {}{limit}{pauses}", mib(heap)))
}

/// The measured phase of a sample.
fn phase_of(input: ReportInput<'_>, sample: &PartSample) -> Option<PhaseId> {
    let phase = input.plan.phase_at(sample.at)?;
    input.plan.phases[phase.index()].is_measured.then_some(phase)
}

/// The share of a phase's time in pauses: from each sample to the next one that told of them, over those that lie within
/// the phase; a sum that shrank began anew with its process.
fn paused_share(input: ReportInput<'_>, samples: &[&PartSample], phase: PhaseId) -> Option<f64> {
    let told: Vec<(&PartSample, f64)> = samples
        .iter()
        .filter_map(|sample| Some((*sample, *sample.metrics.get("gc-seconds-sum")?)))
        .filter(|(sample, _)| phase_of(input, sample) == Some(phase))
        .collect();
    let (mut paused, mut watched) = (0.0, 0.0);
    for pair in told.windows(2) {
        let grown = pair[1].1 - pair[0].1;
        if grown >= 0.0 {
            paused += grown;
            watched += pair[1].0.at.since(pair[0].0.at).as_secs_f64();
        }
    }
    (watched > 0.0).then(|| paused / watched)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shakedown_model::Offset;

    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn a_line_has_the_peak_outside_the_warm_up_and_pauses_by_phase_across_a_restart() {
        let mut fixture = Fixture::rough_run();
        let blank = fixture.parts[0].clone();
        fixture.parts.clear();
        assert!(lines(fixture.input()).is_empty());
        let steady = fixture.plan.phases.iter().position(|phase| phase.is_measured).unwrap();
        let (from, name) = (fixture.plan.phases[steady].from, fixture.plan.phases[steady].name.clone());
        let mut tell = |at: Offset, heap_mib: f64, gc: f64| {
            let metrics = BTreeMap::from([
                ("heap-bytes".to_owned(), heap_mib * 1_048_576.0),
                ("heap-limit-bytes".to_owned(), 512.0 * 1_048_576.0),
                ("gc-seconds-sum".to_owned(), gc),
            ]);
            fixture.parts.push(PartSample { at, part: "nacos-0".into(), metrics, ..blank.clone() });
        };
        let second = |n: u64| from + std::time::Duration::from_secs(n);
        tell(Offset::ZERO, 500.0, 0.0);
        tell(second(0), 200.0, 5.0);
        tell(second(1), 210.0, 5.2);
        // Started anew: neither this second nor its pauses are known.
        tell(second(2), 100.0, 0.1);
        tell(second(3), 100.0, 0.1);
        let expected = format!("heap up to 210 MiB of 512 MiB; in GC pauses 10 % of {name}");
        assert_eq!(lines(fixture.input()), [("nacos-0".to_owned(), expected)]);
    }
}
