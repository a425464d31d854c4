//! Toxiproxy in a container, in the network of the servers' containers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use shakedown_model::plan::ProxySpec;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{Proxies, ProxiesError, ProxyHost, Running};
use crate::containers::{ContainerRequest, Mapped, OwnContainer};

/// The API's port in the image.
const API_PORT: u16 = 8474;
/// How long it may take until its API answers.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) async fn start(
    spec: &ProxySpec,
    host: &ProxyHost<'_>,
    api: SocketAddr,
    listens: &[SocketAddr],
) -> Result<Proxies, ProxiesError> {
    let containers = host.containers.expect("the engine opens its share for every plan with containers");
    let image = spec.image();
    containers.provide(image, host.progress).await?;
    let on_host = |address: SocketAddr| SocketAddr::new(containers.host(), address.port());
    let api = on_host(api);
    let mut ports = vec![Mapped { inside: API_PORT, outside: api }];
    ports.extend(listens.iter().map(|listen| Mapped { inside: listen.port(), outside: on_host(*listen) }));
    let container = OwnContainer::start_new(
        containers,
        ContainerRequest {
            part: "toxiproxy".to_owned(),
            image: image.to_owned(),
            env: BTreeMap::new(),
            command: vec!["-host=0.0.0.0".to_owned(), format!("-port={API_PORT}")],
            ports,
            data: None,
            memory_bytes: None,
            cpus: None,
        },
    )
    .await?;
    let deadline = Instant::now() + READY_TIMEOUT;
    // An engine may accept connections before the container does, so only an answer counts.
    while !answers(api).await {
        if let Some(why) = container.failed() {
            return Err(ProxiesError::NotReady { api, why });
        }
        if Instant::now() >= deadline {
            let tail = container.log_tail().await;
            return Err(ProxiesError::NotReady {
                api,
                why: format!("no answer within {} s{tail}", READY_TIMEOUT.as_secs()),
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let description = format!("Toxiproxy, `{image}`, a container");
    Ok(Proxies { apis: vec![api], running: Running::Container(container), description })
}

/// Whether Toxiproxy's API tells its version.
pub(super) async fn answers(api: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(api).await?;
        let request = format!("GET /version HTTP/1.0\r\nHost: {api}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = timeout(Duration::from_secs(1), ask).await;
    let ok: [&[u8]; 2] = [b"HTTP/1.0 200", b"HTTP/1.1 200"];
    answer.is_ok_and(|answer| answer.is_ok_and(|answer| ok.iter().any(|start| answer.starts_with(start))))
}
