//! Whether a session comes about, to the end: with TLS 1.3 a server refuses a client's certificate only after the client's
//! side of the handshake is over, so that the first words of the protocol above are said, and the first answer is heard.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{TlsPeer, TlsTrouble};
use crate::socket::{ConnectError, Peer, connect, no_session};

/// The preface of HTTP/2 and empty SETTINGS (RFC 9113 §3.4), answered by the server's own.
const HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// Any answer will do.
const HTTP_1: &[u8] = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Connects to `peer` on a connection of its own, as a client does, and waits for the first bytes of an answer.
///
/// # Errors
/// [`ConnectError`] says what is wrong with TLS, or that there is no connection.
pub async fn prove(peer: &Peer, source: Ipv4Addr) -> Result<(), ConnectError> {
    let mut stream = connect(peer, source).await?;
    let broken = |error| match &peer.tls {
        Some(tls) => no_session(error, peer.addr, tls),
        None => ConnectError::Broken { peer: peer.addr, source: error },
    };
    let words = if peer.tls.as_ref().is_some_and(TlsPeer::speaks_http_2) { HTTP_2 } else { HTTP_1 };
    let speak = async {
        stream.write_all(words).await?;
        stream.flush().await
    };
    let spoken = speak.await;
    let mut answer = [0; 16];
    // Who refuses may be gone before all is said, and has said why; otherwise the first trouble counts.
    let heard = match stream.read(&mut answer).await {
        Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
        heard => heard,
    };
    match (heard, spoken) {
        (Ok(_), _) => Ok(()),
        (Err(error), Err(first)) if TlsTrouble::within(&error).is_none() => Err(broken(first)),
        (Err(error), _) => Err(broken(error)),
    }
}
