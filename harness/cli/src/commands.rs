//! One file per command; this one picks it and turns its end into an exit code.

mod baseline;
mod calibrate;
mod check;
mod compare;
mod completions;
mod doctor;
mod driver_check;
mod init;
mod plan;
mod polling_driver;
mod report;
mod run;
mod selftest;
mod serve;
mod worker;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use crate::args::{BaselineCommand, Cli, Command, Serve};
use crate::exit::{Exit, Failure};
use crate::output::complain;

/// Runs the command line and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap knows where each belongs.
            let is_wanted = !error.use_stderr();
            drop(error.print());
            return if is_wanted { ExitCode::SUCCESS } else { ExitCode::from(Exit::Usage as u8) };
        }
    };
    // The panic's own message names the place; what is left to say is whose fault it is.
    let end = std::panic::catch_unwind(|| carry_out(cli.command)).unwrap_or_else(|_| {
        Err(Failure::new(
            Exit::Defect,
            "a defect of shakedown, see above; please report it, with the run directory if there is one",
        ))
    });
    end.unwrap_or_else(|failure| {
        complain(&failure.to_string());
        failure.code()
    })
}

fn carry_out(command: Command) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        Command::Run(args) => run::run(&args),
        Command::Validate(args) => plan::validate(&args).map(done),
        Command::Explain(args) => plan::explain(&args).map(done),
        Command::Schema => plan::schema().map(done),
        Command::Check(args) => check::check(&args),
        Command::Report(args) => report::report(&args).map(done),
        Command::Compare(args) => compare::compare(&args).map(done),
        Command::Baseline(BaselineCommand::Accept { run, name, dir, anyway }) => {
            baseline::accept(&run, name.as_deref(), &dir, anyway).map(done)
        }
        Command::Baseline(BaselineCommand::Show { name, dir }) => {
            baseline::show(name.as_deref(), &dir).map(done)
        }
        Command::Init(args) => init::init(&args.path).map(done),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Selftest(args) => selftest::selftest(&args),
        Command::Calibrate(args) => calibrate::calibrate(&args).map(done),
        Command::DriverCheck(args) => driver_check::driver_check(&args),
        Command::Completions { shell } => completions::print(shell).map(done),
        Command::Serve(Serve::Nacos(args)) => serve::nacos(args).map(done),
        Command::Serve(Serve::Proxy { api, config, seed }) => {
            serve::proxy(api, config.as_deref(), seed).map(done)
        }
        Command::PollingDriver => runtime()?.block_on(polling_driver::speak()).map(done),
        Command::FloorPeer { address } => calibrate::peer(address).map(done),
        Command::Worker => worker::work().map(done),
        Command::NacosNode => serve::node().map(done),
        Command::Guard => {
            shakedown_topology::guard_main();
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The runtime of a run: one worker per processor.
fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Missing, format!("cannot start the runtime's threads: {error}")))
}
