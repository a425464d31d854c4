//! The proxies under test, each a process of its own, and the few calls of their API that the benchmark needs.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::{Value, json};
use shakedown_model::Seed;
use shakedown_proxy::{ProxyConfig, ProxyServer};

/// How long a proxy may take to start.
const START_WITHIN: Duration = Duration::from_secs(10);
const PROXY: &str = "bench";

/// Runs the embedded proxy until standard input ends.
pub(crate) fn serve() -> Result<(), Box<dyn Error>> {
    let api = "127.0.0.1:0".parse()?;
    let server = ProxyServer::start(ProxyConfig { api, shards: 1, seed: Seed(1) })?;
    println!("{}", server.api_addr());
    io::stdin().read_to_end(&mut Vec::new())?;
    server.stop();
    Ok(())
}

/// A process with a proxy in front of each of two echo servers. Dropping it ends it.
pub(crate) struct Served {
    child: Child,
    pub(crate) api: Api,
    /// Where clients connect.
    pub(crate) listen: SocketAddr,
    /// Where a proxy beside it, of the same process, listens.
    pub(crate) beside: SocketAddr,
    /// Its resident size before the first connection, in bytes.
    pub(crate) rss_before: u64,
}

/// The API of a proxy.
#[derive(Clone, Copy)]
pub(crate) struct Api {
    address: SocketAddr,
    /// Whether it is the embedded proxy's.
    pub(crate) is_embedded: bool,
}

impl Served {
    /// Starts this program as the embedded proxy.
    pub(crate) fn embedded(upstreams: [SocketAddr; 2]) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(env::current_exe()?)
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line)?;
        Self::of(child, Api { address: line.trim().parse()?, is_embedded: true }, upstreams)
    }

    /// Starts the real Toxiproxy.
    pub(crate) fn toxiproxy(home: &Path, upstreams: [SocketAddr; 2]) -> Result<Self, Box<dyn Error>> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new(home.join("toxiproxy-server"))
            .args(["-host", "127.0.0.1", "-port", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Self::of(child, Api { address, is_embedded: false }, upstreams)
    }

    fn of(child: Child, api: Api, upstreams: [SocketAddr; 2]) -> Result<Self, Box<dyn Error>> {
        // Dropped, and so ended, whatever fails from here on.
        let mut served = Self { child, api, listen: api.address, beside: api.address, rss_before: 0 };
        let start = Instant::now();
        while api.call("GET", "/version", &Value::Null).is_err() {
            if start.elapsed() > START_WITHIN {
                return Err(format!("no proxy answers on {}", api.address).into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        served.listen = api.create(PROXY, upstreams[0])?;
        served.beside = api.create("beside", upstreams[1])?;
        served.rss_before = served.rss_bytes()?;
        Ok(served)
    }

    pub(crate) const fn name(&self) -> &'static str {
        if self.api.is_embedded { "embedded" } else { "Toxiproxy" }
    }

    /// Waits until the process has nothing left to do from before, as a collector of garbage has; 2 s at most.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let start = Instant::now();
        let mut before = self.cpu_ticks()?;
        while start.elapsed() < Duration::from_secs(2) {
            thread::sleep(Duration::from_millis(100));
            let now = self.cpu_ticks()?;
            if now - before <= 1 {
                break;
            }
            before = now;
        }
        Ok(())
    }

    /// User and system time, the 14th and 15th field of `stat`; the second field ends with the last bracket.
    fn cpu_ticks(&self) -> io::Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields = stat.rsplit(')').next().unwrap_or("").split_whitespace();
        Ok(fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum())
    }

    pub(crate) fn rss_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB")?.trim().parse().ok());
        kib.map(|kib: u64| kib * 1024).ok_or_else(|| io::Error::other("no resident size in /proc"))
    }
}

impl Api {
    fn create(self, name: &str, upstream: SocketAddr) -> Result<SocketAddr, Box<dyn Error>> {
        let new = json!({"name": name, "listen": "127.0.0.1:0", "upstream": upstream.to_string()});
        let proxy = self.call("POST", "/proxies", &new)?;
        Ok(proxy["listen"].as_str().ok_or("a proxy without an address")?.parse()?)
    }

    /// Adds a latency downstream and returns when it is answered.
    pub(crate) fn add_latency(self, millis: u64) -> io::Result<()> {
        let toxic = json!({"name": "slow", "type": "latency", "attributes": {"latency": millis}});
        self.call("POST", &format!("/proxies/{PROXY}/toxics"), &toxic).map(drop)
    }

    pub(crate) fn remove_latency(self) -> io::Result<()> {
        self.call("DELETE", &format!("/proxies/{PROXY}/toxics/slow"), &Value::Null).map(drop)
    }

    /// Ends every live connection: by `reset_peer` on the embedded proxy; by closing the proxy on Toxiproxy, whose
    /// `reset_peer` waits for data.
    pub(crate) fn cut(self) -> io::Result<()> {
        if self.is_embedded {
            let toxic = json!({"name": "cut", "type": "reset_peer", "attributes": {"timeout": 0}});
            return self.call("POST", &format!("/proxies/{PROXY}/toxics"), &toxic).map(drop);
        }
        self.call("POST", &format!("/proxies/{PROXY}"), &json!({"enabled": false})).map(drop)
    }

    pub(crate) fn heal_cut(self) -> io::Result<()> {
        if self.is_embedded {
            return self.call("DELETE", &format!("/proxies/{PROXY}/toxics/cut"), &Value::Null).map(drop);
        }
        self.call("POST", &format!("/proxies/{PROXY}"), &json!({"enabled": true})).map(drop)
    }

    /// How many deadlines the timers served, and how many of them over 1 ms late; the embedded proxy alone says so.
    pub(crate) fn timer_fires(self) -> io::Result<(u64, u64)> {
        let stats = self.call("GET", "/shakedown/stats", &Value::Null)?;
        let count = |name: &str| stats["total"][name].as_u64().unwrap_or(0);
        Ok((count("timer_fires"), count("timer_fires_over_1ms_late")))
    }

    fn call(self, method: &str, path: &str, body: &Value) -> io::Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(self.address)?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if !head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
            return Err(io::Error::other(format!("{method} {path}: {answer}")));
        }
        // What is not JSON (`/version` of old, chunked bodies) is asked for its status alone.
        Ok(serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that is gone already is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
