//! What old runs left: runs that never ended, processes of them, and the room that all take.

use std::fs;
use std::path::{Path, PathBuf};

use shakedown_model::manifest::RunStatus;
use shakedown_record::{RunDir, size_of};

use super::finding::Finding;

/// A run of an hour may write this much.
const ROOM: u64 = 2 << 30;
/// Below this a short run fails.
const LEAST_ROOM: u64 = 256 << 20;

/// Room, runs and processes.
pub(super) fn findings(runs: &Path) -> Vec<Finding> {
    let found = runs_in(runs);
    vec![room(runs), unfinished(&found), processes(runs, &found)]
}

fn runs_in(folder: &Path) -> Vec<RunDir> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| RunDir::open(path).ok()).collect()
}

fn room(runs: &Path) -> Finding {
    const NAME: &str = "disk";
    // The folder may not be there yet; its nearest parent lies on the same disk.
    let existing = runs.ancestors().find(|path| path.exists()).filter(|path| !path.as_os_str().is_empty());
    let existing = existing.unwrap_or(Path::new("."));
    let Ok(disk) = rustix::fs::statvfs(existing) else {
        return Finding::warn(
            NAME,
            format!("{} cannot be looked at", existing.display()),
            "name another folder: --out",
        );
    };
    let free = disk.f_bavail * disk.f_frsize;
    let taken = size_of(runs);
    let found =
        format!("{} MiB free for {}, whose runs take {} MiB", free >> 20, runs.display(), taken >> 20);
    let change = "make room, name another folder with --out, or keep fewer runs with --keep and --keep-size";
    match free {
        0..LEAST_ROOM => Finding::fail(NAME, found, change),
        LEAST_ROOM..ROOM => Finding::warn(NAME, found, change),
        ROOM.. => Finding::ok(NAME, found),
    }
}

/// Runs whose manifest says that they go on, while nobody holds them.
fn unfinished(runs: &[RunDir]) -> Finding {
    const NAME: &str = "unfinished runs";
    let says_running =
        |run: &&RunDir| run.manifest().is_ok_and(|manifest| manifest.status == RunStatus::Running);
    let (going, dead): (Vec<&RunDir>, Vec<&RunDir>) =
        runs.iter().filter(says_running).partition(|run| run.is_going());
    if dead.is_empty() {
        let going = if going.is_empty() { String::new() } else { format!("; {} under way", going.len()) };
        return Finding::ok(NAME, format!("none{going}"));
    }
    let names: Vec<String> = dead.iter().map(|run| run.path().display().to_string()).collect();
    Finding::warn(
        NAME,
        format!("the harness was killed in {}", names.join(", ")),
        "judge what was recorded with `shakedown check RUN`, or remove the directory",
    )
}

/// Processes that work in a run directory which nobody holds any more.
fn processes(folder: &Path, runs: &[RunDir]) -> Finding {
    const NAME: &str = "orphans";
    let Ok(folder) = fs::canonicalize(folder) else { return Finding::ok(NAME, "no process of an old run") };
    let dead: Vec<PathBuf> = runs
        .iter()
        .filter(|run| !run.is_going())
        .filter_map(|run| Some(folder.join(run.path().file_name()?)))
        .collect();
    let found: Vec<String> = processes_naming(&dead);
    if found.is_empty() {
        return Finding::ok(NAME, "no process of an old run");
    }
    Finding::warn(NAME, found.join("; "), "end each with `kill PID` if it is nobody's")
}

/// Processes whose arguments name a file below one of `folders`, or which work in one, as `PID (name)`.
fn processes_naming(folders: &[PathBuf]) -> Vec<String> {
    let own = std::process::id().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut found = Vec::new();
    for entry in entries {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if pid == own || !pid.chars().all(|c| c.is_ascii_digit()) {
            continue;
        }
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments);
        let works_in = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        let names = |folder: &PathBuf| {
            let below = format!("{}/", folder.display());
            works_in.starts_with(folder) || arguments.split('\0').any(|argument| argument.contains(&below))
        };
        if let Some(folder) = folders.iter().find(|folder| names(folder)) {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            let run = folder.file_name().unwrap_or_default().to_string_lossy();
            found.push(format!("{pid} ({}) of {run}", name.trim()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_process_that_works_in_a_folder_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(dir.path()).unwrap();
        assert_eq!(processes_naming(std::slice::from_ref(&folder)), [""; 0]);
        let mut child =
            Command::new("sleep").arg("60").current_dir(&folder).stdin(Stdio::null()).spawn().unwrap();
        let found = processes_naming(&[folder]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("sleep"), "{found:?}");
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_on_the_disk_of_its_parent() {
        let dir = tempfile::tempdir().unwrap();
        let findings = findings(&dir.path().join("a/b"));
        assert_eq!(findings.len(), 3);
        assert!(findings.iter().skip(1).all(|finding| finding.level == Level::Ok), "{findings:?}");
    }
}
