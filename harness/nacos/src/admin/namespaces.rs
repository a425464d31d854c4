//! Namespaces: made and removed by the console's API of 2.x and the admin API of 3.x (seen on 3.1.0; facts §1.6).
//!
//! A server takes configs in a namespace that is on no list, so that one whose API for namespaces is elsewhere (a
//! console of its own, or none) can be worked with all the same. Removing a namespace leaves its configs: they are to be
//! deleted first.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use shakedown_model::plan::Generation;

use super::{AdminClient, AdminError, publish};

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
            let request = client.client.post(client.url(client.paths().namespaces()));
            request
                .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone())
        })
        .await
    }

    /// Takes a namespace off the server's list; one that is not on it is no error.
    ///
    /// # Errors
    /// As [`AdminClient::make_namespace`].
    pub async fn remove_namespace(&self, id: &str) -> Result<NamespaceList, AdminError> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("namespaceId", id).finish();
        let url = format!("{}?{query}", self.url(self.paths().namespaces()));
        self.change_namespace("removing a namespace", |client| client.client.request(Method::DELETE, &url))
            .await
    }

    async fn change_namespace(
        &self,
        call: &'static str,
        request: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<NamespaceList, AdminError> {
        let server = self.server;
        let no_answer = |source| AdminError::NoAnswer { call, server, source };
        let mut response = self.with_token(request(self)).await?.send().await.map_err(no_answer)?;
        if response.status() == StatusCode::FORBIDDEN && self.session.is_some() {
            self.forget_token().await;
            response = self.with_token(request(self)).await?.send().await.map_err(no_answer)?;
        }
        let status = response.status();
        let text = response.text().await.map_err(no_answer)?;
        if is_done(status, &text) {
            return Ok(NamespaceList::Kept);
        }
        // Spring's answer for a path that nobody serves; a namespace that is not there has a code of its own.
        if status == StatusCode::NOT_FOUND && !has_code(&text) {
            return Ok(NamespaceList::Absent);
        }
        Err(AdminError::Status { call, server, status: status.as_u16(), text: publish::start_of(&text) })
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
