//! Why runs should not be compared.

use shakedown_model::baseline::outline;
use shakedown_model::manifest::RunStatus;

use crate::input::ReportInput;
use crate::quantity::plain;

/// Every reason against comparing these runs, each a line: another machine, another experiment, a run that did not end
/// or is invalid.
#[must_use]
pub fn obstacles(runs: &[ReportInput<'_>]) -> Vec<String> {
    let mut reasons = Vec::new();
    let Some((first, others)) = runs.split_first() else { return reasons };
    for run in runs {
        if let Some(why) = unfinished(*run) {
            reasons.push(format!("{} {why}", plain(run.dir)));
        } else if let Some(finding) =
            run.judgement.validity.findings.iter().find(|_| !run.judgement.validity.is_valid)
        {
            let failed = run.judgement.validity.findings.iter();
            let worst = failed.max_by_key(|finding| finding.outcome).unwrap_or(finding);
            reasons.push(format!(
                "{} is invalid, so its figures mean nothing ({}: {})",
                plain(run.dir),
                plain(&worst.name),
                plain(&worst.text)
            ));
        }
    }
    for other in others {
        let (a, b) = (plain(first.dir), plain(other.dir));
        if let Some(difference) = first.manifest.machine.difference(&other.manifest.machine) {
            reasons.push(format!("{a} and {b} are of different machines: {}", plain(&difference)));
        }
        if let Some(difference) = experiment(*first, *other) {
            reasons.push(format!("{a} and {b} are of different experiments: {}", plain(&difference)));
        }
    }
    reasons
}

fn unfinished(run: ReportInput<'_>) -> Option<&'static str> {
    match run.manifest.status {
        RunStatus::Complete => None,
        RunStatus::Running => Some("has not ended, or its harness was killed"),
        RunStatus::Interrupted => Some("was interrupted"),
        RunStatus::Failed(_) => Some("did not come to its end"),
    }
}

/// The first lines in which two outlines differ.
fn experiment(first: ReportInput<'_>, other: ReportInput<'_>) -> Option<String> {
    outline::difference(&outline::outline(first.plan), &outline::outline(other.plan))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn alike_runs_have_no_obstacle() {
        let (a, b) = (Fixture::rough_run(), Fixture::passing_run());
        assert_eq!(obstacles(&[a.input(), b.input()]), [""; 0]);
    }

    #[test]
    fn each_obstacle_is_named() {
        let a = Fixture::rough_run();
        let mut b = Fixture::rough_run();
        b.manifest.machine.cpus = 64;
        b.plan.groups[0].count += 1;
        b.manifest.status = RunStatus::Interrupted;
        let mut c = Fixture::rough_run();
        c.judgement.validity.is_valid = false;
        let text = obstacles(&[a.input(), b.input(), c.input()]).join("\n");
        for part in
            ["different machines", "64", "different experiments", "watchers", "was interrupted", "is invalid"]
        {
            assert!(text.contains(part), "`{part}` is missing in:\n{text}");
        }
    }
}
