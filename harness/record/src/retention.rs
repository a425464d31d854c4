//! How many old runs are kept, and how much room they may take.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::run_dir::{RunDir, RunDirError};

/// What is kept of a folder of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The most runs.
    pub runs: usize,
    /// The most bytes that they take together.
    pub bytes: u64,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removed {
    /// The runs, oldest first.
    pub runs: Vec<PathBuf>,
    /// The bytes that they took.
    pub bytes: u64,
    /// Runs that could not be removed, with why.
    pub trouble: Vec<(PathBuf, String)>,
}

struct OldRun {
    path: PathBuf,
    written: SystemTime,
    bytes: u64,
    is_kept: bool,
}

/// Removes the oldest runs in `root` until what is left is within `keep`.
///
/// A run's age is that of its manifest, which is written last when it ends. Never removed: `newest`, which counts as
/// kept; a run that is still going; what is no run directory of this version, links among it. Such runs count, though.
///
/// # Errors
/// When `root` cannot be read; what cannot be removed is [`Removed::trouble`].
pub fn remove_old_runs(root: &Path, keep: Keep, newest: &Path) -> Result<Removed, RunDirError> {
    let fail = |source: io::Error| RunDirError::Read { path: root.to_owned(), source };
    let mut runs = Vec::new();
    for entry in fs::read_dir(root).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        // The type of the entry itself: a link to a run elsewhere is no run of this folder.
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && let Some(run) = old_run(&entry.path(), newest)
        {
            runs.push(run);
        }
    }
    runs.sort_by(|a, b| (a.written, &a.path).cmp(&(b.written, &b.path)));
    let (mut count, mut bytes) = (runs.len(), runs.iter().map(|run| run.bytes).sum::<u64>());
    let mut removed = Removed::default();
    for run in runs.into_iter().filter(|run| !run.is_kept) {
        if count <= keep.runs && bytes <= keep.bytes {
            break;
        }
        match fs::remove_dir_all(&run.path) {
            Ok(()) => {
                count -= 1;
                bytes -= run.bytes;
                removed.bytes += run.bytes;
                removed.runs.push(run.path);
            }
            Err(error) => removed.trouble.push((run.path, error.to_string())),
        }
    }
    Ok(removed)
}

/// The run in a directory; `None` when it is none of ours.
fn old_run(path: &Path, newest: &Path) -> Option<OldRun> {
    let run = RunDir::open(path).ok()?;
    let written = fs::metadata(path.join("manifest.json")).and_then(|meta| meta.modified()).ok()?;
    let is_newest = fs::canonicalize(path).ok() == fs::canonicalize(newest).ok();
    Some(OldRun {
        path: path.to_owned(),
        written,
        bytes: size_of(path),
        is_kept: is_newest || run.is_going(),
    })
}

/// The bytes of every file below; what cannot be read counts nothing.
#[must_use]
pub fn size_of(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size_of(&entry.path()),
            Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |meta| meta.len()),
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shakedown_model::Seed;
    use shakedown_model::manifest::{Manifest, RunStatus};

    use super::*;

    /// Makes a run whose manifest was written `age` seconds ago.
    fn run(root: &Path, name: &str, age: u64) -> RunDir {
        let run = RunDir::create(root, name).unwrap();
        let manifest = Manifest::new(name, "s", Seed(1));
        run.write_manifest(&Manifest { run_id: 1, status: RunStatus::Complete, ..manifest }).unwrap();
        let file = fs::File::options().write(true).open(run.path().join("manifest.json")).unwrap();
        let base = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.set_modified(base - Duration::from_secs(age)).unwrap();
        fs::write(run.path().join("history.bin"), vec![0; 100_000]).unwrap();
        run
    }

    fn names(removed: &Removed) -> Vec<String> {
        removed.runs.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    const ALL: Keep = Keep { runs: usize::MAX, bytes: u64::MAX };

    #[test]
    fn the_oldest_go_first_by_number_and_by_size() {
        let root = tempfile::tempdir().unwrap();
        for (name, age) in [("c", 1), ("a", 3), ("b", 2)] {
            drop(run(root.path(), name, age));
        }
        let newest = root.path().join("c");
        assert_eq!(remove_old_runs(root.path(), ALL, &newest).unwrap(), Removed::default());
        let removed = remove_old_runs(root.path(), Keep { runs: 2, ..ALL }, &newest).unwrap();
        assert_eq!(names(&removed), ["a"]);
        assert!(removed.bytes > 100_000);
        let removed = remove_old_runs(root.path(), Keep { bytes: 150_000, ..ALL }, &newest).unwrap();
        assert_eq!(names(&removed), ["b"]);
    }

    #[test]
    fn what_goes_on_what_is_new_and_what_is_no_run_stay() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let going = run(root.path(), "going", 9);
        drop(run(root.path(), "newest", 8));
        drop(run(root.path(), "old", 7));
        drop(run(elsewhere.path(), "linked", 9));
        std::os::unix::fs::symlink(elsewhere.path().join("linked"), root.path().join("link")).unwrap();
        fs::create_dir(root.path().join("baselines")).unwrap();
        fs::write(root.path().join("baselines/s.json"), "{}").unwrap();
        fs::create_dir(root.path().join("other")).unwrap();
        fs::write(root.path().join("other/manifest.json"), "{\"name\": \"a browser extension\"}").unwrap();
        fs::write(root.path().join("s.json"), "{}").unwrap();
        let keep = Keep { runs: 1, bytes: 0 };
        let removed = remove_old_runs(root.path(), keep, &root.path().join("newest")).unwrap();
        assert_eq!(names(&removed), ["old"]);
        for left in
            ["going", "newest", "link/manifest.json", "baselines/s.json", "other/manifest.json", "s.json"]
        {
            assert!(root.path().join(left).exists(), "{left}");
        }
        drop(going);
    }
}
