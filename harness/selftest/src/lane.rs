//! The runs, several side by side, each a process of its own.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use shakedown_check::result::Judgement;
use shakedown_record::RunDir;

use crate::compare::{Broken, Clean, Outcome, RowResult, Verdict};
use crate::matrix::Row;
use crate::stage::Stage;

/// So many bytes of what a run complained of are shown.
const SHOWN: usize = 600;

/// What a self-test does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The rows that are tried.
    pub rows: Vec<&'static Row>,
    /// The stages of the clean runs.
    pub stages: Vec<Stage>,
    /// The seeds of the clean runs, each on each of these stages.
    pub seeds: Vec<u64>,
    /// The seed with which rows are tried.
    pub first_seed: u64,
    /// How many runs there are side by side, at least one.
    pub lanes: usize,
    /// Where run directories are made; those that are as they must be are removed again.
    pub out: PathBuf,
    /// The program whose `run` is called.
    pub program: PathBuf,
}

impl Plan {
    /// How many clean runs there are.
    #[must_use]
    pub const fn clean_runs(&self) -> usize {
        self.seeds.len() * self.stages.len()
    }
}

/// The self-test could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SelftestError {
    /// A folder or a stage's file could not be written.
    #[error("cannot write `{}` for the self-test; is there room, and may it be written?", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// One run of the self-test.
#[derive(Debug, Clone, Copy)]
enum Job {
    Row(usize, &'static Row, u64),
    Clean(usize, Stage, u64),
}

/// What the runs so far came to, each with its place.
#[derive(Debug, Default)]
struct Done {
    rows: Vec<(usize, RowResult)>,
    clean: Vec<(usize, Clean)>,
}

/// Makes every run of the plan and compares. `progress` hears of each end, in a line.
///
/// # Errors
/// When the stages cannot be written. A run that fails is no error: it is an [`Outcome::NotJudged`].
pub fn run(plan: &Plan, progress: &(dyn Fn(String) + Sync)) -> Result<Verdict, SelftestError> {
    let stages = plan.out.join("stages");
    fs::create_dir_all(&stages).map_err(|source| SelftestError::Write { path: stages.clone(), source })?;
    for stage in Stage::ALL {
        let path = stage_file(plan, stage);
        fs::write(&path, stage.text()).map_err(|source| SelftestError::Write { path, source })?;
    }
    let jobs = Mutex::new(jobs(plan));
    let done = Mutex::new(Done::default());
    std::thread::scope(|scope| {
        for _ in 0..plan.lanes.max(1) {
            scope.spawn(|| {
                while let Some(job) = next(&jobs) {
                    carry_out(plan, job, progress, &done);
                }
            });
        }
    });
    let Done { mut rows, mut clean } = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(nth, _)| *nth);
    clean.sort_by_key(|(nth, _)| *nth);
    Ok(Verdict {
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        clean: clean.into_iter().map(|(_, run)| run).collect(),
    })
}

/// The next job. The queue is free again when this returns.
fn next(jobs: &Mutex<VecDeque<Job>>) -> Option<Job> {
    lock(jobs).pop_front()
}

fn carry_out(plan: &Plan, job: Job, progress: &(dyn Fn(String) + Sync), done: &Mutex<Done>) {
    match job {
        Job::Row(nth, row, seed) => {
            let result = try_row(plan, nth, row, seed);
            progress(crate::show::row_line(&result));
            lock(done).rows.push((nth, result));
        }
        Job::Clean(nth, stage, seed) => {
            let result = try_clean(plan, nth, stage, seed);
            progress(crate::show::clean_line(&result));
            lock(done).clean.push((nth, result));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stage_file(plan: &Plan, stage: Stage) -> PathBuf {
    plan.out.join("stages").join(format!("{}.yaml", stage.name()))
}

fn jobs(plan: &Plan) -> VecDeque<Job> {
    let rows = plan.rows.iter().enumerate().map(|(nth, row)| Job::Row(nth, row, plan.first_seed));
    let runs = plan.seeds.iter().flat_map(|seed| plan.stages.iter().map(|stage| (*stage, *seed)));
    let clean = runs.enumerate().map(|(nth, (stage, seed))| Job::Clean(nth, stage, seed));
    rows.chain(clean).collect()
}

fn try_row(plan: &Plan, nth: usize, row: &'static Row, seed: u64) -> RowResult {
    let (dir, declared) = (plan.out.join(format!("row-{nth}")), Broken::declared(row));
    let mut arguments = vec!["--seed".to_owned(), seed.to_string()];
    arguments.extend(row.settings().flat_map(|set| ["--set".to_owned(), set]));
    let judged = make(plan, &dir, row.stage, &arguments);
    let (found, outcome) = match &judged {
        Ok(judgement) => {
            let found = Broken::failed(row.stage, judgement);
            let outcome = Outcome::of(&declared, &found, &Broken::unknown(judgement));
            (found, outcome)
        }
        Err(why) => (Broken::default(), Outcome::NotJudged(why.clone())),
    };
    let mut repeat = vec!["run".to_owned(), format!("scenarios/selftest/{}.yaml", row.stage.name())];
    repeat.extend(arguments);
    let run = kept(dir, &outcome);
    RowResult { name: row.name.to_owned(), stage: row.stage, seed, declared, found, outcome, repeat, run }
}

fn try_clean(plan: &Plan, nth: usize, stage: Stage, seed: u64) -> Clean {
    let dir = plan.out.join(format!("clean-{nth}"));
    let outcome = match make(plan, &dir, stage, &["--seed".to_owned(), seed.to_string()]) {
        Ok(judgement) => {
            Outcome::of(&Broken::default(), &Broken::failed(stage, &judgement), &Broken::unknown(&judgement))
        }
        Err(why) => Outcome::NotJudged(why),
    };
    Clean { stage, seed, run: kept(dir, &outcome), outcome }
}

/// Keeps the folder of a run that is not as it must be.
fn kept(dir: PathBuf, outcome: &Outcome) -> Option<PathBuf> {
    if *outcome == Outcome::Exact {
        // What stays for want of a right to remove it is only in the way of the next self-test.
        fs::remove_dir_all(&dir).ok();
        return None;
    }
    Some(dir)
}

/// Runs a stage in a process of its own and reads its judgement; says why there is none.
fn make(plan: &Plan, dir: &Path, stage: Stage, arguments: &[String]) -> Result<Judgement, String> {
    if dir.exists() {
        fs::remove_dir_all(dir)
            .map_err(|error| format!("cannot remove the old `{}`: {error}", dir.display()))?;
    }
    fs::create_dir_all(dir).map_err(|error| format!("cannot make `{}`: {error}", dir.display()))?;
    let said = dir.join("stderr.log");
    let log = File::create(&said).map_err(|error| format!("cannot make `{}`: {error}", said.display()))?;
    let runs = dir.join("runs");
    let status = Command::new(&plan.program)
        .arg("run")
        .arg(stage_file(plan, stage))
        .args(["--json", "--out"])
        .arg(&runs)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .status()
        .map_err(|error| format!("cannot start `{}`: {error}", plan.program.display()))?;
    if !matches!(status.code(), Some(0..=3)) {
        let said = fs::read_to_string(&said).unwrap_or_default();
        let from = said.char_indices().rev().nth(SHOWN).map_or(0, |(at, _)| at);
        return Err(format!("the run ended with {status}: {}", said[from..].trim()));
    }
    judgement(&runs)
}

/// The judgement of the only run below `runs`.
fn judgement(runs: &Path) -> Result<Judgement, String> {
    let entries = fs::read_dir(runs).map_err(|error| format!("cannot read `{}`: {error}", runs.display()))?;
    let dir = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.is_dir())
        .ok_or_else(|| format!("there is no run in `{}`", runs.display()))?;
    let run = RunDir::open(&dir).map_err(|error| error.to_string())?;
    run.read_json(&run.verdict_path()).map_err(|error| error.to_string())
}
