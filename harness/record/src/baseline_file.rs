//! The file of a baseline: JSON with one figure a line, so that a reader of a diff sees which figure moved.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use shakedown_model::Plan;
use shakedown_model::baseline::{BASELINE_FORMAT, Baseline};
use xxhash_rust::xxh3::xxh3_64;

use crate::run_dir::{RunDirError, write_atomically};

/// Why a baseline could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file could not be read.
    #[error("cannot read the baseline `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no baseline.
    #[error(
        "`{path}` is no baseline, or damaged (line {line}); accept a run again: shakedown baseline accept RUN"
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// The baseline was written in another form.
    #[error(
        "`{path}` has form {found}, and this version reads form {BASELINE_FORMAT}; accept a run again: shakedown baseline accept RUN"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The form found.
        found: u32,
    },
}

/// Reads a baseline.
///
/// # Errors
/// When there is none, or it is damaged or of another form.
pub fn read_baseline(path: &Path) -> Result<Baseline, BaselineError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| BaselineError::Read { path: path.to_owned(), source })?;
    let baseline: Baseline = serde_json::from_str(&text).map_err(|source| BaselineError::Form {
        path: path.to_owned(),
        line: source.line(),
        source,
    })?;
    if baseline.format != BASELINE_FORMAT {
        return Err(BaselineError::Version { path: path.to_owned(), found: baseline.format });
    }
    Ok(baseline)
}

/// Writes a baseline, whole or not at all.
///
/// # Errors
/// [`RunDirError::Write`].
pub fn write(path: &Path, baseline: &Baseline) -> Result<(), RunDirError> {
    let text =
        text(baseline).map_err(|source| RunDirError::Form { path: path.to_owned(), line: 0, source })?;
    write_atomically(path, text.as_bytes())
}

fn text(baseline: &Baseline) -> Result<String, serde_json::Error> {
    let head = Baseline { figures: Vec::new(), ..baseline.clone() };
    let head = serde_json::to_string_pretty(&head)?;
    let lines: Vec<String> = baseline.figures.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    // The list of figures is the last key and empty, so its brackets end the text.
    let head = head.strip_suffix("[]\n}").expect("`figures` is the last key of a baseline");
    let rows: Vec<String> = lines.iter().map(|line| format!("    {line}")).collect();
    Ok(if rows.is_empty() {
        format!("{head}[]\n}}\n")
    } else {
        format!("{head}[\n{}\n  ]\n}}\n", rows.join(",\n"))
    })
}

/// A hash of what a plan does: without its seed, its homes, and what only judges.
#[must_use]
pub fn plan_digest(plan: &Plan) -> String {
    let mut value = serde_json::to_value(plan).expect("a plan has string keys only");
    if let Some(fields) = value.as_object_mut() {
        for key in ["seed", "about", "gates", "required"] {
            fields.remove(key);
        }
        for key in ["server", "proxy"] {
            let part: Option<&mut Map<String, Value>> = fields.get_mut(key).and_then(Value::as_object_mut);
            if let Some(part) = part {
                part.remove("home");
            }
        }
    }
    format!("{:016x}", xxh3_64(value.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shakedown_model::Seed;
    use shakedown_model::baseline::{BaselineFigure, BaselineValue, ScopeName};
    use shakedown_model::gate::{Measure, Stat};
    use shakedown_model::manifest::Machine;

    use super::*;

    fn baseline() -> Baseline {
        let figure = |group: &str| BaselineFigure {
            measure: Measure::TAll,
            scope: ScopeName::Phase("steady".into()),
            group: Some(group.into()),
            count: 40,
            censored: 0,
            mutations: 40,
            stats: BTreeMap::from([
                (Stat::P50, BaselineValue::Time(70_000_000)),
                (Stat::Max, BaselineValue::LaterThan(5)),
            ]),
        };
        Baseline {
            format: BASELINE_FORMAT,
            scenario: "s".into(),
            run: "r".into(),
            started: "2026-11-21T00:00:00Z".into(),
            accepted: "2026-11-21T01:00:00Z".into(),
            seed: Seed(7),
            plan_digest: "0".into(),
            harness: "0.1.0".into(),
            server: "embedded".into(),
            proxy: "embedded".into(),
            machine: Machine::default(),
            anyway: false,
            outline: vec!["phase steady: 20s".into()],
            figures: vec![figure("legacy"), figure("modern")],
        }
    }

    #[test]
    fn a_baseline_reads_back_and_has_a_figure_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.json");
        for baseline in [baseline(), Baseline { figures: Vec::new(), anyway: true, ..baseline() }] {
            write(&path, &baseline).unwrap();
            assert_eq!(read_baseline(&path).unwrap(), baseline);
        }
        write(&path, &baseline()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().filter(|line| line.contains("T-all")).count(), 2, "{text}");
    }

    #[test]
    fn what_is_no_baseline_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.json");
        assert!(matches!(read_baseline(&path), Err(BaselineError::Read { .. })));
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(read_baseline(&path), Err(BaselineError::Form { .. })));
        write(&path, &Baseline { format: 99, ..baseline() }).unwrap();
        assert!(matches!(read_baseline(&path), Err(BaselineError::Version { found: 99, .. })));
    }
}
