use hdrhistogram::serialization::Serializer as _;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use shakedown_model::{FaultId, GroupId, PhaseId};

use super::*;
use crate::fixture::Fixture;

const MS: u64 = 1_000_000;

fn row(measure: Measure, scope: Scope, group: u16, millis: std::ops::RangeInclusive<u64>) -> HistogramRow {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    for ms in millis {
        histogram.record(ms * MS).unwrap();
    }
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(&histogram, &mut bytes).unwrap();
    let group = Some(GroupId(group));
    HistogramRow { measure, scope, group, censored: 3, censored_as: 20_000 * MS, v2: STANDARD.encode(bytes) }
}

fn fixture() -> Fixture {
    let mut fixture = Fixture::hostile_run();
    let (steady, split) = (Scope::Phase(PhaseId(1)), Scope::Fault(FaultId(1)));
    fixture.series.histograms = vec![
        row(Measure::EndToEnd, steady, 0, 1..=1000),
        row(Measure::EndToEnd, steady, 1, 1001..=2000),
        row(Measure::EndToEnd, Scope::Phase(PhaseId(2)), 1, 1..=10),
        row(Measure::Detect, split, 2, 5..=6),
        row(Measure::AttemptsPerWatcher, split, 2, 0..=0),
        row(Measure::HerdShare, split, 2, 0..=0),
    ];
    fixture
}

#[test]
fn groups_are_merged_and_shares_left_out() {
    let fixture = fixture();
    let files = percentiles(fixture.input()).unwrap();
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    assert!(
        names.contains(&"detect.fault-1-split.hgrm") && names.contains(&"end-to-end.run.hgrm"),
        "{names:?}"
    );
    assert!(
        names.iter().all(|name| name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))),
        "{names:?}"
    );
    let steady = files.iter().find(|file| file.name.starts_with("end-to-end.phase-1-")).unwrap();
    assert!(steady.text.contains("Total count    =         2000]"), "{}", steady.text);
    assert!(steady.text.contains("6 samples of them known only to be late"), "{}", steady.text);
    let median = steady.text.lines().find(|line| line.contains(" 0.500000000000 ")).unwrap();
    let value: f64 = median.split_whitespace().next().unwrap().parse().unwrap();
    assert!((value - 1000.0).abs() < 2.0, "{median}");
    assert!(!steady.text.contains("NaN"));
}

#[test]
fn the_log_reads_back_in_the_order_of_time() {
    let fixture = fixture();
    let bytes = log(fixture.input()).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.starts_with("#[Histogram log format version 1.3]\n"), "{text}");
    assert!(text.contains("[BaseTime: 1795176000.123 (seconds since epoch)]"), "{text}");
    assert!(text.lines().all(|line| line.starts_with('#') || line.starts_with("Tag=")), "{text}");
    let mut intervals = Vec::new();
    for entry in IntervalLogIterator::new(&bytes) {
        if let LogEntry::Interval(interval) = entry.unwrap() {
            intervals
                .push((interval.start_timestamp().as_secs(), interval.tag().unwrap().as_str().to_owned()));
        }
    }
    let starts: Vec<u64> = intervals.iter().map(|interval| interval.0).collect();
    assert_eq!(starts, [5, 5, 25, 47]);
    assert_eq!(intervals[3].1, "careful.detect");
}

#[test]
fn a_damaged_histogram_is_named() {
    let mut fixture = fixture();
    fixture.series.histograms[3].v2 = "AAAA".into();
    for error in [percentiles(fixture.input()).unwrap_err(), log(fixture.input()).unwrap_err()] {
        assert!(error.to_string().contains("detect in split for careful"), "{error}");
    }
}

#[test]
fn a_run_without_histograms_has_an_empty_log() {
    let fixture = Fixture::empty_run();
    assert!(percentiles(fixture.input()).unwrap().is_empty());
    assert!(
        String::from_utf8(log(fixture.input()).unwrap()).unwrap().lines().all(|line| line.starts_with('#'))
    );
}
