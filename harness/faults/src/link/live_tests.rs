//! Which direction a stream is, from the recipe to the bytes: through the embedded proxy on real sockets.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use shakedown_model::Seed;
use shakedown_model::fault::{Distribution, Stream, Toxic, ToxicKind as Planned};
use shakedown_proxy::{ProxyConfig as Config, ProxyServer, RunningProxyServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::toxiproxy::{ProxyConfig, ToxiproxyClient};

/// Much longer than a busy machine takes for a byte.
const LATENCY: Duration = Duration::from_millis(1_500);
const STREAMS: [Stream; 3] = [Stream::Upstream, Stream::Downstream, Stream::Both];

/// The two ends of a connection through a proxy: a watcher's and a server's.
struct Line {
    watcher: TcpStream,
    server: TcpStream,
    fault: LinkFault,
    _proxies: RunningProxyServer,
}

async fn line(recipe: Recipe) -> Line {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let proxies = ProxyServer::start(Config { api: any, shards: 1, seed: Seed(7) }).unwrap();
    let client = ToxiproxyClient::new(proxies.api_addr()).unwrap();
    let listener = TcpListener::bind(any).await.unwrap();
    let upstream = listener.local_addr().unwrap();
    let proxy = ProxyConfig {
        name: "p".into(),
        listen: any,
        upstream: upstream.to_string(),
        enabled: true,
        source: None,
        follow: false,
    };
    let listen = client.create(&proxy).await.unwrap().listen;
    let watcher = TcpStream::connect(listen).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let fault = LinkFault { api: Arc::new(client), proxies: vec!["p".into()], recipe };
    Line { watcher, server, fault, _proxies: proxies }
}

fn slow(stream: Stream) -> Recipe {
    let distribution = Distribution::Uniform;
    let kind = Planned::Latency { latency: LATENCY, jitter: Duration::ZERO, distribution };
    toxic::recipe("f", ProxyKind::Embedded, Toxic::new(stream, kind)).unwrap()
}

async fn takes(from: &mut TcpStream, to: &mut TcpStream) -> Duration {
    let start = Instant::now();
    from.write_all(b"?").await.unwrap();
    to.read_exact(&mut [0]).await.unwrap();
    start.elapsed()
}

#[tokio::test]
async fn latency_delays_the_directions_of_its_stream_and_no_other() {
    for stream in STREAMS {
        let mut line = line(slow(stream)).await;
        line.fault.apply().await.unwrap();
        let up = takes(&mut line.watcher, &mut line.server).await;
        let down = takes(&mut line.server, &mut line.watcher).await;
        let is_slow = (up >= LATENCY, down >= LATENCY);
        assert_eq!(is_slow, (stream != Stream::Downstream, stream != Stream::Upstream), "{stream:?}");
        line.fault.heal().await.unwrap();
        assert!(takes(&mut line.watcher, &mut line.server).await < LATENCY, "{stream:?} healed");
        assert!(takes(&mut line.server, &mut line.watcher).await < LATENCY, "{stream:?} healed");
    }
}

#[tokio::test]
async fn a_blackhole_holds_the_direction_of_its_stream_and_no_other() {
    for stream in [Stream::Upstream, Stream::Downstream] {
        let mut line = line(blackhole::recipe("f", ProxyKind::Embedded, stream)).await;
        line.fault.apply().await.unwrap();
        let (held, free) = match stream {
            Stream::Upstream => (&mut line.watcher, &mut line.server),
            Stream::Downstream | Stream::Both => (&mut line.server, &mut line.watcher),
        };
        held.write_all(b"?").await.unwrap();
        // What is sent later, the other way, comes.
        takes(free, held).await;
        let nothing = free.try_read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(nothing, Err(ErrorKind::WouldBlock), "{stream:?}");
    }
}
