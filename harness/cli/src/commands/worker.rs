//! `worker`: a process that holds a share of a run's watchers; started by `run`, never by a person.

use crate::exit::{Exit, Failure};
use crate::logging;

/// Works for the harness at the other end of standard input, until it is told to end or the harness is gone.
pub(super) fn work() -> Result<(), Failure> {
    logging::to_stderr();
    shakedown_engine::worker_main(env!("CARGO_PKG_VERSION"))
        .map_err(|error| Failure::from_error(Exit::Missing, &error))
}
