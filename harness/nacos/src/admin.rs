//! The control plane's client: publish, gray releases, get, delete, login, readiness. It never goes through a proxy.
//!
//! What matters most here is what a failure means: only an answer that excludes storing is [`PublishAnswer::Refused`];
//! whatever leaves room for doubt is [`PublishAnswer::Ambiguous`]. Nothing is sent twice, but for one case: a request
//! that was refused for an expired token, which was not carried out, is sent again with a new one.
//!
//! [`AdminClient`] speaks HTTP, v1 to 2.x and v3 to 3.x; [`rpc`] publishes by gRPC, as the SDKs do.

mod exchange;
mod first_user;
mod metrics;
mod namespaces;
mod paths;
mod publish;
mod raft;
pub mod rpc;
mod session;

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use shakedown_model::plan::{Generation, Login};

pub use self::exchange::CallError;
use self::exchange::{Answer, Call, Exchange};
pub use self::first_user::{FIRST_USER, FirstUser};
pub use self::metrics::METRICS_ENV;
pub use self::namespaces::NamespaceList;
use self::paths::Paths;
pub use self::publish::{Publication, PublishAnswer};
pub use self::raft::RaftView;
use self::session::Session;
use crate::http::names;
use crate::{ConfigKey, Peer};

/// Why a call of the control plane failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No whole answer came.
    #[error("{call} on {server} has no answer")]
    NoAnswer {
        /// What was asked.
        call: &'static str,
        /// Of whom.
        server: String,
        /// What happened.
        source: CallError,
    },
    /// Another status than the call expects.
    #[error("{call} on {server} was answered with status {status}: {text}")]
    Status {
        /// What was asked.
        call: &'static str,
        /// Of whom.
        server: String,
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
        server: String,
        /// The start of the body.
        text: String,
    },
}

/// A client of one server's HTTP port; clones share its pool of connections and its login.
#[derive(Debug, Clone)]
pub struct AdminClient {
    exchange: Exchange,
    generation: Generation,
    session: Option<Arc<Session>>,
}

impl AdminClient {
    /// A client of the HTTP port of a 2.x server without a login; each call ends within `timeout`.
    #[must_use]
    pub fn new(server: impl Into<Peer>, timeout: Duration) -> Self {
        let exchange = Exchange::new(server.into(), timeout);
        Self { exchange, generation: Generation::V2, session: None }
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

    /// The same with a login of its own, if calls need one: the first call logs in.
    #[must_use]
    pub fn with_new_session(&self) -> Self {
        let session = self.session.as_ref().map(|session| Arc::new(session.anew()));
        Self { session, ..self.clone() }
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> &Peer {
        self.exchange.peer()
    }

    /// Publishes content, to the addresses of a gray release alone if it names some. Dropping the future leaves it
    /// ambiguous.
    pub async fn publish(&self, publication: Publication<'_>) -> PublishAnswer {
        let paths = self.paths();
        let form = paths.form(publication.key, publication.content);
        self.change(move |client| {
            let mut request = client.exchange.call(Method::POST, paths.publish()).form(form.clone());
            if let Some(md5) = publication.cas_md5 {
                request = request.with(names::CAS_MD5, md5);
            }
            if let Some(ips) = publication.beta_ips {
                request = request.with(names::BETA_IPS, ips);
            }
            request
        })
        .await
    }

    /// Deletes one config; one that does not exist is no error (facts §1.2).
    pub async fn delete(&self, key: &ConfigKey) -> PublishAnswer {
        let path = self.keyed(self.paths().publish(), key);
        self.change(move |client| client.exchange.call(Method::DELETE, &path)).await
    }

    /// Ends the gray (beta) release of one config; one that has none is no error.
    pub async fn stop_beta(&self, key: &ConfigKey) -> PublishAnswer {
        let path = self.paths().stop_beta(key);
        self.change(move |client| client.exchange.call(Method::DELETE, &path)).await
    }

    /// The content of one config; `None` when there is no such config.
    ///
    /// # Errors
    /// [`AdminError`] for anything but the content and the word that there is none.
    pub async fn get(&self, key: &ConfigKey) -> Result<Option<String>, AdminError> {
        let path = self.keyed(self.paths().get(), key);
        let mut answer = self.ask_with_token("get", &path).await?;
        if answer.status == StatusCode::FORBIDDEN && self.session.is_some() {
            self.forget_token().await;
            answer = self.ask_with_token("get", &path).await?;
        }
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let text = self.expect_ok("get", answer)?;
        match self.generation {
            Generation::V2 => Ok(Some(text)),
            Generation::V3 => self.content_of(&text),
        }
    }

    /// Whether the server says that it is ready: false for any other answer and for none.
    pub async fn is_ready(&self) -> bool {
        self.readiness().await.is_ok()
    }

    /// Asks the server whether it is ready.
    ///
    /// # Errors
    /// [`AdminError::Status`] when it says anything but that it is, [`AdminError::NoAnswer`] when it says nothing.
    pub async fn readiness(&self) -> Result<(), AdminError> {
        const CALL: &str = "readiness";
        let call = self.exchange.call(Method::GET, self.paths().readiness());
        let answer = self.exchange.send(call).await.map_err(|source| self.no_answer(CALL, source))?;
        let status = answer.status;
        match self.expect_ok(CALL, answer) {
            // What counts is the status.
            Err(_) if status == StatusCode::OK => Ok(()),
            result => result.map(drop),
        }
    }

    /// The token under which calls are made now; `None` without a login.
    ///
    /// # Errors
    /// [`AdminError`] when the server does not let the account in.
    pub async fn token(&self) -> Result<Option<Arc<str>>, AdminError> {
        match &self.session {
            Some(session) => session.token(&self.exchange, self.paths()).await.map(Some),
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
    async fn change(&self, request: impl Fn(&Self) -> Call) -> PublishAnswer {
        let answer = self.change_once(request(self)).await;
        if self.session.is_some() && matches!(answer, PublishAnswer::Refused { status: Some(403), .. }) {
            self.forget_token().await;
            return self.change_once(request(self)).await;
        }
        answer
    }

    async fn change_once(&self, request: Call) -> PublishAnswer {
        let request = match self.with_token(request).await {
            Ok(request) => request,
            Err(error) => return PublishAnswer::not_sent(&error),
        };
        match self.exchange.send(request).await {
            Ok(Answer { status, text: Ok(text) }) => PublishAnswer::of_answer(status, &text),
            Ok(Answer { status, text: Err(error) }) => PublishAnswer::of_cut_answer(status, &error),
            Err(error) => PublishAnswer::of_error(&error),
        }
    }

    async fn with_token(&self, request: Call) -> Result<Call, AdminError> {
        Ok(match self.token().await? {
            Some(token) => request.with(names::ACCESS_TOKEN, &token),
            None => request,
        })
    }

    async fn ask_with_token(&self, call: &'static str, path: &str) -> Result<Answer, AdminError> {
        let request = self.with_token(self.exchange.call(Method::GET, path)).await?;
        self.exchange.send(request).await.map_err(|source| self.no_answer(call, source))
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
        let unreadable = || AdminError::Unreadable {
            call: "get",
            server: self.server().to_string(),
            text: publish::start_of(text),
        };
        let answer: Answer = serde_json::from_str(text).map_err(|_| unreadable())?;
        match (answer.code, answer.data.and_then(|data| data.content)) {
            (0, Some(content)) => Ok(Some(content)),
            (NOT_FOUND, _) => Ok(None),
            _ => Err(unreadable()),
        }
    }

    fn expect_ok(&self, call: &'static str, answer: Answer) -> Result<String, AdminError> {
        let (status, text) = answer.whole().map_err(|source| self.no_answer(call, source))?;
        if status == StatusCode::OK {
            return Ok(text);
        }
        Err(self.other_status(call, status, &text))
    }

    fn no_answer(&self, call: &'static str, source: CallError) -> AdminError {
        AdminError::NoAnswer { call, server: self.server().to_string(), source }
    }

    fn other_status(&self, call: &'static str, status: StatusCode, text: &str) -> AdminError {
        let (server, text) = (self.server().to_string(), publish::start_of(text));
        AdminError::Status { call, server, status: status.as_u16(), text }
    }

    fn paths(&self) -> Paths {
        Paths(self.generation)
    }

    fn keyed(&self, path: &str, key: &ConfigKey) -> String {
        format!("{path}?{}", self.paths().query(key))
    }
}

#[cfg(test)]
mod tests;
