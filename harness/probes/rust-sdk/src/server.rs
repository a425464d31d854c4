//! The server under proof, as a child process.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// How the server is started.
pub struct ServerCommand {
    /// Its HTTP port; gRPC is 1000 above.
    pub port: u16,
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// A started server, killed when dropped.
pub struct Server(Child);

impl ServerCommand {
    /// Starts the server and waits until both ports accept.
    pub async fn start(&self) -> Result<Server, String> {
        for port in self.ports() {
            // Whatever answers there now would be taken for the server under proof.
            if accepts(port).await {
                return Err(format!("port {port} is taken: stop what uses it or choose another PORT"));
            }
        }
        let child = Command::new(&self.program)
            .args(&self.arguments)
            // Kept open: a server may take the end of its input as the end of its work.
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start `{}`: {error}", self.program))?;
        let mut server = Server(child);
        let deadline = Instant::now() + READY_TIMEOUT;
        for port in self.ports() {
            while !accepts(port).await {
                if let Ok(Some(status)) = server.0.try_wait() {
                    return Err(format!("the server ended at its start: {status}"));
                }
                if Instant::now() > deadline {
                    return Err(format!("port {port} does not accept within {READY_TIMEOUT:?}"));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(server)
    }

    fn ports(&self) -> [u16; 2] {
        [self.port, self.port + 1000]
    }
}

async fn accepts(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

impl Server {
    /// Kills the server without a warning, and waits until it is gone.
    pub async fn kill(mut self) -> Result<(), String> {
        self.0.kill().await.map_err(|error| format!("cannot kill the server: {error}"))
    }
}
