//! Real traffic through a proxy: upstreams on threads, clients with deadlines, and how connections end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::suite::Suite;

/// The longest that anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Orderly,
    Reset,
    /// It did not, within the time that it was watched.
    Open,
}

/// What an upstream does with a connection.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    /// It sends back what it gets.
    Echo,
    /// It reads to the end and then says "bye".
    ByeAtTheEnd,
    /// It sends so many bytes and keeps the connection open.
    Send(usize),
    /// It says "hi" and ends.
    HiAndEnd,
}

/// What an upstream saw of one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) bytes: usize,
    pub(crate) ended: Option<(Ending, Instant)>,
}

/// A server behind the proxy.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    pub(crate) fn start(manner: Manner) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("an upstream: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("an upstream: {error}"))?;
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let book = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let book = Arc::clone(&book);
                let place = {
                    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
                    book.push(Seen { bytes: 0, ended: None });
                    book.len() - 1
                };
                thread::spawn(move || {
                    serve(stream, manner, &|change: &dyn Fn(&mut Seen)| {
                        change(&mut book.lock().unwrap_or_else(PoisonError::into_inner)[place]);
                    })
                });
            }
        });
        Ok(Self { address, seen })
    }

    /// What it has seen of its connections, in the order in which they came.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The end of connection `place`, waiting `within` for it.
    pub(crate) fn ending(&self, place: usize, within: Duration) -> (Ending, Instant) {
        let start = Instant::now();
        loop {
            if let Some(ended) = self.seen().get(place).and_then(|seen| seen.ended) {
                return ended;
            }
            if start.elapsed() > within {
                return (Ending::Open, Instant::now());
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Changes what is known of one connection.
type Note<'a> = &'a dyn Fn(&dyn Fn(&mut Seen));

fn serve(mut stream: TcpStream, manner: Manner, note: Note<'_>) {
    let begun = match manner {
        Manner::Send(bytes) => stream.write_all(&vec![7; bytes]),
        Manner::HiAndEnd => stream.write_all(b"hi").and_then(|()| stream.shutdown(Shutdown::Write)),
        Manner::Echo | Manner::ByeAtTheEnd => Ok(()),
    };
    let mut buffer = vec![0; 64 * 1024];
    let mut ending = if begun.is_err() { Some(Ending::Reset) } else { None };
    while ending.is_none() {
        match stream.read(&mut buffer) {
            Ok(0) => ending = Some(Ending::Orderly),
            Ok(len) => {
                note(&|seen| seen.bytes += len);
                if matches!(manner, Manner::Echo) && stream.write_all(&buffer[..len]).is_err() {
                    ending = Some(Ending::Reset);
                }
            }
            Err(_) => ending = Some(Ending::Reset),
        }
    }
    let now = Instant::now();
    note(&|seen| seen.ended = ending.map(|ending| (ending, now)));
    if matches!(manner, Manner::ByeAtTheEnd) {
        // The client may be gone; then nobody is there to miss it.
        drop(stream.write_all(b"bye"));
    }
}

/// A proxy with an upstream behind it; it is deleted when this is dropped.
pub(crate) struct Bench<'a> {
    suite: &'a Suite,
    pub(crate) upstream: Upstream,
    pub(crate) listen: SocketAddr,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(suite: &'a Suite, manner: Manner) -> Result<Self, String> {
        let upstream = Upstream::start(manner)?;
        let body =
            json!({"name": "bench", "listen": "127.0.0.1:0", "upstream": upstream.address.to_string()});
        let made = suite.call("POST", "/proxies", &body)?;
        let listen = made["listen"].as_str().and_then(|listen| listen.parse().ok());
        let listen = listen.ok_or_else(|| format!("no listen address in {made}"))?;
        Ok(Self { suite, upstream, listen })
    }

    /// Adds a toxic, named after its type.
    pub(crate) fn toxic(
        &self,
        kind: &str,
        stream: &str,
        attributes: &serde_json::Value,
    ) -> Result<(), String> {
        let body = json!({"name": kind, "type": kind, "stream": stream, "attributes": attributes});
        self.suite.call("POST", "/proxies/bench/toxics", &body).map(drop)
    }

    /// Changes a toxic.
    pub(crate) fn change(&self, toxic: &str, change: &serde_json::Value) -> Result<(), String> {
        self.suite.call("PATCH", &format!("/proxies/bench/toxics/{toxic}"), change).map(drop)
    }

    /// Removes a toxic.
    pub(crate) fn remove(&self, toxic: &str) -> Result<(), String> {
        self.suite
            .call("DELETE", &format!("/proxies/bench/toxics/{toxic}"), &serde_json::Value::Null)
            .map(drop)
    }

    /// A connection through the proxy.
    pub(crate) fn connect(&self) -> Result<Client, String> {
        let failed = |error| format!("connecting through the proxy: {error}");
        let stream = TcpStream::connect(self.listen).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Client(stream))
    }

    /// A connection whose way to the echo and back was tried.
    pub(crate) fn connected(&self) -> Result<Client, String> {
        let mut client = self.connect()?;
        client.round_trip(b"hello")?;
        Ok(client)
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.suite.call("DELETE", "/proxies/bench", &serde_json::Value::Null) {
            println!("  the bench's proxy could not be deleted: {error}");
        }
    }
}

/// A client's end of a connection.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0.write_all(bytes).map_err(|error| format!("sending: {error}"))
    }

    /// Ends its own direction.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        self.0.shutdown(Shutdown::Write).map_err(|error| format!("half-closing: {error}"))
    }

    /// So many bytes, with the time that they took.
    pub(crate) fn receive(&mut self, bytes: usize) -> Result<Duration, String> {
        let start = Instant::now();
        self.patience(PATIENCE)?;
        self.0
            .read_exact(&mut vec![0; bytes])
            .map_err(|error| format!("receiving {bytes} bytes: {error}"))?;
        Ok(start.elapsed())
    }

    /// Sends, awaits as many bytes, says how long that took.
    pub(crate) fn round_trip(&mut self, bytes: &[u8]) -> Result<Duration, String> {
        let start = Instant::now();
        self.send(bytes)?;
        self.receive(bytes.len())?;
        Ok(start.elapsed())
    }

    /// What comes within a time: the bytes of each read, and how it ended.
    pub(crate) fn watch(&mut self, within: Duration) -> Result<(Vec<usize>, Ending), String> {
        let start = Instant::now();
        let mut reads = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        // What is there already is read, however long the thread was kept from its first look.
        let mut left = within;
        while !left.is_zero() {
            self.patience(left)?;
            match self.0.read(&mut buffer) {
                Ok(0) => return Ok((reads, Ending::Orderly)),
                Ok(len) => reads.push(len),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return Ok((reads, Ending::Reset));
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(error) => return Err(format!("receiving: {error}")),
            }
            left = within.saturating_sub(start.elapsed());
        }
        Ok((reads, Ending::Open))
    }

    /// How it ends within a time, whatever comes before.
    pub(crate) fn ending(&mut self, within: Duration) -> Result<Ending, String> {
        Ok(self.watch(within)?.1)
    }

    fn patience(&self, patience: Duration) -> Result<(), String> {
        self.0.set_read_timeout(Some(patience)).map_err(|error| format!("setting a time-out: {error}"))
    }
}

/// An error unless `took` is at least `least`.
pub(crate) fn at_least(took: Duration, least_ms: u64) -> Result<(), String> {
    let least = Duration::from_millis(least_ms);
    if took >= least { Ok(()) } else { Err(format!("{took:?}, wanted {least:?} or more")) }
}

/// An error unless `took` is below `most`.
pub(crate) fn below(took: Duration, most_ms: u64) -> Result<(), String> {
    let most = Duration::from_millis(most_ms);
    if took < most { Ok(()) } else { Err(format!("{took:?}, wanted less than {most:?}")) }
}
