//! Accepting: one task per proxy takes connections and deals them out over the shards in turn.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpStream;

use super::connection::Connection;
use super::link::{Link, LinkId};
use super::{Command, Shard};

/// How long accepting rests when it failed: the files have run out, and trying again at once only burns the core.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Connections taken in a row before those that are served get their turn.
const ACCEPTS_PER_TURN: usize = 16;

/// Says that the accept task ended, however it ends.
struct Accepting(Rc<Link>);

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.accepting.set(false);
        self.0.stopped_accepting.notify_waiters();
    }
}

impl Shard {
    /// Starts to accept for a proxy.
    pub(super) fn accept(self: &Rc<Self>, id: LinkId, listener: TcpListener) -> io::Result<()> {
        let link = self.link(id).ok_or_else(|| io::Error::other("the proxy was closed meanwhile"))?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        link.accepting.set(true);
        let shard = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let guard = Accepting(Rc::clone(&link));
            tokio::select! {
                () = link.stop_accepting.notified() => {}
                () = shard.accept_all(&link, &listener) => {}
            }
            // Closed before the guard says so.
            drop(listener);
            drop(guard);
        });
        Ok(())
    }

    async fn accept_all(self: &Rc<Self>, link: &Rc<Link>, listener: &tokio::net::TcpListener) {
        for turn in 1_usize.. {
            if turn.is_multiple_of(ACCEPTS_PER_TURN) {
                tokio::task::yield_now().await;
            }
            match listener.accept().await {
                Ok((client, _)) => {
                    let number = link.spec.accepted.fetch_add(1, Ordering::Relaxed);
                    let shards = self.peers.len() as u64;
                    let index = usize::try_from(number % shards).expect("below the number of shards");
                    if index == self.index {
                        self.serve(link, number, client);
                    } else if let Err(error) = self.hand_over(index, link.spec.id, number, client).await {
                        tracing::warn!(proxy = link.spec.name, %error, "a connection could not be handed over");
                    }
                }
                Err(error) => {
                    tracing::warn!(proxy = link.spec.name, %error, "accepting failed");
                    link.spec.tally.accept_failed();
                    tokio::time::sleep(REST_AFTER_FAILURE).await;
                }
            }
        }
    }

    async fn hand_over(&self, shard: usize, id: LinkId, number: u64, client: TcpStream) -> io::Result<()> {
        let client = client.into_std()?;
        self.peers[shard]
            .send(Command::Serve(id, number, client))
            .await
            .map_err(|_| io::Error::other("the shard has ended"))
    }

    /// Serves a connection that another shard accepted.
    pub(super) fn serve_std(self: &Rc<Self>, id: LinkId, number: u64, client: std::net::TcpStream) {
        let Some(link) = self.link(id) else { return };
        match TcpStream::from_std(client) {
            Ok(client) => self.serve(&link, number, client),
            Err(error) => {
                tracing::warn!(proxy = link.spec.name, %error, "a connection could not be watched");
            }
        }
    }

    fn serve(self: &Rc<Self>, link: &Rc<Link>, number: u64, client: TcpStream) {
        if link.is_closing() {
            return;
        }
        let connection = Connection::new(Rc::clone(link), number, client, self);
        tokio::task::spawn_local(connection.run(Rc::clone(self)));
    }
}
