//! The `shakedown` command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    shakedown_cli::main()
}
