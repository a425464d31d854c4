//! `reset_peer`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::suite::{Expected, Suite};
use crate::traffic::{Bench, Ending, Manner, PATIENCE, at_least};

pub(super) fn run(suite: &mut Suite) {
    let got = fresh(suite);
    suite.holds("reset_peer: a connection that begins under it and sends is reset", got);
    let got = later(suite);
    suite.holds("reset_peer: with a timeout it is reset after that", got);
    let why = "live connections are reset when the call is answered, idle or not";
    let got = live(suite, false);
    suite.differs(
        "reset_peer on a live idle connection",
        why,
        got,
        Expected { ours: Ending::Reset, toxiproxys: Ending::Open },
    );
    let got = live(suite, true);
    suite.differs(
        "reset_peer on a live connection that receives",
        why,
        got,
        Expected { ours: Ending::Reset, toxiproxys: Ending::Orderly },
    );
    let got = upstream(suite);
    suite.differs(
        "reset_peer: the upstream of a live idle connection",
        why,
        got,
        Expected { ours: Ending::Reset, toxiproxys: Ending::Open },
    );
    let got = silent(suite);
    suite.differs(
        "reset_peer: a connection that begins under it and is silent",
        why,
        got,
        Expected { ours: Ending::Reset, toxiproxys: Ending::Open },
    );
}

fn fresh(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    bench.toxic("reset_peer", "upstream", &json!({"timeout": 0}))?;
    let mut client = bench.connect()?;
    // It may be gone already.
    let sent = client.send(b"hello");
    let ending = client.ending(PATIENCE);
    if sent.is_err() || ending == Ok(Ending::Reset) { Ok(()) } else { Err(format!("it ended {ending:?}")) }
}

fn later(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    bench.toxic("reset_peer", "upstream", &json!({"timeout": 400}))?;
    let start = Instant::now();
    let mut client = bench.connect()?;
    client.send(b"hello")?;
    let ending = client.ending(PATIENCE)?;
    if ending != Ending::Reset {
        return Err(format!("it ended {ending:?}"));
    }
    at_least(start.elapsed(), 400)
}

fn live(suite: &Suite, is_busy: bool) -> Result<Ending, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("reset_peer", "downstream", &json!({"timeout": 0}))?;
    if is_busy {
        // The echo of it, if it passes, is what sets Toxiproxy's off. A failed send takes the reset from the read.
        if client.send(b"?").is_err() {
            return Ok(Ending::Reset);
        }
    }
    client.ending(Duration::from_secs(1))
}

fn upstream(suite: &Suite) -> Result<Ending, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let _client = bench.connected()?;
    bench.toxic("reset_peer", "downstream", &json!({"timeout": 0}))?;
    Ok(bench.upstream.ending(0, Duration::from_secs(1)).0)
}

fn silent(suite: &Suite) -> Result<Ending, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    bench.toxic("reset_peer", "upstream", &json!({"timeout": 0}))?;
    bench.connect()?.ending(Duration::from_secs(1))
}
