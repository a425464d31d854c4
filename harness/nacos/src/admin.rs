//! The control plane's client: publish, get, delete, readiness. It never goes through a proxy and never retries.
//!
//! What matters most here is what a failure means: only an answer that excludes storing is [`PublishAnswer::Refused`];
//! whatever leaves room for doubt is [`PublishAnswer::Ambiguous`].

mod publish;

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};

pub use self::publish::{Publication, PublishAnswer};
use crate::ConfigKey;
use crate::http::names;

/// Which line of Nacos a server is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerLine {
    /// 1.x and 2.x.
    V2,
    /// 3.x.
    V3,
}

/// Why a call of the control plane failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The client could not be made.
    #[error("HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    /// No whole answer came.
    #[error("{call} on {server} has no answer")]
    NoAnswer {
        /// What was asked.
        call: &'static str,
        /// Of whom.
        server: SocketAddr,
        /// What happened.
        source: reqwest::Error,
    },
    /// Another status than the call expects.
    #[error("{call} on {server} was answered with status {status}: {text}")]
    Status {
        /// What was asked.
        call: &'static str,
        /// Of whom.
        server: SocketAddr,
        /// The status.
        status: u16,
        /// The start of the body.
        text: String,
    },
}

/// A client of one server's HTTP port; clones share its pool of connections.
#[derive(Debug, Clone)]
pub struct AdminClient {
    client: Client,
    server: SocketAddr,
}

impl AdminClient {
    /// A client of the HTTP port at `server`; each call ends within `timeout`.
    ///
    /// # Errors
    /// [`AdminError::Client`] when the machine cannot make one.
    pub fn new(server: SocketAddr, timeout: Duration) -> Result<Self, AdminError> {
        let client = Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(AdminError::Client)?;
        Ok(Self { client, server })
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Publishes content by v1. Dropping the future leaves it ambiguous.
    pub async fn publish(&self, publication: Publication<'_>) -> PublishAnswer {
        let request = self
            .client
            .post(self.url(names::CONFIGS_PATH))
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(publication.form());
        let request = match publication.cas_md5 {
            Some(md5) => request.header(names::CAS_MD5, md5),
            None => request,
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return PublishAnswer::of_error(&error),
        };
        let status = response.status();
        match response.text().await {
            Ok(text) => PublishAnswer::of_answer(status, &text),
            Err(error) => PublishAnswer::of_cut_answer(status, &error),
        }
    }

    /// The content of one config; `None` when there is no such config.
    ///
    /// # Errors
    /// [`AdminError`] for anything but 200 and 404.
    pub async fn get(&self, key: &ConfigKey) -> Result<Option<String>, AdminError> {
        let response = self.keyed("get", Method::GET, key).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.expect_ok("get", response).await.map(Some)
    }

    /// Deletes one config; one that does not exist is no error (facts §1.2).
    ///
    /// # Errors
    /// [`AdminError`] for anything but 200; it may have been deleted nevertheless.
    pub async fn delete(&self, key: &ConfigKey) -> Result<(), AdminError> {
        let response = self.keyed("delete", Method::DELETE, key).await?;
        self.expect_ok("delete", response).await.map(drop)
    }

    /// Whether the server says that it is ready: false for any other answer and for none.
    pub async fn is_ready(&self, line: ServerLine) -> bool {
        let path = match line {
            ServerLine::V2 => names::READINESS_PATH,
            ServerLine::V3 => names::READINESS_PATH_V3,
        };
        let answer = self.client.get(self.url(path)).send().await;
        answer.is_ok_and(|response| response.status() == StatusCode::OK)
    }

    async fn keyed(
        &self,
        call: &'static str,
        method: Method,
        key: &ConfigKey,
    ) -> Result<Response, AdminError> {
        let url = format!("{}?{}", self.url(names::CONFIGS_PATH), key.query());
        let sent = self.client.request(method, url).send().await;
        sent.map_err(|source| AdminError::NoAnswer { call, server: self.server, source })
    }

    async fn expect_ok(&self, call: &'static str, response: Response) -> Result<String, AdminError> {
        let server = self.server;
        let status = response.status();
        let text = response.text().await.map_err(|source| AdminError::NoAnswer { call, server, source })?;
        if status == StatusCode::OK {
            return Ok(text);
        }
        Err(AdminError::Status { call, server, status: status.as_u16(), text: publish::start_of(&text) })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server)
    }
}

#[cfg(test)]
mod tests;
