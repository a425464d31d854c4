//! `/metrics`, against `toxiproxy-server -proxy-metrics -runtime-metrics`.

use std::time::{Duration, Instant};

use crate::suite::{Expected, Suite};
use crate::traffic::{Bench, Manner, PATIENCE};

pub(crate) fn run(suite: &mut Suite) {
    println!("metrics");
    let got = page(suite).map(|page| page.contains("\ngo_goroutines "));
    suite.differs(
        "runtime metrics of Go",
        "there is no Go runtime",
        got,
        Expected { ours: false, toxiproxys: true },
    );
    for name in [
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_max_fds",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_start_time_seconds",
    ] {
        let got = page(suite).map(|page| page.contains(&format!("\n{name} ")));
        suite.same(name, got, &true);
    }
    let got = live(suite);
    let why = "bytes count as they pass, and not when a connection ends";
    suite.differs("bytes of a live connection", why, got, Expected { ours: true, toxiproxys: false });
    let got = ended(suite);
    suite.holds(
        "toxiproxy_proxy_received_bytes_total and _sent_bytes_total, by direction, listener, proxy, upstream",
        got,
    );
}

fn page(suite: &Suite) -> Result<String, String> {
    let answer = suite.request("GET", "/metrics", "")?;
    let kind = answer.header("content-type").unwrap_or_default();
    if answer.status != 200 || !kind.starts_with("text/plain; version=0.0.4") {
        return Err(format!("{} {kind} {}", answer.status, answer.body));
    }
    Ok(answer.body)
}

/// Whether these bytes are told for every direction and both counters of the bench.
fn is_told(suite: &Suite, bench: &Bench<'_>, bytes: usize) -> Result<bool, String> {
    let page = page(suite)?;
    let (listen, upstream) = (bench.listen, bench.upstream.address);
    Ok(["received", "sent"].iter().all(|what| {
        ["upstream", "downstream"].iter().all(|direction| {
            let labels =
                format!(r#"direction="{direction}",listener="{listen}",proxy="bench",upstream="{upstream}""#);
            page.contains(&format!("toxiproxy_proxy_{what}_bytes_total{{{labels}}} {bytes}\n"))
        })
    }))
}

fn until_told(suite: &Suite, bench: &Bench<'_>, bytes: usize, within: Duration) -> Result<bool, String> {
    let start = Instant::now();
    while start.elapsed() < within {
        if is_told(suite, bench, bytes)? {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(false)
}

fn live(suite: &Suite) -> Result<bool, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let _client = bench.connected()?;
    until_told(suite, &bench, 5, Duration::from_secs(2))
}

fn ended(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut client = bench.connected()?;
    client.round_trip(b"and more")?;
    client.finish()?;
    client.ending(PATIENCE)?;
    if until_told(suite, &bench, 13, PATIENCE)? {
        Ok(())
    } else {
        Err(format!("13 bytes each are not told in {}", page(suite)?))
    }
}
