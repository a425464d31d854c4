//! The server under proof, as a child process.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::http::call;

/// A real Nacos takes half a minute to start on a small machine.
const READY_TIMEOUT: Duration = Duration::from_secs(180);

/// The server's generation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// 2.x.
    V2,
    /// 3.x.
    V3,
}

/// An account at the server.
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// How the server is started.
pub struct ServerCommand {
    /// The HTTP ports of its nodes, one or two; gRPC is 1000 above each.
    pub ports: Vec<u16>,
    /// Its generation.
    pub mode: Mode,
    /// Whom to log in as, if it needs a login.
    pub login: Option<Login>,
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// A started server, killed when dropped.
pub struct Server(Child);

impl ServerCommand {
    /// Starts the server and waits until every node says that it is ready and listens for gRPC.
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
            while !self.is_ready(port).await {
                if let Ok(Some(status)) = server.0.try_wait() {
                    return Err(format!("the server ended at its start: {status}"));
                }
                if Instant::now() > deadline {
                    return Err(format!("port {port} is not ready within {READY_TIMEOUT:?}"));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(server)
    }

    fn ports(&self) -> impl Iterator<Item = u16> {
        self.ports.iter().flat_map(|port| [*port, port + 1000])
    }

    async fn is_ready(&self, port: u16) -> bool {
        if !self.ports.contains(&port) {
            return accepts(port).await;
        }
        let path = match self.mode {
            Mode::V2 => "/nacos/v1/console/health/readiness",
            Mode::V3 => "/nacos/v3/admin/core/state/readiness",
        };
        matches!(call(port, "GET", path, "").await, Ok((200, _)))
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
