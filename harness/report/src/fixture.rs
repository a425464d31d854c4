//! A run as reporters meet it: three groups, five phases, three faults, a failed gate, an unknown, a violation.

mod plan;
mod results;
mod series;

use shakedown_check::result::{
    Counts, Figure, GroupTimes, Judgement, LatencySeries, RESULT_FORMAT, Series, Validity,
};
use shakedown_model::fault::{Bite, FaultWindow};
use shakedown_model::manifest::{Machine, Manifest, PartSample, RunStatus, SelfSample};
use shakedown_model::plan::GroupSpec;
use shakedown_model::verdict::Verdict;
use shakedown_model::{FaultId, GroupId, Offset, Plan, Seed};

use crate::input::ReportInput;

/// Everything that a [`ReportInput`] borrows.
pub(crate) struct Fixture {
    pub(crate) manifest: Manifest,
    pub(crate) plan: Plan,
    pub(crate) faults: Vec<FaultWindow>,
    pub(crate) judgement: Judgement,
    pub(crate) series: Series,
    pub(crate) parts: Vec<PartSample>,
    pub(crate) harness: Vec<SelfSample>,
}

impl Fixture {
    /// A run with something of everything.
    pub(crate) fn rough_run() -> Self {
        let plan = plan::plan();
        let judgement = results::judgement(&plan);
        let faults = plan
            .faults_by_id()
            .map(|(fault, spec)| FaultWindow {
                fault,
                applying: spec.from,
                applied: Some(spec.from),
                healing: Some(spec.until),
                healed: Some(spec.until),
                bite: Bite::Bit("as planned".into()),
                trouble: None,
                service: Vec::new(),
            })
            .collect();
        let (parts, harness) = (series::parts(), series::harness());
        Self { manifest: manifest(), series: series::series(&plan), faults, judgement, plan, parts, harness }
    }

    /// The same run, passing.
    pub(crate) fn passing_run() -> Self {
        let mut fixture = Self::rough_run();
        results::make_pass(&mut fixture.judgement);
        fixture
    }

    /// A run that was interrupted before anything was measured.
    pub(crate) fn empty_run() -> Self {
        let mut fixture = Self::rough_run();
        fixture.series = Series::default();
        fixture.faults.clear();
        fixture.parts.clear();
        fixture.harness.clear();
        fixture.manifest.status = RunStatus::Interrupted;
        fixture.manifest.ended = Some(Offset::from_millis(2_300));
        fixture.judgement = Judgement {
            format: RESULT_FORMAT,
            verdict: Verdict::Unknown,
            exit_code: 3,
            reason: "nothing was measured".into(),
            validity: Validity { is_valid: true, findings: vec![] },
            figures: vec![],
            paths: vec![],
            guarantees: vec![],
            gates: vec![],
            faults: vec![],
            fidelity: vec![],
            own_share: vec![],
            counts: Counts::default(),
        };
        fixture
    }

    /// The rough run with names that attack terminals, XML and HTML.
    pub(crate) fn hostile_run() -> Self {
        const HOSTILE: &str =
            "<script>alert(1)</script>\" onload='x' \u{1b}[2J\u{0}&amp; https://evil.example/";
        let mut fixture = Self::rough_run();
        fixture.manifest.scenario = HOSTILE.into();
        fixture.manifest.server = HOSTILE.into();
        fixture.plan.name = HOSTILE.into();
        fixture.plan.about = HOSTILE.into();
        fixture.plan.groups[0].name = HOSTILE.into();
        fixture.plan.phases[1].name = HOSTILE.into();
        fixture.plan.faults[0].name = HOSTILE.into();
        fixture.judgement.reason = HOSTILE.into();
        fixture.judgement.faults[0].name = HOSTILE.into();
        fixture.judgement.faults[0].text = HOSTILE.into();
        fixture.judgement.gates[0].text = HOSTILE.into();
        fixture.judgement.gates[0].rows[0].note = HOSTILE.into();
        fixture.judgement.validity.findings[0].text = HOSTILE.into();
        for guarantee in &mut fixture.judgement.guarantees {
            guarantee.text = HOSTILE.into();
            guarantee.witness = vec![HOSTILE.into()];
        }
        for fault in 0..20 {
            let mut result = fixture.judgement.faults[0].clone();
            result.fault = FaultId(1000 + fault);
            fixture.judgement.faults.push(result);
        }
        fixture
    }

    /// The rough run with twenty groups and as many parts.
    pub(crate) fn wide_run() -> Self {
        let mut fixture = Self::rough_run();
        let (spec, series) = (fixture.plan.groups[1].clone(), fixture.series.clone());
        let figures: Vec<_> =
            fixture.judgement.figures.iter().filter(|f| f.group == Some(GroupId(1))).cloned().collect();
        for group in (3..20).map(GroupId) {
            fixture.plan.groups.push(GroupSpec { name: format!("another-group-{group}"), ..spec.clone() });
            fixture
                .judgement
                .figures
                .extend(figures.iter().cloned().map(|f| Figure { group: Some(group), ..f }));
            let times = series.group_times[1].rows.clone();
            fixture.series.group_times.push(GroupTimes { group, rows: times });
            let buckets = series.latency[1].buckets.clone();
            fixture.series.latency.push(LatencySeries { group, buckets });
            let sample = fixture.parts[0].clone();
            fixture.parts.push(PartSample { part: format!("part-{group}"), ..sample });
        }
        fixture
    }

    /// A run with a single change that reached a single watcher, at the run's very end.
    pub(crate) fn one_change_run() -> Self {
        let mut fixture = Self::rough_run();
        fixture.plan.groups.truncate(1);
        fixture.judgement.figures.truncate(1);
        fixture.judgement.paths.truncate(1);
        let series = &mut fixture.series;
        series.mutations.truncate(1);
        series.group_times.truncate(1);
        series.group_times[0].rows =
            vec![(fixture.plan.phases[4].until, [Some(1), Some(1), Some(1), Some(1)])];
        series.latency.truncate(1);
        series.latency[0].buckets.truncate(1);
        series.staleness.truncate(1);
        series.staleness[0].points.truncate(1);
        series.failover.truncate(1);
        series.attempts.truncate(1);
        series.attempts[0].buckets.truncate(1);
        series.gaps.clear();
        if let Some(raster) = &mut series.raster {
            raster.columns.truncate(1);
            raster.rows.truncate(1);
            raster.rows[0].paths = "p".into();
            raster.rows[0].micros = vec![0];
        }
        fixture.parts.truncate(1);
        fixture.harness.truncate(1);
        fixture
    }

    pub(crate) fn input(&self) -> ReportInput<'_> {
        ReportInput {
            dir: "reports/runs/rough",
            manifest: &self.manifest,
            plan: &self.plan,
            faults: &self.faults,
            parts: &self.parts,
            harness: &self.harness,
            judgement: &self.judgement,
            series: &self.series,
        }
    }
}

fn manifest() -> Manifest {
    Manifest {
        run_id: 9,
        harness: "0.1.0".into(),
        started: "2026-11-20T12:00:00.123456Z".into(),
        status: RunStatus::Complete,
        ended: Some(Offset::from_secs(125)),
        server: "embedded Nacos 2.5.0, 1 node".into(),
        proxy: "embedded".into(),
        machine: Machine {
            cpus: 2,
            cpu_model: "AMD EPYC 7B13".into(),
            memory_bytes: 8_328_000_000,
            kernel: "6.8.0-48-generic".into(),
            open_files: 65_536,
        },
        remarks: vec!["ListenOverflows grew by 12 between 47.0 s and 48.1 s".into()],
        ..Manifest::new("rough", "jitter-and-cut", Seed(7))
    }
}
