//! `bandwidth`.

use std::time::Duration;

use serde_json::json;

use crate::suite::Suite;
use crate::traffic::{Bench, Ending, Manner, at_least, below};

pub(super) fn run(suite: &mut Suite) {
    let got = download(suite);
    suite.holds("bandwidth downstream: 300 KB at 200 KB/s take 1.5 s", got);
    let got = upload(suite);
    suite.holds("bandwidth upstream: 200 KB at 200 KB/s take 1 s there and back", got);
    let got = raised(suite);
    suite.holds("bandwidth: a raised rate and no rate count for what waits", got);
    let got = zero(suite);
    suite.holds("bandwidth: a rate of 0 holds everything and loses nothing", got);
}

/// A proxy whose upstream sends at once, with the toxic in force before the first connection.
fn slow<'a>(suite: &'a Suite, bytes: usize, rate: u64) -> Result<Bench<'a>, String> {
    let bench = Bench::new(suite, Manner::Send(bytes))?;
    bench.toxic("bandwidth", "downstream", &json!({ "rate": rate }))?;
    Ok(bench)
}

fn download(suite: &Suite) -> Result<(), String> {
    let took = slow(suite, 300_000, 200)?.connect()?.receive(300_000)?;
    at_least(took, 1_350)?;
    below(took, 5_000)
}

fn upload(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("bandwidth", "upstream", &json!({"rate": 200}))?;
    let took = client.round_trip(&vec![1; 200_000])?;
    at_least(took, 900)?;
    below(took, 5_000)
}

fn raised(suite: &Suite) -> Result<(), String> {
    let bench = slow(suite, 60_000, 1)?;
    let mut client = bench.connect()?;
    client.receive(300)?;
    bench.change("bandwidth", &json!({"attributes": {"rate": 20}}))?;
    client.receive(10_000)?;
    bench.remove("bandwidth")?;
    // At 1 KB/s this were a minute.
    below(client.receive(60_000 - 10_300)?, 15_000)
}

fn zero(suite: &Suite) -> Result<(), String> {
    let bench = slow(suite, 10_000, 0)?;
    let mut client = bench.connect()?;
    let (reads, ending) = client.watch(Duration::from_millis(400))?;
    if (reads.len(), ending) != (0, Ending::Open) {
        return Err(format!("{reads:?} came and it ended {ending:?}"));
    }
    bench.remove("bandwidth")?;
    client.receive(10_000).map(drop)
}
