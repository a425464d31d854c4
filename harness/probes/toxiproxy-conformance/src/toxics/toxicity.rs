//! `toxicity`: the share of connections that a toxic touches.

use std::time::Duration;

use serde_json::json;

use crate::suite::{Expected, Suite};
use crate::traffic::{Bench, Client, Manner, PATIENCE};

const CONNECTIONS: usize = 80;

pub(super) fn run(suite: &mut Suite) {
    let got = share(suite, 0.5);
    suite
        .holds("toxicity 0.5 touches about half of the connections", got.and_then(|got| within(got, 20, 60)));
    let got = share(suite, 0.0);
    suite.same("toxicity 0 touches none", got, &0);
    let got = share(suite, 1.0);
    suite.same("toxicity 1 touches all", got, &CONNECTIONS);
    let got = after_update(suite);
    let why = "a connection is drawn once, so an update exchanges none";
    suite.differs(
        "an update of a toxic touches the same connections",
        why,
        got,
        Expected { ours: true, toxiproxys: false },
    );
}

fn within(got: usize, least: usize, most: usize) -> Result<(), String> {
    if (least..=most).contains(&got) { Ok(()) } else { Err(format!("{got} of {CONNECTIONS}")) }
}

fn clients(bench: &Bench<'_>) -> Result<Vec<Client>, String> {
    (0..CONNECTIONS).map(|_| bench.connected()).collect()
}

/// Which connections a latency of 3 s touches, by what is back within half of that.
fn touched(clients: &mut [Client]) -> Result<Vec<bool>, String> {
    for client in clients.iter_mut() {
        client.send(b"?")?;
    }
    std::thread::sleep(Duration::from_millis(1_500));
    let mut touched = Vec::new();
    for client in clients.iter_mut() {
        touched.push(client.watch(Duration::from_millis(1))?.0.is_empty());
    }
    for (client, is_touched) in clients.iter_mut().zip(&touched) {
        if *is_touched {
            client.receive(1)?;
        }
    }
    Ok(touched)
}

fn toxic(suite: &Suite, toxicity: f64) -> Result<(), String> {
    let body =
        json!({"name": "latency", "type": "latency", "toxicity": toxicity, "attributes": {"latency": 3_000}});
    suite.call("POST", "/proxies/bench/toxics", &body).map(drop)
}

fn share(suite: &Suite, toxicity: f64) -> Result<usize, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut clients = clients(&bench)?;
    toxic(suite, toxicity)?;
    Ok(touched(&mut clients)?.iter().filter(|is_touched| **is_touched).count())
}

fn after_update(suite: &Suite) -> Result<bool, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut clients = clients(&bench)?;
    toxic(suite, 0.5)?;
    let before = touched(&mut clients)?;
    bench.change("latency", &json!({"attributes": {"jitter": 1}}))?;
    let after = touched(&mut clients)?;
    bench.remove("latency")?;
    for client in &mut clients {
        if client.round_trip(b"!")? > PATIENCE {
            return Err("a connection does not live on".to_owned());
        }
    }
    Ok(before == after)
}
