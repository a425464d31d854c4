//! `slicer`.

use std::time::Duration;

use serde_json::json;

use crate::suite::{Server, Suite};
use crate::traffic::{Bench, Manner, at_least};

pub(super) fn run(suite: &mut Suite) {
    let got = slices(suite, 0);
    suite.holds("slicer: 1,000 bytes of average 100 come in slices of 62 or 63, 20 ms apart", got);
    let got = slices(suite, 30);
    suite.holds("slicer: with a variation of 30 they differ and none is above 130", got);
    if suite.server == Server::Ours {
        let got = unset(suite);
        suite.holds(
            "slicer without a size cuts nothing (Toxiproxy dies of it, so it is not tried there)",
            got,
        );
    }
}

fn slices(suite: &Suite, variation: u64) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic(
        "slicer",
        "downstream",
        &json!({"average_size": 100, "size_variation": variation, "delay": 20_000}),
    )?;
    let start = std::time::Instant::now();
    client.send(&[1; 1_000])?;
    let mut reads = Vec::new();
    while reads.iter().sum::<usize>() < 1_000 {
        // A slice at a time: they are further apart than this is long.
        let (some, ending) = client.watch(Duration::from_millis(5))?;
        if some.is_empty() && start.elapsed() > Duration::from_secs(20) {
            return Err(format!("{reads:?} came, then {ending:?}"));
        }
        reads.extend(some);
    }
    at_least(start.elapsed(), 120)?;
    let varies = reads.iter().any(|len| *len != reads[0]);
    // Two that came late may be read as one.
    let fits = if variation == 0 {
        reads.len() >= 8 && reads.iter().filter(|len| [62, 63].contains(*len)).count() >= 6
    } else {
        reads.len() >= 6 && varies && reads.iter().filter(|len| **len <= 130).count() >= 5
    };
    if fits { Ok(()) } else { Err(format!("slices of {reads:?}")) }
}

fn unset(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    bench.toxic("slicer", "downstream", &json!({}))?;
    client.round_trip(&[1; 1_000])?;
    bench.connected().map(drop)
}
