//! Proxies without toxics: half-close, disabling, other addresses, upstreams that are not there.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::suite::{Expected, Suite};
use crate::traffic::{Bench, Ending, Manner, PATIENCE};

pub(super) fn run(suite: &mut Suite) {
    let got = half_close(suite);
    let expected = Expected { ours: 3, toxiproxys: 0 };
    suite.differs("an answer after a half-close, in bytes", "half-close is carried", got, expected);
    let got = disabled(suite);
    suite.holds("disabling closes idle connections and refuses new ones; enabling opens the same port", got);
    let got = moved(suite);
    suite.holds("another upstream closes connections and serves new ones", got);
    let got = nowhere(suite);
    let why = "an upstream that is not there is told by a reset";
    suite.differs(
        "an upstream that refuses",
        why,
        got,
        Expected { ours: Ending::Reset, toxiproxys: Ending::Orderly },
    );
}

fn half_close(suite: &Suite) -> Result<usize, String> {
    let bench = Bench::new(suite, Manner::ByeAtTheEnd)?;
    let mut client = bench.connect()?;
    client.send(b"all that I have")?;
    client.finish()?;
    Ok(client.watch(PATIENCE)?.0.iter().sum())
}

fn disabled(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let mut clients: Vec<_> = (0..10).map(|_| bench.connected()).collect::<Result<_, _>>()?;
    suite.call("POST", "/proxies/bench", &json!({"enabled": false}))?;
    for client in &mut clients {
        let ending = client.ending(PATIENCE)?;
        if ending != Ending::Orderly {
            return Err(format!("an idle connection ended {ending:?}"));
        }
    }
    if TcpStream::connect(bench.listen).is_ok() {
        return Err("a disabled proxy takes connections".to_owned());
    }
    suite.call("POST", "/proxies/bench", &json!({"enabled": true}))?;
    bench.connected().map(drop)
}

fn moved(suite: &Suite) -> Result<(), String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    let other = crate::traffic::Upstream::start(Manner::Echo)?;
    let mut client = bench.connected()?;
    suite.call("PATCH", "/proxies/bench", &json!({"upstream": other.address.to_string()}))?;
    let ending = client.ending(PATIENCE)?;
    if ending != Ending::Orderly {
        return Err(format!("a live connection ended {ending:?}"));
    }
    bench.connected()?;
    if other.seen().len() == 1 { Ok(()) } else { Err("the new connection went elsewhere".to_owned()) }
}

fn nowhere(suite: &Suite) -> Result<Ending, String> {
    let bench = Bench::new(suite, Manner::Echo)?;
    suite.call("PATCH", "/proxies/bench", &json!({"upstream": "127.0.0.1:1"}))?;
    let ending = bench.connect()?.ending(Duration::from_secs(5));
    suite.call("GET", "/proxies/bench", &Value::Null)?;
    ending
}
