//! Namespaces: made and removed by the console's API of 2.x and the admin API of 3.x (seen on 3.1.0; facts §1.6).
//!
//! A server takes configs in a namespace that is on no list, so that one whose API for namespaces is elsewhere (a
//! console of its own, or none) can be worked with all the same. Removing a namespace leaves its configs: they are to be
//! deleted first.

use http::{Method, StatusCode};
use serde::Deserialize;
use shakedown_model::plan::Generation;

use super::exchange::{self, Call};
use super::{AdminClient, AdminError};

/// Whether a server keeps a list of namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceList {
    /// The namespace was put on it, or taken off it.
    Kept,
    /// The server has none where its configs are: the namespace exists as far as configs lie in it.
    Absent,
}

impl AdminClient {
    /// Puts a namespace on the server's list, under its id as its name.
    ///
    /// # Errors
    /// [`AdminError`] when there is no answer, or another than that it was done or that there is no such list.
    pub async fn make_namespace(&self, id: &str, about: &str) -> Result<NamespaceList, AdminError> {
        let id_name = match self.generation {
            Generation::V2 => "customNamespaceId",
            Generation::V3 => "namespaceId",
        };
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair(id_name, id)
            .append_pair("namespaceName", id)
            .append_pair("namespaceDesc", about)
            .finish();
        self.change_namespace("making a namespace", |client| {
            client.exchange.call(Method::POST, client.paths().namespaces()).form(form.clone())
        })
        .await
    }

    /// Takes a namespace off the server's list; one that is not on it is no error.
    ///
    /// # Errors
    /// As [`AdminClient::make_namespace`].
    pub async fn remove_namespace(&self, id: &str) -> Result<NamespaceList, AdminError> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("namespaceId", id).finish();
        let path = format!("{}?{query}", self.paths().namespaces());
        self.change_namespace("removing a namespace", |client| client.exchange.call(Method::DELETE, &path))
            .await
    }

    async fn change_namespace(
        &self,
        call: &'static str,
        request: impl Fn(&Self) -> Call,
    ) -> Result<NamespaceList, AdminError> {
        let no_answer = |source| self.no_answer(call, source);
        let ask = async || -> Result<exchange::Answer, AdminError> {
            self.exchange.send(self.with_token(request(self)).await?).await.map_err(no_answer)
        };
        let mut answer = ask().await?;
        if answer.status == StatusCode::FORBIDDEN && self.session.is_some() {
            self.forget_token().await;
            answer = ask().await?;
        }
        let (status, text) = answer.whole().map_err(no_answer)?;
        if is_done(status, &text) {
            return Ok(NamespaceList::Kept);
        }
        // Spring's answer for a path that nobody serves; a namespace that is not there has a code of its own.
        if status == StatusCode::NOT_FOUND && !has_code(&text) {
            return Ok(NamespaceList::Absent);
        }
        Err(self.other_status(call, status, &text))
    }
}

#[derive(Deserialize)]
struct Answer {
    code: i64,
}

fn has_code(text: &str) -> bool {
    serde_json::from_str::<Answer>(text).is_ok()
}

/// `true` by 2.x, a result with code 0 by 3.x.
fn is_done(status: StatusCode, text: &str) -> bool {
    status == StatusCode::OK
        && (text.trim() == "true" || serde_json::from_str(text).is_ok_and(|answer: Answer| answer.code == 0))
}
