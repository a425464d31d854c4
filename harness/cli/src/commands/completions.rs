//! `completions`: a script that completes commands and options in a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::{Exit, Failure};
use crate::output::say;

/// Prints the script for `shell`.
pub(super) fn print(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "shakedown", &mut script);
    let script = String::from_utf8(script).map_err(|error| Failure::from_error(Exit::Defect, &error))?;
    say(&script);
    Ok(())
}
