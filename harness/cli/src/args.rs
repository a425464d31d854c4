//! What the user typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Chaos and load testing for configuration propagation.
///
/// Exit codes: 0 pass, 1 a gate failed, 2 a guarantee was violated, 3 no verdict, 64 bad scenario or usage,
/// 69 something needed is missing, 70 a defect of shakedown, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "shakedown", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario, judge it and write its report.
    Run(RunArgs),
    /// Check a scenario and report every problem in it; nothing is started.
    Validate(ScenarioArgs),
    /// Show the resolved plan of a scenario: every default, every instant; nothing is started.
    Explain(ScenarioArgs),
    /// Print the JSON Schema of scenarios.
    Schema,
    /// Judge an old run again, from its directory, and write its report anew.
    Check(CheckArgs),
    /// Run one of the embedded parts alone.
    #[command(subcommand)]
    Serve(Serve),
    /// End process groups named on standard input when it closes; for shakedown's own use.
    #[command(hide = true)]
    Guard,
}

/// A scenario and what is changed in it.
#[derive(Debug, Args)]
pub(crate) struct ScenarioArgs {
    /// The scenario file.
    pub(crate) scenario: PathBuf,
    /// Where servers come from: embedded or process (as `--set server.backend=…`).
    #[arg(long)]
    pub(crate) backend: Option<String>,
    /// Which proxy: embedded or toxiproxy (as `--set proxy.kind=…`).
    #[arg(long)]
    pub(crate) proxy: Option<String>,
    /// Set a key of the scenario, such as `watchers.legacy.count=50`; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The seed (as `--set seed=…`).
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The server home of the process backend; it holds `bin/start`.
    #[arg(long, env = "NACOS_HOME", value_name = "DIR")]
    pub(crate) nacos_home: Option<PathBuf>,
    /// The folder that holds `toxiproxy-server`.
    #[arg(long, env = "TOXIPROXY_HOME", value_name = "DIR")]
    pub(crate) toxiproxy_home: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArgs,
    /// Where run directories are made.
    #[arg(long, default_value = "reports/runs", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Print one JSON object on standard output instead of the summary.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The run directory.
    pub(crate) run: PathBuf,
    /// Print one JSON object on standard output instead of the summary.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Serve {
    /// The embedded Nacos config server, until Ctrl-C.
    Nacos {
        /// The HTTP port on 127.0.0.1; gRPC is this plus 1000.
        #[arg(long, default_value_t = 8848, value_parser = clap::value_parser!(u16).range(1..=64535))]
        port: u16,
        /// Where its content is kept; without it, in memory only.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// The embedded proxy with Toxiproxy's HTTP API, until Ctrl-C.
    Proxy {
        /// Where its API listens.
        #[arg(long, default_value = "127.0.0.1:8474")]
        api: SocketAddr,
        /// The seed of its draws.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}
