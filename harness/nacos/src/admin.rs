//! The control plane's client: publish, gray releases, get, delete, login, readiness. It never goes through a proxy.
//!
//! What matters most here is what a failure means: only an answer that excludes storing is [`PublishAnswer::Refused`];
//! whatever leaves room for doubt is [`PublishAnswer::Ambiguous`]. Nothing is sent twice, but for one case: a request
//! that was refused for an expired token, which was not carried out, is sent again with a new one.
//!
//! [`AdminClient`] speaks HTTP, v1 to 2.x and v3 to 3.x; [`rpc`] publishes by gRPC, as the SDKs do.

mod first_user;
mod metrics;
mod namespaces;
mod paths;
mod publish;
mod raft;
pub mod rpc;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use shakedown_model::plan::{Generation, Login};

pub use self::first_user::{FIRST_USER, FirstUser};
pub use self::metrics::METRICS_ENV;
pub use self::namespaces::NamespaceList;
use self::paths::Paths;
pub use self::publish::{Publication, PublishAnswer};
pub use self::raft::RaftView;
use self::session::Session;
use crate::ConfigKey;
use crate::http::names;

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
    /// An answer that does not say what was asked.
    #[error("{call} on {server} was answered with what cannot be read: {text}")]
    Unreadable {
        /// What was asked.
        call: &'static str,
        /// Of whom.
        server: SocketAddr,
        /// The start of the body.
        text: String,
    },
}

/// A client of one server's HTTP port; clones share its pool of connections and its login.
#[derive(Debug, Clone)]
pub struct AdminClient {
    client: Client,
    server: SocketAddr,
    generation: Generation,
    session: Option<Arc<Session>>,
}

impl AdminClient {
    /// A client of the HTTP port of a 2.x server without a login; each call ends within `timeout`.
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
        Ok(Self { client, server, generation: Generation::V2, session: None })
    }

    /// The same for a server of this generation.
    #[must_use]
    pub fn speaking(self, generation: Generation) -> Self {
        Self { generation, ..self }
    }

    /// The same with every call under this account, if one is given. It logs in before the first call, again before
    /// the token expires, and again when a call is refused for it.
    #[must_use]
    pub fn logging_in(self, login: Option<&Login>) -> Self {
        Self { session: login.map(|login| Arc::new(Session::new(login.clone()))), ..self }
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Publishes content, to the addresses of a gray release alone if it names some. Dropping the future leaves it
    /// ambiguous.
    pub async fn publish(&self, publication: Publication<'_>) -> PublishAnswer {
        let paths = self.paths();
        let form = paths.form(publication.key, publication.content);
        self.change(move |client| {
            let mut request = client
                .client
                .post(client.url(paths.publish()))
                .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone());
            if let Some(md5) = publication.cas_md5 {
                request = request.header(names::CAS_MD5, md5);
            }
            if let Some(ips) = publication.beta_ips {
                request = request.header(names::BETA_IPS, ips);
            }
            request
        })
        .await
    }

    /// Deletes one config; one that does not exist is no error (facts §1.2).
    pub async fn delete(&self, key: &ConfigKey) -> PublishAnswer {
        let url = self.keyed(self.paths().publish(), key);
        self.change(move |client| client.client.request(Method::DELETE, &url)).await
    }

    /// Ends the gray (beta) release of one config; one that has none is no error.
    pub async fn stop_beta(&self, key: &ConfigKey) -> PublishAnswer {
        let url = self.paths().stop_beta(&self.url(""), key);
        self.change(move |client| client.client.request(Method::DELETE, &url)).await
    }

    /// The content of one config; `None` when there is no such config.
    ///
    /// # Errors
    /// [`AdminError`] for anything but the content and the word that there is none.
    pub async fn get(&self, key: &ConfigKey) -> Result<Option<String>, AdminError> {
        let url = self.keyed(self.paths().get(), key);
        let mut response = self.ask_with_token("get", &url).await?;
        if response.status() == StatusCode::FORBIDDEN && self.session.is_some() {
            self.forget_token().await;
            response = self.ask_with_token("get", &url).await?;
        }
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let text = self.expect_ok("get", response).await?;
        match self.generation {
            Generation::V2 => Ok(Some(text)),
            Generation::V3 => self.content_of(&text),
        }
    }

    /// Whether the server says that it is ready: false for any other answer and for none.
    pub async fn is_ready(&self) -> bool {
        let answer = self.client.get(self.url(self.paths().readiness())).send().await;
        answer.is_ok_and(|response| response.status() == StatusCode::OK)
    }

    /// The token under which calls are made now; `None` without a login.
    ///
    /// # Errors
    /// [`AdminError`] when the server does not let the account in.
    pub async fn token(&self) -> Result<Option<Arc<str>>, AdminError> {
        match &self.session {
            Some(session) => session.token(&self.client, self.server, self.paths()).await.map(Some),
            None => Ok(None),
        }
    }

    /// The server refused the token: the next call logs in again.
    pub async fn forget_token(&self) {
        if let Some(session) = &self.session {
            session.forget().await;
        }
    }

    /// Sends a request that changes something, once more if it was refused for its token.
    async fn change(&self, request: impl Fn(&Self) -> RequestBuilder) -> PublishAnswer {
        let answer = self.change_once(request(self)).await;
        if self.session.is_some() && matches!(answer, PublishAnswer::Refused { status: Some(403), .. }) {
            self.forget_token().await;
            return self.change_once(request(self)).await;
        }
        answer
    }

    async fn change_once(&self, request: RequestBuilder) -> PublishAnswer {
        let request = match self.with_token(request).await {
            Ok(request) => request,
            Err(error) => return PublishAnswer::not_sent(&error),
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

    async fn with_token(&self, request: RequestBuilder) -> Result<RequestBuilder, AdminError> {
        Ok(match self.token().await? {
            Some(token) => request.header(names::ACCESS_TOKEN, &*token),
            None => request,
        })
    }

    async fn ask_with_token(&self, call: &'static str, url: &str) -> Result<Response, AdminError> {
        let request = self.with_token(self.client.get(url)).await?;
        request.send().await.map_err(|source| AdminError::NoAnswer { call, server: self.server, source })
    }

    /// The content in an answer of v3, which says in its body that there is none.
    fn content_of(&self, text: &str) -> Result<Option<String>, AdminError> {
        #[derive(Deserialize)]
        struct Answer {
            code: i64,
            data: Option<Content>,
        }
        #[derive(Deserialize)]
        struct Content {
            content: Option<String>,
        }
        const NOT_FOUND: i64 = 20004;
        let unreadable =
            || AdminError::Unreadable { call: "get", server: self.server, text: publish::start_of(text) };
        let answer: Answer = serde_json::from_str(text).map_err(|_| unreadable())?;
        match (answer.code, answer.data.and_then(|data| data.content)) {
            (0, Some(content)) => Ok(Some(content)),
            (NOT_FOUND, _) => Ok(None),
            _ => Err(unreadable()),
        }
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

    fn paths(&self) -> Paths {
        Paths(self.generation)
    }

    fn keyed(&self, path: &str, key: &ConfigKey) -> String {
        format!("{}?{}", self.url(path), self.paths().query(key))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server)
    }
}

#[cfg(test)]
mod tests;
