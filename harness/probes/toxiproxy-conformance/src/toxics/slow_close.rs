//! `slow_close`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::suite::Suite;
use crate::traffic::{Bench, Ending, Manner, PATIENCE, at_least, below};

pub(super) fn run(suite: &mut Suite) {
    let got = delayed(suite);
    suite.holds("slow_close downstream: bytes pass, the end comes 1 s later", got);
    let got = upstream(suite);
    suite.holds("slow_close upstream: so does the client's end", got);
    let got = removed(suite);
    suite.holds("slow_close: without it a waiting end passes at once", got);
}

fn hi(suite: &Suite, delay: u64) -> Result<Bench<'_>, String> {
    let bench = Bench::new(suite, Manner::HiAndEnd)?;
    bench.toxic("slow_close", "downstream", &json!({ "delay": delay }))?;
    Ok(bench)
}

fn delayed(suite: &Suite) -> Result<(), String> {
    let bench = hi(suite, 3_000)?;
    let start = Instant::now();
    let mut client = bench.connect()?;
    client.receive(2)?;
    below(start.elapsed(), 2_900)?;
    orderly(client.ending(PATIENCE)?)?;
    at_least(start.elapsed(), 3_000)
}

fn upstream(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    bench.toxic("slow_close", "upstream", &json!({"delay": 500}))?;
    let mut client = bench.connected()?;
    let start = Instant::now();
    client.finish()?;
    let (ending, at) = bench.upstream.ending(0, PATIENCE);
    orderly(ending)?;
    at_least(at - start, 500)
}

fn removed(suite: &Suite) -> Result<(), String> {
    let bench = hi(suite, 600_000)?;
    let mut client = bench.connect()?;
    client.receive(2)?;
    let open = client.ending(Duration::from_millis(200))?;
    if open != Ending::Open {
        return Err(format!("it ended {open:?} too soon"));
    }
    bench.remove("slow_close")?;
    orderly(client.ending(PATIENCE)?)
}

fn orderly(ending: Ending) -> Result<(), String> {
    if ending == Ending::Orderly { Ok(()) } else { Err(format!("it ended {ending:?}")) }
}
