//! `init`: a first scenario, to be read and changed.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};
use crate::output::say;

/// What is written.
const FIRST: &str = include_str!("init/first.yaml");

/// Writes the scenario to `path`, a file that ends in `.yaml` or `.yml`, or into the folder `path`.
pub(super) fn init(path: &Path) -> Result<(), Failure> {
    let file = place(path);
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    }
    let made = OpenOptions::new().write(true).create_new(true).open(&file);
    let mut out = made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new(
            Exit::Usage,
            format!("`{}` is there already and is left as it is; name another file", file.display()),
        ),
        _ => unwritable(&file, &error),
    })?;
    out.write_all(FIRST.as_bytes()).map_err(|error| unwritable(&file, &error))?;
    let file = file.display();
    say(&format!(
        "{file}: written. Next:\n\n  \
         shakedown validate {file}     every problem at once, with its line\n  \
         shakedown explain {file}      the resolved plan: every default, every instant\n  \
         shakedown run {file}          under a minute; the report's path is printed last\n  \
         shakedown doctor {file}       what this machine lacks for it, if anything\n\n\
         Once a run is as it should be, keep it as what later runs must not fall behind:\n\n  \
         shakedown baseline accept reports/runs/RUN"
    ));
    Ok(())
}

fn place(path: &Path) -> PathBuf {
    let is_file = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    if is_file { path.to_owned() } else { path.join("first.yaml") }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Missing, format!("cannot write `{}`: {error}; name another place", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gets_a_file_and_a_file_is_taken_as_it_is() {
        assert_eq!(place(Path::new("a/b.yaml")), Path::new("a/b.yaml"));
        assert_eq!(place(Path::new("a/b.yml")), Path::new("a/b.yml"));
        assert_eq!(place(Path::new(".")), Path::new("./first.yaml"));
        assert_eq!(place(Path::new("a.d")), Path::new("a.d/first.yaml"));
    }
}
