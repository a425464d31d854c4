//! The command line: the only place that knows clap, standard output, exit codes and rendered diagnostics.
//!
//! Start at [`commands`], one file per command. Standard output belongs to results, standard error to progress.

mod args;
pub mod commands;
pub mod exit;
mod logging;
mod progress;
mod stop;

pub use commands::main;
