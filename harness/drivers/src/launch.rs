//! How a driver is started, and who ends it when the harness is gone.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;

/// How a driver is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The driver's name, for messages and logs.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What its environment has beside what is inherited.
    pub environment: Vec<(String, String)>,
    /// Whether it runs in the harness' own folder, as a user's own command does, whose arguments may be relative paths;
    /// else in a scratch folder of the run.
    pub runs_here: bool,
}

impl Launch {
    /// A program of the user's own; a path with a `/` in it is taken from the current folder on, as a shell takes it.
    ///
    /// # Panics
    /// Never; an empty command, which no plan has, names the empty program.
    #[must_use]
    pub fn own(name: &str, command: &[String]) -> Self {
        let program = command.first().map_or("", String::as_str);
        let program = if program.contains('/') {
            std::path::absolute(program).unwrap_or_else(|_| PathBuf::from(program))
        } else {
            PathBuf::from(program)
        };
        let arguments = command.iter().skip(1).cloned().collect();
        Self { name: name.to_owned(), program, arguments, environment: Vec::new(), runs_here: true }
    }

    /// The command as one would type it.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut shown = self.program.display().to_string();
        for argument in &self.arguments {
            shown.push(' ');
            shown.push_str(argument);
        }
        shown
    }
}

/// Ends process groups when the harness is gone, however it ended.
pub trait ProcessGuard: Debug + Send + Sync {
    /// Names a process group that must not outlive the harness.
    ///
    /// # Errors
    /// The guard is gone.
    fn watch(&self, group: u32) -> io::Result<()>;

    /// Takes back a group that has ended.
    fn forget(&self, group: u32);
}
