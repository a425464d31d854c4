//! As little HTTP as an operator's call needs: one request per connection, by HTTP/1.0, so that no answer is in chunks.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An operator's call may wait 3 s for a client's answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The status and the body of a call on 127.0.0.1. A `body` is sent as a form.
pub async fn call(port: u16, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
    tokio::time::timeout(TIMEOUT, exchange(port, method, path, body))
        .await
        .unwrap_or_else(|_| Err(format!("{method} {path} was not answered within {TIMEOUT:?}")))
}

async fn exchange(port: u16, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
    let failed = |error: std::io::Error| format!("{method} {path}: {error}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(failed)?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(failed)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{method} {path}: no answer"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(|| format!("{method} {path}: no status in `{head}`"))?, body.to_owned()))
}
