//! The thread that terminates TLS: accepts, shakes hands, and forwards bytes to the node's own port in the clear.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::node::NodeFront;

/// A handshake may take as long as nginx waits for one.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(60);
/// How long a client that was refused may take to close.
const PARTING: Duration = Duration::from_secs(1);
/// Connections that wait to be accepted, as for the nodes themselves.
const BACKLOG: u32 = 4096;
/// After a connection could not be accepted (no files) the next one is tried so much later.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// A port with TLS, and what is behind it.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub(super) front: Arc<NodeFront>,
    pub(super) at: SocketAddr,
    pub(super) inner: SocketAddr,
    pub(super) is_grpc: bool,
}

/// The thread; dropping it closes every connection and waits for its end, which is short.
#[derive(Debug)]
pub(super) struct FrontThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FrontThread {
    /// Listens at every door, and serves.
    pub(super) async fn start(name: &str, doors: Vec<Door>) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            runtime.block_on(async {
                let listening: io::Result<Vec<_>> = doors.into_iter().map(listen).collect();
                let listening = match listening {
                    Ok(listening) => listening,
                    Err(error) => return drop(tell.send(Err(error))),
                };
                if tell.send(Ok(())).is_ok() {
                    let mut tasks: JoinSet<()> =
                        listening.into_iter().map(|(listener, door)| accept(listener, door)).collect();
                    tokio::select! {
                        // The sender is dropped to stop.
                        _ = stopped => {}
                        Some(_) = tasks.join_next() => {}
                    }
                }
            });
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(serve)?;
        let own = Self { stop: Some(stop), thread: Some(thread) };
        match told.await {
            Ok(listens) => listens.map(|()| own),
            Err(_) => Err(io::Error::other("its thread ended")),
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for FrontThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!(?panic, "what terminates TLS panicked: a defect of shakedown");
        }
    }
}

fn listen(door: Door) -> io::Result<(TcpListener, Door)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(door.at)?;
    Ok((socket.listen(BACKLOG)?, door))
}

async fn accept(listener: TcpListener, door: Door) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((outer, _)) => drop(connections.spawn(attend(outer, door.clone()))),
                Err(error) => {
                    tracing::warn!(%error, at = %door.at, "a connection could not be accepted in front of a node");
                    sleep(ACCEPT_AGAIN).await;
                }
            },
            // Ended connections are let go as they end.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection from its accept to its end, or to a cut.
async fn attend(outer: TcpStream, door: Door) {
    let mut cuts = door.front.cuts();
    let _open = door.front.enter();
    tokio::select! {
        biased;
        // Dropping both sockets closes them in order.
        _ = cuts.changed() => {}
        () = forward(outer, &door) => {}
    }
}

async fn forward(outer: TcpStream, door: &Door) {
    // A socket that is gone already says so below.
    drop(outer.set_nodelay(true));
    let acceptor = TlsAcceptor::from(door.front.config(door.is_grpc));
    // The handshake's buffers are needed once, and are not to lie in every connection's future.
    let shaking = Box::pin(acceptor.accept(outer).into_fallible());
    let session = timeout(HANDSHAKE_WITHIN, shaking).await;
    door.front.shook(matches!(session, Ok(Ok(_))));
    let mut outer = match session {
        Ok(Ok(outer)) => outer,
        Ok(Err((error, outer))) => {
            tracing::debug!(%error, at = %door.at, "no session came about");
            return part(outer).await;
        }
        Err(_) => return,
    };
    let mut inner = match TcpStream::connect(door.inner).await {
        Ok(inner) => inner,
        // The node is gone, and a client is to see that.
        Err(_) => return reset(outer.get_ref().0),
    };
    drop(inner.set_nodelay(true));
    if let Err(error) = tokio::io::copy_bidirectional(&mut outer, &mut inner).await {
        pass_on(&error, &outer, &inner);
    }
}

/// Closes, and hears the other side out: a close with bytes unread would be a reset, which overtakes the alert that says
/// why there is no session.
async fn part(mut outer: TcpStream) {
    let hear_out = async {
        outer.shutdown().await?;
        let mut unread = [0; 1024];
        while outer.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    // Whoever says no end within that gets a reset.
    drop(timeout(PARTING, hear_out).await);
}

/// One side broke: a client that left without a word of TLS has closed, and anything else is a reset to the other side.
fn pass_on(error: &io::Error, outer: &TlsStream<TcpStream>, inner: &TcpStream) {
    if error.kind() != io::ErrorKind::UnexpectedEof {
        reset(outer.get_ref().0);
        reset(inner);
    }
}

/// Lets the coming close of a socket be a reset.
fn reset(socket: &TcpStream) {
    if let Err(error) = socket.set_zero_linger() {
        tracing::debug!(%error, "a reset in front of a node is a close");
    }
}
