//! The first user of a server with an empty store, who may do everything (seen on 2.5.0 and 3.1.0).

use http::Method;
use serde::Deserialize;

use super::{AdminClient, AdminError};

/// The name that every server gives its first user; only the password is chosen.
pub const FIRST_USER: &str = "nacos";

/// What became of the wish for a first user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstUser {
    /// It was made. It can log in once the server's nodes have read their users again, which takes up to 15 s.
    Made,
    /// The server has an administrator already, whose password stays what it is.
    Exists,
}

/// What a server answers. 2.x says that there is an administrator by its status alone, 3.x by the code in its body.
#[derive(Deserialize)]
struct Answer {
    code: Option<i64>,
}

const CONFLICT: u16 = 409;

impl AdminClient {
    /// Asks a server without an administrator to make [`FIRST_USER`] with this password.
    ///
    /// # Errors
    /// [`AdminError`] when there is no answer, or another one than that it was made or is there.
    pub async fn make_first_user(&self, password: &str) -> Result<FirstUser, AdminError> {
        const CALL: &str = "making the first user";
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("password", password).finish();
        let call = self.exchange.call(Method::POST, self.paths().first_user()).form(form);
        let answer = self.exchange.send(call).await.map_err(|source| self.no_answer(CALL, source))?;
        let (status, text) = answer.whole().map_err(|source| self.no_answer(CALL, source))?;
        let code = serde_json::from_str::<Answer>(&text).ok().and_then(|answer| answer.code);
        if status.as_u16() == CONFLICT || code == Some(i64::from(CONFLICT)) {
            return Ok(FirstUser::Exists);
        }
        if status.is_success() && code.is_none_or(|code| code == 0 || code == 200) {
            return Ok(FirstUser::Made);
        }
        // The answer may repeat the password: a message has no more than the server's words about a failure.
        Err(self.other_status(CALL, status, &text.replace(password, "***")))
    }
}
