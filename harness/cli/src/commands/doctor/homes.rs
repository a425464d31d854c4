//! Homes of real servers and proxies, and the languages of real clients.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shakedown_model::Plan;
use shakedown_model::plan::{Backend, ProxyKind, ProxyPlace};

use super::finding::Finding;
use crate::args::DoctorArgs;

/// A program that does not say its version by then is not waited for.
const VERSION_PATIENCE: Duration = Duration::from_secs(5);

/// Homes, then languages.
pub(super) fn findings(args: &DoctorArgs, plan: Option<&Plan>) -> Vec<Finding> {
    let nacos = plan.and_then(|plan| plan.server.home.as_deref()).or(args.nacos_home.as_deref());
    let toxiproxy = plan.and_then(|plan| plan.proxy.home.as_deref()).or(args.toxiproxy_home.as_deref());
    let needs_nacos = plan.is_some_and(|plan| plan.server.backend == Backend::Process);
    let needs_toxiproxy = plan.is_some_and(|plan| {
        plan.proxy.kind == ProxyKind::Toxiproxy && plan.proxy.place == ProxyPlace::Process
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    vec![nacos_home(nacos, needs_nacos), toxiproxy_home(toxiproxy, needs_toxiproxy), languages(&path)]
}

fn nacos_home(home: Option<&Path>, is_needed: bool) -> Finding {
    const NAME: &str = "NACOS_HOME";
    let change = "name a folder whose `bin/start PORT DATA_DIR` runs a Nacos server in the foreground";
    let Some(home) = home else { return unset(NAME, is_needed, change) };
    let start = home.join("bin/start");
    if is_program(&start) {
        return Finding::ok(NAME, format!("{} has bin/start{}", home.display(), version_in_name(home)));
    }
    broken(NAME, is_needed, format!("{} has no bin/start that can be run", home.display()), change)
}

fn toxiproxy_home(home: Option<&Path>, is_needed: bool) -> Finding {
    const NAME: &str = "TOXIPROXY_HOME";
    let change = "name the folder that holds `toxiproxy-server` 2.x";
    let Some(home) = home else { return unset(NAME, is_needed, change) };
    let server = home.join("toxiproxy-server");
    if !is_program(&server) {
        let found = format!("{} has no toxiproxy-server that can be run", home.display());
        return broken(NAME, is_needed, found, change);
    }
    match first_line_of(Command::new(server).arg("--version")) {
        Some(version) => Finding::ok(NAME, format!("{}: {version}", home.display())),
        None => broken(
            NAME,
            is_needed,
            format!("the toxiproxy-server in {} does not tell its version", home.display()),
            "is it built for this machine? run it with --version",
        ),
    }
}

fn unset(name: &'static str, is_needed: bool, change: &str) -> Finding {
    if is_needed {
        return Finding::fail(name, "not set, and the scenario needs it", change);
    }
    Finding::ok(name, "not set; only needed for the real one as a process")
}

fn broken(name: &'static str, is_needed: bool, found: String, change: &str) -> Finding {
    if is_needed { Finding::fail(name, found, change) } else { Finding::warn(name, found, change) }
}

/// A version that the folder's name ends in, as the archives of releases unpack.
fn version_in_name(home: &Path) -> String {
    let name = home.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let version =
        name.rsplit(['-', '_']).next().filter(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    version.map_or_else(String::new, |version| format!(", {version} by its name"))
}

/// Which languages of official SDKs there are: information only.
fn languages(path: &OsStr) -> Finding {
    let found: Vec<&str> = ["java", "go", "node", "python3"]
        .into_iter()
        .filter(|name| std::env::split_paths(path).any(|folder| is_program(&folder.join(name))))
        .collect();
    let text = if found.is_empty() { "none of java, go, node, python3".to_owned() } else { found.join(", ") };
    Finding::ok("languages", format!("{text}; a Nacos home may need java"))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// What a program prints first, if it ends in time.
fn first_line_of(command: &mut Command) -> Option<String> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let deadline = Instant::now() + VERSION_PATIENCE;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > deadline {
            drop(child.kill());
            drop(child.wait());
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn program(path: &Path, script: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_home_is_looked_into() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("nacos-2.5.0");
        assert_eq!(nacos_home(None, false).level, Level::Ok);
        assert_eq!(nacos_home(None, true).level, Level::Fail);
        assert_eq!(nacos_home(Some(&home), false).level, Level::Warn);
        program(&home.join("bin/start"), "exit 0");
        let found = nacos_home(Some(&home), true);
        assert!(found.level == Level::Ok && found.lines(false).contains("2.5.0 by its name"));
    }

    #[test]
    fn toxiproxy_tells_its_version() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(toxiproxy_home(Some(dir.path()), true).level, Level::Fail);
        program(&dir.path().join("toxiproxy-server"), "echo toxiproxy-server version 2.12.0");
        assert!(toxiproxy_home(Some(dir.path()), true).lines(false).contains("2.12.0"));
        program(&dir.path().join("toxiproxy-server"), "exit 1");
        assert_eq!(toxiproxy_home(Some(dir.path()), false).level, Level::Warn);
    }
}
