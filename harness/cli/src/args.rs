//! What the user typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Draw the report of a judged run anew, without judging.
    Report(ReportArgs),
    /// Compare runs with the first of them: figures, guarantees, gates, and charts of all in one page.
    Compare(CompareArgs),
    /// Accept a run as the baseline of its scenario, or show one.
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Write a first scenario, with comments, that runs in under a minute.
    Init(InitArgs),
    /// Look at this machine: limits, ports, homes, container engine, what old runs left; and say what to change.
    Doctor(DoctorArgs),
    /// Plant defects in servers and clients, and see that each breaks exactly the guarantees and gates that it must.
    Selftest(SelftestArgs),
    /// Measure the floor: what the same fan-out costs on this machine over bare sockets.
    Calibrate(CalibrateArgs),
    /// Tell whether a program speaks the driver protocol, so that it can be a watcher in a scenario.
    DriverCheck(DriverCheckArgs),
    /// Run one of the embedded parts alone.
    #[command(subcommand)]
    Serve(Serve),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// A driver that polls, for shakedown's own tests.
    #[command(hide = true)]
    PollingDriver,
    /// End process groups named on standard input when it closes; for shakedown's own use.
    #[command(hide = true)]
    Guard,
    /// Hold a share of a run's watchers, as told on standard input; for shakedown's own use.
    #[command(hide = true)]
    Worker,
    /// Be a node of a run's embedded server, as told on standard input; for shakedown's own use.
    #[command(hide = true)]
    NacosNode,
    /// The watchers' side of a floor; for shakedown's own use.
    #[command(hide = true)]
    FloorPeer {
        /// Where the other side listens.
        address: SocketAddr,
    },
}

/// A scenario and what is changed in it.
#[derive(Debug, Args)]
pub(crate) struct ScenarioArgs {
    /// The scenario file.
    pub(crate) scenario: PathBuf,
    /// Where servers come from: embedded, process or container (as `--set server.backend=…`).
    #[arg(long)]
    pub(crate) backend: Option<String>,
    /// Which proxy: embedded, toxiproxy or none (as `--set proxy.kind=…`).
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
    /// The server home of the version that an `upgrade` fault puts in the nodes' place.
    #[arg(long, env = "NACOS_HOME_NEXT", value_name = "DIR")]
    pub(crate) nacos_home_next: Option<PathBuf>,
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
    /// What `baseline` in a gate means; without it the scenario's `baseline`, else reports/baselines/SCENARIO.json.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Compare with a baseline of another machine or another experiment all the same.
    #[arg(long)]
    pub(crate) baseline_anyway: bool,
    /// Measure the floor of the run's fan-outs before it, over bare sockets, and show figures as multiples of it too.
    #[arg(long)]
    pub(crate) calibrate: bool,
    /// How many runs are kept in the folder of runs, this one included; the oldest are removed after the run.
    #[arg(long, value_name = "RUNS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: u32,
    /// How much room the kept runs may take together, such as 500MiB.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = size)]
    pub(crate) keep_size: u64,
}

#[derive(Debug, Args)]
pub(crate) struct SelftestArgs {
    /// Try these planted defects alone, by name, and make the clean runs on their stages alone; may be given again.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// How many seeds the clean runs have on each stage; 0 for none.
    #[arg(long, default_value_t = 30)]
    pub(crate) seeds: u32,
    /// The first seed; every defect is planted with it.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many runs are made side by side.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) lanes: u16,
    /// Where the matrix is written, and the runs that were not as they must be.
    #[arg(long, default_value = "reports/selftest", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Print one JSON object on standard output instead of the matrix.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A size with its unit.
fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let shift = match unit.trim() {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return Err("write a whole number and B, KiB, MiB, GiB or TiB, such as 4GiB".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "it begins with a whole number".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "it is larger than any disk".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run directory.
    pub(crate) run: PathBuf,
    /// Where the report is written; without it, into the run directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Two to six run directories; the first is what the others are compared with.
    #[arg(required = true, num_args = 2..=shakedown_report::compare::MOST_RUNS, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// Compare runs of different machines or experiments, unfinished and invalid ones all the same.
    #[arg(long)]
    pub(crate) anyway: bool,
    /// Where the page and its charts are written; without it, below the last run.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print one JSON object on standard output instead of the tables.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Keep a run's figures as what gates with `baseline` compare with; replaces the one before.
    Accept {
        /// The run directory; the run must have passed.
        run: PathBuf,
        /// The baseline's name; without it, the scenario's.
        #[arg(long)]
        name: Option<String>,
        /// Where baselines lie.
        #[arg(long, default_value = "reports/baselines", value_name = "DIR")]
        dir: PathBuf,
        /// Accept a run that a gate failed, or that has no verdict on one; never an unfinished or invalid one.
        #[arg(long)]
        anyway: bool,
    },
    /// Show a baseline, or list all.
    Show {
        /// The baseline's name, or its file.
        name: Option<String>,
        /// Where baselines lie.
        #[arg(long, default_value = "reports/baselines", value_name = "DIR")]
        dir: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where it is written: a file that ends in .yaml, or a folder, in which it is called first.yaml.
    #[arg(default_value = ".", value_name = "DIR or FILE")]
    pub(crate) path: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// A scenario whose needs are compared with what there is.
    pub(crate) scenario: Option<PathBuf>,
    /// Where run directories are made.
    #[arg(long, default_value = "reports/runs", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Remove the containers, networks and volumes of runs whose harness is gone; those of others stay.
    #[arg(long)]
    pub(crate) sweep: bool,
    /// Set a key of the scenario; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "scenario")]
    pub(crate) set: Vec<String>,
    /// The server home that would be used.
    #[arg(long, env = "NACOS_HOME", value_name = "DIR")]
    pub(crate) nacos_home: Option<PathBuf>,
    /// The folder of Toxiproxy that would be used.
    #[arg(long, env = "TOXIPROXY_HOME", value_name = "DIR")]
    pub(crate) toxiproxy_home: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// A scenario whose fan-outs are measured: for each protocol the item with the most listeners.
    #[arg(conflicts_with_all = ["connections", "payload"])]
    pub(crate) scenario: Option<PathBuf>,
    /// Set a key of the scenario; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "scenario")]
    pub(crate) set: Vec<String>,
    /// How many connections a message goes to.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=18_000))]
    pub(crate) connections: u32,
    /// The content's size.
    #[arg(long, value_name = "SIZE", default_value = "256B", value_parser = payload)]
    pub(crate) payload: u32,
    /// How many rounds, after one that warms up.
    #[arg(long, default_value_t = shakedown_floor::ROUNDS, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rounds: u32,
    /// Print one JSON object on standard output instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The size of a content: at most what Nacos takes, 10 MiB (nacos-facts.md §2.6).
fn payload(text: &str) -> Result<u32, String> {
    u32::try_from(size(text)?)
        .ok()
        .filter(|bytes| *bytes <= 10 << 20)
        .ok_or_else(|| "at most 10MiB".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct DriverCheckArgs {
    /// A driver that comes with shakedown, such as go.
    #[arg(required_unless_present = "command", conflicts_with = "command")]
    pub(crate) name: Option<String>,
    /// Which Nacos the driver is checked against: 2.x or 3.x.
    #[arg(long, value_enum, default_value_t = NacosMode::V2)]
    pub(crate) mode: NacosMode,
    /// A program of your own with its arguments, after `--`.
    #[arg(last = true, value_name = "PROGRAM")]
    pub(crate) command: Vec<String>,
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
    Nacos(NacosArgs),
    /// The embedded proxy with Toxiproxy's HTTP API, until Ctrl-C.
    Proxy {
        /// Where its API listens.
        #[arg(long, default_value = "127.0.0.1:8474")]
        api: SocketAddr,
        /// Proxies to begin with: a JSON list as `toxiproxy-server -config` reads it.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The seed of its draws.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// How the embedded Nacos is served.
#[derive(Debug, Args)]
pub(crate) struct NacosArgs {
    /// The HTTP port on 127.0.0.1; gRPC is this plus 1000.
    #[arg(long, default_value_t = 8848, value_parser = clap::value_parser!(u16).range(1..=64535))]
    pub(crate) port: u16,
    /// How many nodes over one database; each further one listens 10 ports higher.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub(crate) nodes: u16,
    /// Where its content is kept; without it, in memory only.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Which Nacos it imitates: 2.x, or 3.x with its v3 HTTP, whose admin API needs a login.
    #[arg(long, value_enum, default_value_t = NacosMode::V2)]
    pub(crate) mode: NacosMode,
    /// A write is visible at once, and not at the next tick of 100 ms.
    #[arg(long)]
    pub(crate) no_dump_tick: bool,
    /// Every call needs a login.
    #[arg(long)]
    pub(crate) auth: bool,
    /// The administrator's name, where a login is needed.
    #[arg(long, default_value = "nacos")]
    pub(crate) username: String,
    /// The administrator's password.
    #[arg(long, default_value = "nacos", env = "NACOS_PASSWORD", hide_env_values = true)]
    pub(crate) password: String,
}

/// A generation of Nacos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NacosMode {
    /// 2.x.
    #[value(name = "2")]
    V2,
    /// 3.x.
    #[value(name = "3")]
    V3,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(size("4GiB"), Ok(4 << 30));
        assert_eq!(size("500MiB"), Ok(500 << 20));
        for wrong in ["4", "4GB", "GiB", "-1GiB", "99999999TiB", ""] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
