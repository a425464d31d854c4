//! The rows of the table, and how one is held: the same of both servers, or of each its own with the reason.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Which server is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Ours,
    Toxiproxy,
}

/// What came of one row.
enum Verdict {
    Same,
    Differs { why: &'static str, ours: String, toxiproxys: String },
    Failed(String),
}

/// A server under trial, and the rows so far.
pub(crate) struct Suite {
    pub(crate) server: Server,
    pub(crate) api: SocketAddr,
    rows: Vec<(String, Verdict)>,
}

/// What is expected where the servers differ.
pub(crate) struct Expected<T> {
    pub(crate) ours: T,
    pub(crate) toxiproxys: T,
}

impl Suite {
    pub(crate) fn new(server: Server, api: SocketAddr) -> Self {
        Self { server, api, rows: Vec::new() }
    }

    /// Both servers do this.
    pub(crate) fn holds(&mut self, name: impl Into<String>, outcome: Result<(), String>) {
        let verdict = outcome.map_or_else(Verdict::Failed, |()| Verdict::Same);
        self.row(name.into(), verdict);
    }

    /// Both servers give this.
    pub(crate) fn same<T: PartialEq + Debug>(
        &mut self,
        name: impl Into<String>,
        got: Result<T, String>,
        wanted: &T,
    ) {
        self.holds(name, got.and_then(|got| equal(&got, wanted)));
    }

    /// Each server gives its own, on purpose.
    pub(crate) fn differs<T: PartialEq + Debug>(
        &mut self,
        name: impl Into<String>,
        why: &'static str,
        got: Result<T, String>,
        expected: Expected<T>,
    ) {
        let wanted = match self.server {
            Server::Ours => &expected.ours,
            Server::Toxiproxy => &expected.toxiproxys,
        };
        let verdict = match got.and_then(|got| equal(&got, wanted)) {
            Err(why) => Verdict::Failed(why),
            Ok(()) => Verdict::Differs {
                why,
                ours: format!("{:?}", expected.ours),
                toxiproxys: format!("{:?}", expected.toxiproxys),
            },
        };
        self.row(name.into(), verdict);
    }

    fn row(&mut self, name: String, verdict: Verdict) {
        match &verdict {
            Verdict::Same => println!("  same     {name}"),
            Verdict::Differs { why, ours, toxiproxys } => {
                println!("  differs  {name}: {why} (ours {ours}, Toxiproxy {toxiproxys})");
            }
            Verdict::Failed(why) => println!("  FAILED   {name}: {why}"),
        }
        self.rows.push((name, verdict));
    }

    /// The last lines of the table, and the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let count = |wanted: fn(&Verdict) -> bool| self.rows.iter().filter(|row| wanted(&row.1)).count();
        let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
        println!(
            "{} rows on {}: {} the same as Toxiproxy 2.12, {} different on purpose, {failed} failed",
            self.rows.len(),
            match self.server {
                Server::Ours => "shakedown's proxy",
                Server::Toxiproxy => "Toxiproxy",
            },
            count(|verdict| matches!(verdict, Verdict::Same)),
            count(|verdict| matches!(verdict, Verdict::Differs { .. })),
        );
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn equal<T: PartialEq + Debug>(got: &T, wanted: &T) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("got {got:?}, wanted {wanted:?}")) }
}
