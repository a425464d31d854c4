//! `timeout`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::suite::{Expected, Suite};
use crate::traffic::{Bench, Ending, Manner, PATIENCE, at_least};

pub(super) fn run(suite: &mut Suite) {
    let got = dropped(suite);
    suite.holds(
        "timeout of 0: bytes are dropped, the connection stays, and is closed when the toxic goes",
        got,
    );
    let got = idle(suite);
    suite.holds("timeout: an idle connection is closed after it", got);
    let got = fresh(suite);
    suite.holds("timeout: so is a connection that begins under it", got);
    let got = put_off(suite);
    suite.holds("timeout: bytes put the close off", got);
    let got = end(suite);
    suite.holds("timeout: an end passes at once", got);
    let got = untouched(suite);
    let why = "its removal closes only the connections that it touched";
    suite.differs(
        "timeout of toxicity 0, removed",
        why,
        got,
        Expected { ours: Ending::Open, toxiproxys: Ending::Orderly },
    );
}

fn dropped(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("timeout", "upstream", &json!({"timeout": 0}))?;
    client.send(b"to nobody")?;
    let (reads, ending) = client.watch(Duration::from_millis(400))?;
    if (reads.len(), ending, bench.upstream.seen()[0].bytes) != (0, Ending::Open, 5) {
        return Err(format!("{reads:?} came, it ended {ending:?}, upstream: {:?}", bench.upstream.seen()));
    }
    bench.remove("timeout")?;
    let (ending, _) = bench.upstream.ending(0, PATIENCE);
    if ending == Ending::Open { Err("the upstream's connection lives on".to_owned()) } else { Ok(()) }
}

fn idle(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    let start = Instant::now();
    bench.toxic("timeout", "downstream", &json!({"timeout": 400}))?;
    orderly(client.ending(PATIENCE)?)?;
    at_least(start.elapsed(), 400)
}

fn fresh(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    bench.toxic("timeout", "downstream", &json!({"timeout": 400}))?;
    let start = Instant::now();
    let mut client = bench.connect()?;
    orderly(client.ending(PATIENCE)?)?;
    at_least(start.elapsed(), 400)
}

fn put_off(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("timeout", "downstream", &json!({"timeout": 1_500}))?;
    let start = Instant::now();
    for _ in 0..10 {
        client.send(b"still here")?;
        let ending = client.ending(Duration::from_millis(200))?;
        if ending != Ending::Open {
            return Err(format!("it ended {ending:?} after {:?}", start.elapsed()));
        }
    }
    orderly(client.ending(PATIENCE)?)?;
    at_least(start.elapsed(), 3_000)
}

fn end(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("timeout", "upstream", &json!({"timeout": 0}))?;
    client.finish()?;
    orderly(bench.upstream.ending(0, PATIENCE).0)
}

fn untouched(suite: &Suite) -> Result<Ending, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let body = json!({"name": "timeout", "type": "timeout", "toxicity": 0, "attributes": {"timeout": 300}});
    suite.call("POST", "/proxies/bench/toxics", &body)?;
    let mut client = bench.connected()?;
    bench.remove("timeout")?;
    client.ending(Duration::from_secs(1))
}

fn orderly(ending: Ending) -> Result<(), String> {
    if ending == Ending::Orderly { Ok(()) } else { Err(format!("it ended {ending:?}")) }
}
