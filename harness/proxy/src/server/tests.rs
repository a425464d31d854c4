//! The whole server over loopback sockets. Lower bounds on time are strict, upper bounds generous: a loaded machine
//! is late, never early.

mod api;
mod faults;
mod flow;
mod jitter;
mod modes;
mod spoiled;
mod support;
mod tap;
mod toxics;

use super::*;
use support::{Harness, Upstream};

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let refused = ProxyServer::start(ProxyConfig { api: address, shards: 1, seed: Seed(1) }).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("already in use"), "{text}");
}

#[test]
fn proxies_to_begin_with_are_there_or_nothing_is() {
    let upstream = Upstream::echo();
    let config = ProxyConfig { api: "127.0.0.1:0".parse().unwrap(), shards: 2, seed: Seed(1) };
    let list = format!(r#"[{{"name":"p","listen":"127.0.0.1:0","upstream":"{}"}}]"#, upstream.address);
    let harness = Harness { server: ProxyServer::start_populated(config, list.as_bytes()).unwrap() };
    let listen = harness.call("GET", "/proxies/p", &serde_json::Value::Null)["listen"].clone();
    let listen: SocketAddr = listen.as_str().unwrap().parse().unwrap();
    support::connected(listen);
    let twice = format!(
        r#"[{{"name":"q","upstream":"b:1","listen":"127.0.0.1:0"}},{{"name":"r","upstream":"b:1","listen":"{listen}"}}]"#
    );
    for (list, why) in
        [(twice.as_str(), "already in use"), ("{}", "bad request body"), ("[{}]", "name at proxy 1")]
    {
        let refused = ProxyServer::start_populated(config, list.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn stopping_closes_the_api_the_listeners_and_the_connections() {
    let harness = Harness::start(2);
    let upstream = Upstream::echo();
    let listen = harness.proxy("p", &upstream);
    let api = harness.server.api_addr();
    let mut client = support::connected(listen);
    harness.server.stop();
    assert_eq!(support::ending_of(&mut client), support::Ending::Orderly);
    assert!(std::net::TcpStream::connect(api).is_err());
    assert!(std::net::TcpStream::connect(listen).is_err());
}

#[test]
fn a_failed_thread_is_told() {
    let mut harness = Harness::start(1);
    assert_eq!(harness.server.failed(), None);
    harness.server.spawn("doomed".to_owned(), |_, _| panic!("a planted panic")).unwrap();
    support::eventually("the failure is told", || harness.server.failed().is_some());
    let why = harness.server.failed().unwrap();
    assert!(why.contains("doomed") && why.contains("a planted panic"), "{why}");
}
