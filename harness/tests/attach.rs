//! Runs at servers and a Toxiproxy that somebody else runs: `serve nacos` and `serve proxy` stand for them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Finished, Reaped, beside_others, only_run, shakedown, wait_for};

const PATIENCE: Duration = Duration::from_secs(60);

/// What somebody else runs: a Nacos, and a Toxiproxy with ten published ports.
struct Elsewhere {
    nacos: u16,
    api: u16,
    ports: u16,
    _parts: [Reaped; 2],
}

impl Elsewhere {
    fn start() -> Self {
        let nacos = free(&[0, 1000]);
        let api = free(&[0]);
        let ports = free(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let serve = |args: &[&str]| {
            let child =
                shakedown().arg("serve").args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            Reaped(child.unwrap())
        };
        let (port, at) = (nacos.to_string(), format!("127.0.0.1:{api}"));
        let parts = [
            serve(&["nacos", "--port", &port, "--auth", "--username", "ops", "--password", "s3cr3t"]),
            serve(&["proxy", "--api", &at]),
        ];
        for port in [nacos, nacos + 1000, api] {
            wait_for("a part that listens", PATIENCE, || {
                TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
            });
        }
        Self { nacos, api, ports, _parts: parts }
    }

    /// A scenario that attaches to both and changes config for `seconds`.
    fn scenario(&self, dir: &Path, seconds: u32) -> String {
        let Self { nacos, api, ports, .. } = self;
        let last = ports + 9;
        let text = format!(
            "shakedown: 1
name: attach
delivery-timeout: 35s
server:
  backend: external
  login: {{ username: ops, password: \"${{env:ATTACH_PASSWORD}}\" }}
  external: {{ nodes: [ {{ http: \"localhost:{nacos}\" }} ], max-rate: 20/s }}
proxy: {{ kind: toxiproxy, external: {{ api: \"localhost:{api}\", ports: [{ports}, {last}] }} }}
items: {{ count: 4, payload: 256B }}
watchers:
  - {{ group: pushed, count: 20, client: {{ like: nacos-java-2 }}, listens: {{ shared: 2 }} }}
mutations: {{ arrivals: {{ constant: 9/s }} }}
phases: [ {{ name: warm-up, for: 1s }}, {{ name: steady, for: {seconds}s }} ]
"
        );
        let file = dir.join("attach.yaml");
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// The body of an answer to a GET at a port.
    fn get(port: u16, path: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }

    fn proxies(&self) -> Value {
        serde_json::from_str(&Self::get(self.api, "/proxies")).unwrap()
    }

    /// How many configs and namespaces of runs there are.
    fn belongings(&self) -> (u64, usize) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.nacos)).unwrap();
        let form = "username=ops&password=s3cr3t";
        write!(
            stream,
            "POST /nacos/v1/auth/users/login HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let login: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let token = login["accessToken"].as_str().unwrap();
        let listed = Self::get(self.nacos, &format!("/nacos/v1/console/namespaces?accessToken={token}"));
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let namespaces = listed["data"].as_array().unwrap();
        let configs = namespaces.iter().map(|one| one["configCount"].as_u64().unwrap()).sum();
        (configs, namespaces.len() - 1)
    }
}

/// A port that is free with those at these offsets, below the ephemeral ones, and was given to nobody else here.
pub(crate) fn free(offsets: &[u16]) -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let from = 16_000 + u16::try_from(std::process::id() % 9_000).unwrap();
    let is_free = |port: u16| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok();
    let mut ports = std::iter::repeat_with(|| from + TAKEN.fetch_add(13, Ordering::Relaxed) % 5_000);
    ports.find(|port| offsets.iter().all(|offset| is_free(port + offset))).unwrap()
}

fn attach(scenario: &str, out: &Path) -> Command {
    let mut command = shakedown();
    command.args(["run", scenario, "--json", "--out"]).arg(out).env("ATTACH_PASSWORD", "s3cr3t");
    command
}

#[test]
fn a_run_at_servers_and_proxies_of_others_leaves_nothing_there() {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = Elsewhere::start();
    let scenario = elsewhere.scenario(dir.path(), 5);
    let out = dir.path().join("runs");
    let done: Finished = attach(&scenario, &out).output().unwrap().into();
    let json = done.json();
    for guarantee in json["guarantees"].as_array().unwrap() {
        assert_eq!(guarantee["outcome"], "pass", "{json:#}");
    }
    let plan = std::fs::read(only_run(&out).join("plan.json")).unwrap();
    let plan: Value = serde_json::from_slice(&plan).unwrap();
    let prefix = plan["items"]["prefix"].as_str().unwrap();
    assert!(
        prefix.starts_with("shakedown.item-") && prefix.len() == 32,
        "{prefix}: the run's number is in it"
    );
    assert!(plan["items"]["namespaces"][0].as_str().unwrap().starts_with("shakedown-"), "{plan:#}");
    assert_eq!(elsewhere.proxies(), serde_json::json!({}));
    assert_eq!(elsewhere.belongings(), (0, 0));
}

#[test]
fn workers_log_in_each_for_its_watchers() {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = Elsewhere::start();
    let scenario = elsewhere.scenario(dir.path(), 5);
    let out = dir.path().join("runs");
    let done: Finished = attach(&scenario, &out).args(["--set", "workers=2"]).output().unwrap().into();
    let json = done.json();
    for guarantee in json["guarantees"].as_array().unwrap() {
        assert_eq!(guarantee["outcome"], "pass", "{json:#}");
    }
    let findings = json["validity"]["findings"].as_array().unwrap();
    let ramp = findings.iter().find(|finding| finding["name"] == "ramp").unwrap();
    assert!(ramp["text"].as_str().unwrap().ends_with("; 0 never were"), "{ramp:#}");
    let run = only_run(&out);
    assert!(std::fs::read_to_string(run.join("parts.jsonl")).unwrap().contains("\"worker-1\""));
    let plan = std::fs::read_to_string(run.join("plan.json")).unwrap();
    assert!(!plan.contains("s3cr3t"), "{plan}");
}

#[test]
fn a_run_that_is_stopped_and_one_that_fails_to_begin_leave_nothing_either() {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = Elsewhere::start();
    let scenario = elsewhere.scenario(dir.path(), 300);
    let out = dir.path().join("stopped");
    let child = attach(&scenario, &out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Reaped(child);
    wait_for("a proxy of the run", PATIENCE, || {
        let proxies = elsewhere.proxies();
        let names: Vec<_> = proxies.as_object().unwrap().keys().cloned().collect();
        names.into_iter().find(|name| name.starts_with("attach-"))
    });
    assert_eq!(elsewhere.belongings(), (4, 1), "the run's items in the run's namespace");
    let told = Command::new("kill").args(["-INT", &child.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    let status = wait_for("the end of the run", PATIENCE, || child.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(130));
    assert_eq!((elsewhere.proxies(), elsewhere.belongings()), (serde_json::json!({}), (0, 0)));

    // One port for the proxies is wanted, and it is taken: the items were published by then.
    let taken = elsewhere.ports;
    let ports = format!("proxy.external.ports=[{taken}, {taken}]");
    let _holder = TcpListener::bind((Ipv4Addr::UNSPECIFIED, taken)).unwrap();
    let out = dir.path().join("failed");
    let done: Finished = attach(&scenario, &out).args(["--set", &ports]).output().unwrap().into();
    assert_eq!(done.code, 69, "{done:#?}");
    assert_eq!((elsewhere.proxies(), elsewhere.belongings()), (serde_json::json!({}), (0, 0)));
}

#[test]
fn what_cannot_be_reached_is_69_with_what_was_tried() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = free(&[0, 1000]);
    let text = format!(
        "shakedown: 1
name: nobody
server: {{ backend: external, ready-timeout: 1s, external: {{ nodes: [ {{ http: \"localhost:{nobody}\" }} ] }} }}
items: {{ count: 2, payload: 256B }}
watchers: [ {{ group: a, count: 1, client: {{ like: nacos-java-2 }}, listens: {{ shared: 1 }} }} ]
mutations: {{ arrivals: {{ constant: 2/s }} }}
phases: [ {{ name: steady, for: 5s }} ]
"
    );
    let file = dir.path().join("nobody.yaml");
    std::fs::write(&file, text).unwrap();
    let done: Finished = attach(file.to_str().unwrap(), &dir.path().join("runs")).output().unwrap().into();
    assert_eq!(done.code, 69, "{done:#?}");
    for part in ["server.external", &format!("localhost:{nobody}"), &format!("127.0.0.1:{nobody}"), "refused"]
    {
        assert!(done.stderr.contains(part), "`{part}` is missing in:\n{}", done.stderr);
    }
}

#[test]
fn a_server_without_its_tick_shows_a_write_at_once() {
    let port = free(&[0, 1000]);
    let mut server = shakedown();
    server.args(["serve", "nacos", "--no-dump-tick", "--port", &port.to_string()]);
    let _server = Reaped(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let at = (Ipv4Addr::LOCALHOST, port);
    let call = |method: &str, query: &str| {
        let mut stream = wait_for("a server that listens", PATIENCE, || TcpStream::connect(at).ok());
        let path = format!("/nacos/v1/cs/configs?dataId=d&group=g{query}");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.rsplit_once("\r\n\r\n").unwrap().1.to_owned()
    };
    // With a tick of 100 ms most of these reads would find what was there before.
    for version in 0..20 {
        assert_eq!(call("POST", &format!("&content=version-{version}")), "true");
        assert_eq!(call("GET", ""), format!("version-{version}"));
    }
}
