//! The command line: the only place that knows clap, standard output, exit codes and rendered diagnostics.
//!
//! It measures, judges and draws nothing: it asks the crates that do, and says what they answered. Start at
//! `commands`, one file per command. Standard output belongs to results, standard error to progress.

mod args;
mod commands;
mod exit;
mod judged;
mod logging;
mod output;
mod progress;
mod redaction;
mod stop;

pub use commands::main;
