//! The API as `toxiproxy_rust` uses it, a client of others.

use toxiproxy_rust::client::Client;
use toxiproxy_rust::proxy::ProxyPack;

use crate::suite::Suite;

pub(crate) fn run(suite: &mut Suite) {
    println!("toxiproxy_rust");
    let client = Client::new(suite.api);
    let got = client.version().map(|version| version.contains("2.12.0"));
    suite.same("is_running and version", got.map(|version| version && client.is_running()), &true);
    let got = proxies(&client);
    suite.holds("populate, all, find_proxy", got);
    let got = toxics(&client);
    suite.holds(
        "with_latency, with_bandwidth, with_slow_close, with_timeout, with_slicer, with_limit_data",
        got,
    );
    let got = lifecycle(&client);
    suite.holds("with_down, apply, delete_all_toxics, find_and_reset_proxy, reset, delete", got);
}

fn proxies(client: &Client) -> Result<(), String> {
    let pack =
        |name: &str| ProxyPack::new(name.to_owned(), "127.0.0.1:0".to_owned(), "127.0.0.1:1".to_owned());
    let made = client.populate(vec![pack("one"), pack("two")])?;
    let names: Vec<_> = made.iter().map(|proxy| proxy.proxy_pack.name.as_str()).collect();
    want(names == ["one", "two"], "populate tells both")?;
    want(client.all()?.len() == 2, "all lists both")?;
    let found = client.find_proxy("two")?;
    want(
        found.proxy_pack.listen == made[1].proxy_pack.listen && found.proxy_pack.enabled,
        "find_proxy finds it",
    )?;
    want(client.find_proxy("three").is_err(), "and not what is not there")
}

fn toxics(client: &Client) -> Result<(), String> {
    let proxy = client.find_proxy("one")?;
    proxy
        .with_latency("downstream".to_owned(), 10, 5, 1.0)
        .with_bandwidth("upstream".to_owned(), 100, 0.5)
        .with_slow_close("downstream".to_owned(), 20, 1.0)
        .with_timeout("upstream".to_owned(), 30, 0.0)
        .with_slicer("downstream".to_owned(), 64, 8, 40, 1.0)
        .with_limit_data("upstream".to_owned(), 50, 1.0);
    let toxics = proxy.toxics()?;
    let names: Vec<_> = toxics.iter().map(|toxic| toxic.name.as_str()).collect();
    let wanted = [
        "bandwidth_upstream",
        "timeout_upstream",
        "limit_data_upstream",
        "latency_downstream",
        "slow_close_downstream",
        "slicer_downstream",
    ];
    want(names == wanted, &format!("in the order of streams and of adding: {names:?}"))?;
    let sizes = (toxics[5].attributes.get("average_size"), toxics[5].attributes.get("delay"));
    want(sizes == (Some(&64), Some(&40)), "attributes come back")?;
    want(toxics[0].toxicity.to_bits() == 0.5_f32.to_bits(), "toxicity comes back")
}

fn lifecycle(client: &Client) -> Result<(), String> {
    let proxy = client.find_proxy("one")?;
    let mut was_down = false;
    proxy.with_down(|| was_down = std::net::TcpStream::connect(&proxy.proxy_pack.listen).is_err())?;
    want(was_down, "a disabled proxy refuses connections")?;
    want(std::net::TcpStream::connect(&proxy.proxy_pack.listen).is_ok(), "an enabled one takes them")?;
    let mut count = 0;
    proxy.apply(|| count = proxy.toxics().map_or(0, |toxics| toxics.len()))?;
    want(count == 6 && proxy.toxics()?.is_empty(), "apply removes the toxics")?;
    proxy.with_latency("downstream".to_owned(), 1, 0, 1.0);
    client.find_and_reset_proxy("one")?;
    proxy.with_latency("downstream".to_owned(), 1, 0, 1.0);
    proxy.disable()?;
    client.reset()?;
    let after = client.find_proxy("one")?.proxy_pack;
    want(after.enabled && after.toxics.is_empty(), "reset enables and removes toxics")?;
    for proxy in client.all()?.values() {
        proxy.delete()?;
    }
    want(client.all()?.is_empty(), "nothing is left")
}

fn want(is_true: bool, what: &str) -> Result<(), String> {
    if is_true { Ok(()) } else { Err(format!("it does not hold that {what}")) }
}
