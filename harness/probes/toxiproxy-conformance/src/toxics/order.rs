//! Several toxics on one stream: they act in the order in which they were added.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::suite::Suite;
use crate::traffic::{Bench, Ending, Manner, PATIENCE, at_least, below};

/// How often a bound from above is tried: others may have the machine.
const TRIES: usize = 5;

pub(super) fn run(suite: &mut Suite) {
    let got = behind(suite);
    suite.holds("latency, then bandwidth: their times add up", got);
    let got = ahead(suite);
    suite.holds("bandwidth, then latency: the latency counts from the arrival", got);
    let got = limited(suite);
    suite.holds("slow_close behind limit_data delays its close", got);
    let got = twice(suite);
    suite.holds("two latencies add up", got);
}

fn echo<'a>(suite: &'a Suite, toxics: [(&str, serde_json::Value); 2]) -> Result<Bench<'a>, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    for (kind, attributes) in toxics {
        bench.toxic(kind, "downstream", &attributes)?;
    }
    Ok(bench)
}

fn behind(suite: &Suite) -> Result<(), String> {
    let bench = echo(suite, [("latency", json!({"latency": 300})), ("bandwidth", json!({"rate": 1}))])?;
    at_least(bench.connect()?.round_trip(&[1; 300])?, 600)
}

fn ahead(suite: &Suite) -> Result<(), String> {
    let bench = echo(suite, [("bandwidth", json!({"rate": 1})), ("latency", json!({"latency": 300}))])?;
    let mut took = Vec::new();
    for _ in 0..TRIES {
        took.push(bench.connect()?.round_trip(&[1; 300])?);
    }
    let least = took.iter().min().copied().unwrap_or_default();
    at_least(least, 300)?;
    below(least, 560)
}

fn limited(suite: &Suite) -> Result<(), String> {
    let bench = echo(suite, [("limit_data", json!({"bytes": 10})), ("slow_close", json!({"delay": 500}))])?;
    let start = Instant::now();
    let mut client = bench.connect()?;
    client.send(&[1; 20])?;
    client.receive(10)?;
    let (reads, ending) = client.watch(PATIENCE)?;
    if (reads.len(), ending) != (0, Ending::Orderly) {
        return Err(format!("{reads:?} came after the limit, and it ended {ending:?}"));
    }
    at_least(start.elapsed(), 500)
}

fn twice(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    for name in ["one", "two"] {
        let body = json!({"name": name, "type": "latency", "attributes": {"latency": 200}});
        suite.call("POST", "/proxies/bench/toxics", &body)?;
    }
    let took = bench.connect()?.round_trip(b"?")?;
    at_least(took, 400)?;
    below(took, Duration::from_secs(5).as_millis().try_into().unwrap_or(u64::MAX))
}
