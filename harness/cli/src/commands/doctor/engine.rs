//! Whether a container engine answers.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::finding::Finding;

const NAME: &str = "container engine";
/// An engine that does not answer by then is not there.
const PATIENCE: Duration = Duration::from_secs(3);
/// Where an engine listens when nothing else is said.
const SOCKET: &str = "/var/run/docker.sock";
/// More of an answer is not read.
const MOST_BYTES: u64 = 64 << 10;

/// Asks the engine that DOCKER_HOST names, else the one on its usual socket. A scenario that needs one fails without.
pub(super) fn finding(is_needed: bool) -> Finding {
    match std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()) {
        Some(host) => asked(&host, true, is_needed),
        None if Path::new(SOCKET).exists() => asked(&format!("unix://{SOCKET}"), false, is_needed),
        None if is_needed => Finding::fail(
            NAME,
            "none, and the scenario needs one",
            "start one, such as dockerd, or set DOCKER_HOST to one that runs",
        ),
        None => Finding::ok(NAME, "none; only needed for servers and proxies in containers"),
    }
}

fn asked(host: &str, is_named: bool, is_needed: bool) -> Finding {
    match version(host) {
        Ok(version) => Finding::ok(NAME, format!("{host}: {version}")),
        Err(why) => {
            let change = if is_named {
                "start it, or set DOCKER_HOST to one that runs; a run without containers does not need it"
            } else {
                "start it, or be given the right to its socket; a run without containers does not need it"
            };
            let found = format!("{host} does not answer: {why}");
            if is_needed { Finding::fail(NAME, found, change) } else { Finding::warn(NAME, found, change) }
        }
    }
}

/// The engine's version (Docker Engine API, `GET /version`).
fn version(host: &str) -> Result<String, String> {
    let words = |error: std::io::Error| error.to_string();
    let answer = if let Some(path) = host.strip_prefix("unix://") {
        let stream = UnixStream::connect(path).map_err(words)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(words)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(words)?;
        ask(stream).map_err(words)?
    } else if let Some(address) = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://")) {
        let mut addresses = address.trim_end_matches('/').to_socket_addrs().map_err(words)?;
        let address = addresses.next().ok_or("the name has no address")?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(words)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(words)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(words)?;
        ask(stream).map_err(words)?
    } else {
        return Err("only unix:// and tcp:// are asked".to_owned());
    };
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer is no HTTP")?;
    let status = head.lines().next().unwrap_or_default();
    if !status.contains(" 200") {
        return Err(format!("it answers `{status}`"));
    }
    let parsed: serde_json::Value = serde_json::from_str(json_of(body)).map_err(|error| error.to_string())?;
    match parsed["Version"].as_str() {
        Some(version) => Ok(format!("version {version}")),
        None => Err("its answer names no version".to_owned()),
    }
}

fn ask(mut stream: impl Read + Write) -> std::io::Result<String> {
    stream.write_all(b"GET /version HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The object within a body, which may come in chunks.
fn json_of(body: &str) -> &str {
    match (body.find('{'), body.rfind('}')) {
        (Some(start), Some(end)) if start < end => &body[start..=end],
        _ => body,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::finding::Level;
    use super::*;

    fn engine(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = format!("tcp://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 64];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /version"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        host
    }

    #[test]
    fn an_engine_tells_its_version() {
        let host =
            engine("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"Version\":\"29.1.0\"}\n");
        let found = asked(&host, true, true);
        assert!(found.level == Level::Ok && found.lines(false).contains("29.1.0"), "{found:?}");
    }

    #[test]
    fn what_is_no_engine_is_said() {
        for answer in ["HTTP/1.0 404 Not Found\r\n\r\n", "hello", "HTTP/1.0 200 OK\r\n\r\n[]"] {
            assert_eq!(asked(&engine(answer), true, false).level, Level::Warn, "{answer}");
        }
        assert_eq!(asked("unix:///none/such.sock", false, false).level, Level::Warn);
        assert_eq!(asked("ssh://there", true, true).level, Level::Fail);
    }
}
