//! `limit_data`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::suite::{Expected, Suite};
use crate::traffic::{Bench, Ending, Manner, PATIENCE, at_least};

pub(super) fn run(suite: &mut Suite) {
    let got = limited(suite, "downstream");
    suite.same("limit_data downstream: 100 of 250 bytes, then an orderly end", got, &(100, Ending::Orderly));
    let got = limited(suite, "upstream");
    suite.same("limit_data upstream: 100 of 250 bytes reach the upstream", got.map(|got| got.0), &100);
    let got = kept(suite);
    suite.holds(
        "limit_data: an update and other toxics do not count anew; each connection counts for itself",
        got,
    );
    let got = drained(suite);
    suite.holds("limit_data upstream: an answer under way downstream is delivered before the close", got);
    let got = idle(suite);
    let why = "a reached limit ends idle connections, too";
    suite.differs(
        "limit_data of 0 on an idle connection",
        why,
        got,
        Expected { ours: Ending::Orderly, toxiproxys: Ending::Open },
    );
}

/// How many bytes the other side got, and how the client's connection ended.
fn limited(suite: &Suite, stream: &str) -> Result<(usize, Ending), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("limit_data", stream, &json!({"bytes": 100}))?;
    client.send(&[1; 250])?;
    let (reads, ending) = client.watch(PATIENCE)?;
    if stream == "downstream" {
        return Ok((reads.iter().sum(), ending));
    }
    bench.upstream.ending(0, PATIENCE);
    Ok((bench.upstream.seen()[0].bytes - 5, ending))
}

fn kept(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let (mut first, mut second) = (bench.connected()?, bench.connected()?);
    bench.toxic("limit_data", "downstream", &json!({"bytes": 50}))?;
    first.round_trip(&[1; 30])?;
    second.round_trip(&[1; 10])?;
    bench.toxic("noop", "downstream", &json!({}))?;
    bench.change("limit_data", &json!({"attributes": {"bytes": 60}}))?;
    for (client, left) in [(&mut first, 30), (&mut second, 50)] {
        client.send(&[1; 200])?;
        let (reads, ending) = client.watch(PATIENCE)?;
        let got = reads.iter().sum::<usize>();
        if (got, ending) != (left, Ending::Orderly) {
            return Err(format!("{got} bytes where {left} were left, then {ending:?}"));
        }
    }
    Ok(())
}

fn drained(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    bench.toxic("latency", "downstream", &json!({"latency": 1_500}))?;
    bench.toxic("limit_data", "upstream", &json!({"bytes": 10}))?;
    let mut client = bench.connect()?;
    let start = Instant::now();
    client.send(b"answer")?;
    // Its answer is on the way back when the limit is reached.
    std::thread::sleep(Duration::from_millis(700));
    client.send(&[1; 100])?;
    let (reads, ending) = client.watch(PATIENCE)?;
    let got = reads.iter().sum::<usize>();
    // Whether what just fitted into the limit is answered, too, is a race of the upstream.
    if !(6..=10).contains(&got) || ending != Ending::Orderly {
        return Err(format!("{got} bytes, then {ending:?}"));
    }
    at_least(start.elapsed(), 1_500)
}

fn idle(suite: &Suite) -> Result<Ending, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("limit_data", "downstream", &json!({"bytes": 0}))?;
    client.ending(Duration::from_secs(1))
}
