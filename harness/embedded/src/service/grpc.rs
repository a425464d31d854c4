//! gRPC on one connection, over our own HTTP/2 codec (ADR 28): the transport is the connection's identity
//! (nacos-facts.md §2.1, §2.3).
//!
//! One task owns a connection and reads it; pushes are written by whoever makes the core want them, straight to the
//! socket. An idle connection holds neither a buffer nor a timer. Start at `session`.

mod bad;
mod link;
mod outbox;
mod session;
mod status;
mod streams;
mod unary;
mod wire;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::TcpStream;

pub(super) use self::link::{Link, Sent};
use self::session::Session;
use super::node::Node;

/// Serves one connection to its end.
pub(super) async fn serve(node: Rc<Node>, stream: TcpStream, peer: SocketAddr) {
    let session = Session::new(stream, peer);
    poll_fn(|cx| session.poll(&node, cx)).await;
    session.end(&node);
}
