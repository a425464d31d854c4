//! JUnit XML: gates, guarantees, faults and validity as test cases, so that CI shows which one made it red.
//!
//! Fail is a failure, unknown is an error. What the scenario does not require is skipped with its outcome in the
//! message. The suite `run` holds the verdict itself, so the file is red exactly when the exit code is not 0.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use shakedown_check::result::{GateResult, GateRow};
use shakedown_model::verdict::{Outcome, Verdict};

use crate::input::ReportInput;
use crate::quantity::{NO_SAMPLES, counted, plain, stat_value};

/// Why the XML could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make JUnit XML")]
pub struct JunitError(#[from] quick_junit::SerializeError);

/// The file's content.
///
/// # Errors
/// [`JunitError`] when the XML writer fails.
pub fn xml(input: ReportInput<'_>) -> Result<String, JunitError> {
    let mut report = Report::new(format!("shakedown {}", plain(&input.manifest.scenario)));
    if let Some(ended) = input.manifest.ended {
        report.set_time(ended.since_start());
    }
    let suites = [
        ("run", vec![verdict(input)]),
        ("gates", input.judgement.gates.iter().map(|gate| self::gate(input, gate)).collect()),
        ("guarantees", guarantees(input)),
        ("faults", faults(input)),
        ("validity", validity(input)),
    ];
    for (name, cases) in suites {
        let mut suite = TestSuite::new(name);
        suite.add_test_cases(cases);
        report.add_test_suite(suite);
    }
    Ok(report.to_string()?)
}

fn verdict(input: ReportInput<'_>) -> TestCase {
    let kind = match input.judgement.verdict {
        Verdict::Pass => Outcome::Pass,
        Verdict::GateFailed | Verdict::Violated => Outcome::Fail,
        Verdict::Unknown | Verdict::Invalid | Verdict::Interrupted => Outcome::Unknown,
    };
    let reason = plain(&input.judgement.reason);
    case("verdict", kind, &reason, &format!("{reason}\nrun directory: {}", plain(input.dir)))
}

fn gate(input: ReportInput<'_>, gate: &GateResult) -> TestCase {
    let row = |row: &GateRow| {
        let value = if row.count == 0 { NO_SAMPLES.to_owned() } else { stat_value(row.value) };
        let note = if row.note.is_empty() { String::new() } else { format!(" ({})", plain(&row.note)) };
        format!("{}: {value} from {}{note}", input.group_or_dash(row.group), counted(row.count, "sample"))
    };
    let worst: Vec<String> =
        gate.rows.iter().filter(|candidate| candidate.outcome == gate.outcome).map(row).collect();
    let all: Vec<String> = gate.rows.iter().map(row).collect();
    case(&gate.text, gate.outcome, &worst.join("; "), &all.join("\n"))
}

fn guarantees(input: ReportInput<'_>) -> Vec<TestCase> {
    let results = input.judgement.guarantees.iter();
    results
        .map(|result| {
            let text = plain(&result.text);
            if !result.is_required && result.outcome != Outcome::Pass {
                return skipped(result.guarantee.name(), &format!("not required by the scenario; {text}"));
            }
            let witness: Vec<String> = result.witness.iter().map(|line| plain(line)).collect();
            let details = format!("{text}\n{}", witness.join("\n"));
            case(result.guarantee.name(), result.outcome, &text, details.trim_end())
        })
        .collect()
}

fn faults(input: ReportInput<'_>) -> Vec<TestCase> {
    let faults = input.judgement.faults.iter();
    faults
        .map(|fault| {
            let (name, text) = (plain(&fault.name), plain(&fault.text));
            case(&format!("{name} ({}) bit", plain(&fault.kind)), fault.outcome, &text, &text)
        })
        .collect()
}

/// In a valid run no finding makes CI red: one that could not be told is skipped, with what was seen.
fn validity(input: ReportInput<'_>) -> Vec<TestCase> {
    let validity = &input.judgement.validity;
    validity
        .findings
        .iter()
        .map(|finding| {
            let text = plain(&finding.text);
            if validity.is_valid && finding.outcome != Outcome::Pass {
                return skipped(&finding.name, &text);
            }
            case(&finding.name, finding.outcome, &text, &text)
        })
        .collect()
}

fn skipped(name: &str, message: &str) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    TestCase::new(plain(name), status)
}

fn case(name: &str, outcome: Outcome, message: &str, details: &str) -> TestCase {
    let kind = match outcome {
        Outcome::Pass => None,
        Outcome::Fail => Some(NonSuccessKind::Failure),
        Outcome::Unknown => Some(NonSuccessKind::Error),
    };
    let status = match kind {
        None => TestCaseStatus::success(),
        Some(kind) => {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(message);
            status.set_type(if kind == NonSuccessKind::Failure { "failed" } else { "unknown" });
            status.set_description(details);
            status
        }
    };
    let mut case = TestCase::new(plain(name), status);
    if kind.is_none() && !details.is_empty() {
        case.set_system_out(details);
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn counts_follow_the_outcomes() {
        let xml = xml(Fixture::rough_run().input()).unwrap();
        let suite = |name: &str| {
            let at = xml.find(&format!("<testsuite name=\"{name}\"")).unwrap();
            xml[at..].split_once('>').unwrap().0.to_owned()
        };
        assert_eq!(suite("run"), r#"<testsuite name="run" tests="1" skipped="0" errors="0" failures="1""#);
        assert_eq!(
            suite("gates"),
            r#"<testsuite name="gates" tests="6" skipped="0" errors="1" failures="2""#
        );
        assert!(suite("guarantees").contains(r#"tests="7" skipped="1" errors="1" failures="1""#));
        assert!(suite("faults").contains(r#"tests="3" skipped="0" errors="0" failures="0""#));
    }

    #[test]
    fn a_failed_gate_and_a_violation_say_what_was_seen() {
        let xml = xml(Fixture::rough_run().input()).unwrap();
        assert!(xml.contains("from 98 samples"), "{xml}");
        assert!(xml.contains("version 41 after version 42"), "{xml}");
    }

    #[test]
    fn hostile_text_stays_text() {
        let xml = xml(Fixture::hostile_run().input()).unwrap();
        assert!(!xml.contains("<script"), "{xml}");
        assert!(!xml.contains('\u{1b}') && !xml.contains('\u{0}'));
    }

    #[test]
    fn a_run_that_passes_is_green() {
        let xml = xml(Fixture::passing_run().input()).unwrap();
        let root = xml.lines().nth(1).unwrap();
        assert!(root.contains(r#"failures="0" errors="0""#), "{root}");
    }

    #[test]
    fn an_empty_run_is_red_through_its_verdict() {
        let xml = xml(Fixture::empty_run().input()).unwrap();
        assert!(xml.contains(r#"name="verdict""#) && xml.contains(r#"errors="1""#));
    }
}
