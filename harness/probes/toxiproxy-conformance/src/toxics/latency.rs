//! `latency`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::suite::{Expected, Server, Suite};
use crate::traffic::{Bench, Ending, Manner, PATIENCE, at_least, below};

pub(super) fn run(suite: &mut Suite) {
    for stream in ["upstream", "downstream"] {
        let got = delays(suite, stream);
        suite.holds(format!("latency {stream} delays a live connection, and no more once it is gone"), got);
    }
    let got = burst(suite);
    suite.holds("latency: a burst is delayed as one, not in series", got);
    let got = jitter(suite);
    suite.holds("latency: jitter spreads between latency − jitter and latency + jitter", got);
    let got = released(suite);
    suite.holds("latency: what waits is delivered at once and whole when the toxic goes", got);
    let got = delayed_end(suite);
    let expected = Expected { ours: true, toxiproxys: false };
    suite.differs(
        "latency: an end is delayed like bytes",
        "no end arrives sooner than a byte could",
        got,
        expected,
    );
    let got = attributes(suite);
    let why = "a delay may be uniform, normal or pareto";
    suite.differs(
        "latency: the attribute `distribution`",
        why,
        got,
        Expected { ours: json!("pareto"), toxiproxys: Value::Null },
    );
    if suite.server == Server::Ours {
        let got = pareto(suite);
        suite.holds("latency: pareto begins at the latency and has its mean", got);
    }
}

fn delays(suite: &Suite, stream: &str) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("latency", stream, &json!({"latency": 300}))?;
    at_least(client.round_trip(b"slow")?, 300)?;
    bench.change("latency", &json!({"attributes": {"latency": 600}}))?;
    at_least(client.round_trip(b"slower")?, 600)?;
    bench.remove("latency")?;
    // A stall of the machine may hit one of them.
    let first = client.round_trip(b"fast")?;
    let second = client.round_trip(b"fast")?;
    below(first.min(second), 600)
}

fn burst(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("latency", "downstream", &json!({"latency": 200}))?;
    let start = Instant::now();
    for n in 0..50_u8 {
        client.send(&[n])?;
        std::thread::sleep(Duration::from_millis(2));
    }
    client.receive(50)?;
    at_least(start.elapsed(), 298)?;
    below(start.elapsed(), 5_000)
}

fn jitter(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("latency", "downstream", &json!({"latency": 40, "jitter": 35}))?;
    let mut took: Vec<_> = (0..60).map(|_| client.round_trip(b"?")).collect::<Result<_, _>>()?;
    took.sort_unstable();
    at_least(took[0], 5)?;
    below(took[6], 40)?;
    at_least(took[54], 40)?;
    below(took[30], 150)
}

fn released(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("latency", "downstream", &json!({"latency": 600_000}))?;
    client.send(b"held up")?;
    let (reads, ending) = client.watch(Duration::from_millis(300))?;
    if (reads.len(), ending) != (0, Ending::Open) {
        return Err(format!("{reads:?} came and it ended {ending:?}"));
    }
    bench.remove("latency")?;
    client.receive(7)?;
    client.round_trip(b"again").map(drop)
}

fn delayed_end(suite: &Suite) -> Result<bool, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("latency", "upstream", &json!({"latency": 1_000}))?;
    let start = Instant::now();
    client.finish()?;
    let (ending, at) = bench.upstream.ending(0, PATIENCE);
    if ending != Ending::Orderly {
        return Err(format!("the upstream saw {ending:?}"));
    }
    Ok(at - start >= Duration::from_secs(1))
}

fn attributes(suite: &Suite) -> Result<Value, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    bench.toxic("latency", "downstream", &json!({"latency": 10, "jitter": 5, "distribution": "pareto"}))?;
    Ok(suite.call("GET", "/proxies/bench/toxics/latency", &Value::Null)?["attributes"]["distribution"]
        .clone())
}

fn pareto(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("latency", "downstream", &json!({"latency": 10, "jitter": 10, "distribution": "pareto"}))?;
    let mut took: Vec<_> = (0..200).map(|_| client.round_trip(b"?")).collect::<Result<_, _>>()?;
    took.sort_unstable();
    at_least(took[0], 10)?;
    // The median of such a tail is 5.2 ms above its begin, a tenth lies 23 ms above it.
    below(took[100], 40)?;
    at_least(took[190], 25)
}
