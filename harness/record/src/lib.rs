//! The run directory: clock, history, manifest. The contract between running, judging and showing.
