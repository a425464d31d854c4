//! What servers tell of themselves: each is asked once a second, and waited for less than that.
//!
//! A node that does not answer (it is down, paused or cut off) leaves a gap. At most one question per node is under way,
//! so that a node that comes to itself after a minute finds one question, not sixty.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shakedown_model::plan::Generation;
use shakedown_nacos::Peer;
use shakedown_nacos::admin::{AdminClient, AdminError};
use shakedown_topology::Part;
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::task::JoinSet;

/// What a part told: figures by name.
pub(crate) type Metrics = BTreeMap<String, f64>;

/// An answer that takes longer comes too late for its sample.
const PATIENCE: Duration = Duration::from_millis(900);
/// A question without an answer is given up after this long, and the next one asked.
const GIVE_UP: Duration = Duration::from_secs(10);

/// Asks servers for their metrics.
#[derive(Debug)]
pub(crate) struct Told {
    generation: Generation,
    nodes: Mutex<BTreeMap<SocketAddr, Arc<AsyncMutex<Node>>>>,
    /// Questions under way; they end with this.
    asking: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
struct Node {
    client: AdminClient,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has not answered yet.
    Unknown,
    /// It tells.
    Tells,
    /// It answered that it tells nothing: it is not asked again.
    Mute,
}

impl Told {
    pub(crate) fn new(generation: Generation) -> Self {
        Self { generation, nodes: Mutex::default(), asking: Mutex::default() }
    }

    /// What each part told within a second, by its name; one that told nothing is absent.
    pub(crate) async fn ask(&self, parts: &[Part]) -> BTreeMap<String, Metrics> {
        let answers = parts
            .iter()
            .filter_map(|part| Some((part.name.clone(), self.ask_node(part.tells_at.as_ref()?)?)));
        let answers = answers.map(|(name, answer)| async {
            let metrics = tokio::time::timeout(PATIENCE, answer).await.ok()?.ok()?;
            Some((name, metrics))
        });
        futures_util::future::join_all(answers).await.into_iter().flatten().collect()
    }

    /// Asks a node, unless it is being asked or tells nothing.
    fn ask_node(&self, http: &Peer) -> Option<oneshot::Receiver<Metrics>> {
        let mut node = self.node(http).try_lock_owned().ok().filter(|node| node.state != State::Mute)?;
        let (tell, answer) = oneshot::channel();
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        while asking.try_join_next().is_some() {}
        let http = http.addr;
        asking.spawn(async move {
            match node.client.metrics().await {
                Ok(metrics) => {
                    node.state = State::Tells;
                    // Nobody waits for an answer that is late.
                    drop(tell.send(metrics));
                }
                Err(error) => {
                    tracing::debug!(%http, %error, "no metrics");
                    let is_mute = matches!(error, AdminError::Status { status: 400..500, .. });
                    if is_mute && node.state == State::Unknown {
                        node.state = State::Mute;
                    }
                }
            }
        });
        Some(answer)
    }

    fn node(&self, http: &Peer) -> Arc<AsyncMutex<Node>> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.get(&http.addr) {
            return Arc::clone(node);
        }
        let client = AdminClient::new(http, GIVE_UP).speaking(self.generation);
        let node = Arc::new(AsyncMutex::new(Node { client, state: State::Unknown }));
        nodes.insert(http.addr, Arc::clone(&node));
        node
    }
}

#[cfg(test)]
mod tests {
    use shakedown_topology::{PartConnections, PartPlace};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::*;

    /// A server that answers one request per connection with what it is told to, and reports each request.
    async fn server() -> (SocketAddr, mpsc::Sender<&'static str>, mpsc::Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (answer, mut answers) = mpsc::channel(8);
        let (asked, questions) = mpsc::channel(8);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut buffer = [0; 2048];
                let _count = socket.read(&mut buffer).await.unwrap();
                asked.send(()).await.unwrap();
                let Some(answer) = answers.recv().await else { return };
                socket.write_all(str::as_bytes(answer)).await.unwrap();
            }
        });
        (at, answer, questions)
    }

    fn part(tells_at: SocketAddr) -> Vec<Part> {
        let (name, place) = ("nacos-0".to_owned(), PartPlace::Elsewhere);
        vec![Part { name, place, connections: PartConnections::Unknown, tells_at: Some(tells_at.into()) }]
    }

    /// Asks until there is an answer.
    async fn until_told(told: &Told, parts: &[Part]) -> Metrics {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(metrics) = told.ask(parts).await.remove("nacos-0") {
                return metrics;
            }
            assert!(Instant::now() < deadline, "nothing told in 20 s");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    const TELLS: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\njvm_threads_live_threads 5.0\n";
    const ABSENT: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_node_that_is_silent_leaves_a_gap_and_is_not_asked_twice() {
        let (at, answer, mut questions) = server().await;
        let told = Told::new(Generation::V2);
        assert!(told.ask(&part(at)).await.is_empty(), "nothing was told yet");
        questions.recv().await.unwrap();
        assert!(told.ask(&part(at)).await.is_empty());
        assert!(questions.try_recv().is_err(), "it was asked while it was being asked");
        // Its late answer belongs to no sample; the next question is answered in time.
        answer.send(TELLS).await.unwrap();
        answer.send(TELLS).await.unwrap();
        assert_eq!(until_told(&told, &part(at)).await, Metrics::from([("threads".to_owned(), 5.0)]));
    }

    #[tokio::test]
    async fn a_server_without_metrics_is_asked_once_and_one_that_had_some_again_and_again() {
        let (at, answer, mut questions) = server().await;
        let told = Told::new(Generation::V3);
        answer.send(ABSENT).await.unwrap();
        assert!(told.ask(&part(at)).await.is_empty());
        questions.recv().await.unwrap();
        assert!(told.ask(&part(at)).await.is_empty());
        assert!(questions.try_recv().is_err(), "it was asked again");

        let (at, answer, _questions) = server().await;
        for text in [TELLS, ABSENT, TELLS] {
            answer.send(text).await.unwrap();
        }
        until_told(&told, &part(at)).await;
        until_told(&told, &part(at)).await;
    }
}
