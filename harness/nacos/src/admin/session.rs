//! An account's token: fetched by a login, and again before it expires (facts §1.8).

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use shakedown_model::plan::Login;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::exchange::Exchange;
use super::paths::Paths;
use super::{AdminError, publish};

/// The life of a token whose answer does not say: the server's default, 18,000 s.
const USUAL_TTL: Duration = Duration::from_secs(18_000);
/// The least time before its end that a token is renewed: servers count its life in whole seconds, by which it may end
/// up to one sooner, and a login takes a while. A token of less than 4 s is renewed at half its life.
const LEAST_MARGIN: Duration = Duration::from_secs(2);

/// An account and its token.
#[derive(Debug)]
pub(super) struct Session {
    login: Login,
    /// Held while logging in, so that many calls make one login.
    token: Mutex<Option<Token>>,
}

struct Token {
    text: Arc<str>,
    renew_at: Instant,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("renew_at", &self.renew_at).finish_non_exhaustive()
    }
}

/// What a login is answered with, whole or within `data`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Granted {
    access_token: Option<String>,
    token_ttl: Option<u64>,
    data: Option<Box<Self>>,
}

impl Session {
    pub(super) fn new(login: Login) -> Self {
        Self { login, token: Mutex::default() }
    }

    /// The same account, not logged in.
    pub(super) fn anew(&self) -> Self {
        Self::new(self.login.clone())
    }

    pub(super) async fn token(&self, exchange: &Exchange, paths: Paths) -> Result<Arc<str>, AdminError> {
        let mut token = self.token.lock().await;
        if let Some(token) = token.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(Arc::clone(&token.text));
        }
        let granted = self.log_in(exchange, paths).await?;
        let text = Arc::clone(&granted.text);
        *token = Some(granted);
        Ok(text)
    }

    pub(super) async fn forget(&self) {
        *self.token.lock().await = None;
    }

    async fn log_in(&self, exchange: &Exchange, paths: Paths) -> Result<Token, AdminError> {
        const CALL: &str = "login";
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", &self.login.username)
            .append_pair("password", self.login.password.reveal())
            .finish();
        let server = || exchange.peer().to_string();
        let no_answer = |source| AdminError::NoAnswer { call: CALL, server: server(), source };
        let asked = Instant::now();
        let call = exchange.call(Method::POST, paths.login()).form(form);
        let answer = exchange.send(call).await.map_err(no_answer)?;
        let (status, text) = answer.whole().map_err(no_answer)?;
        if status != StatusCode::OK {
            let text = publish::start_of(&text);
            return Err(AdminError::Status { call: CALL, server: server(), status: status.as_u16(), text });
        }
        // The body may hold a token: it is in no message.
        let unreadable =
            || AdminError::Unreadable { call: CALL, server: server(), text: "no `accessToken`".to_owned() };
        let granted: Granted = serde_json::from_str(&text).map_err(|_| unreadable())?;
        let granted = granted.data.map_or(Granted { data: None, ..granted }, |data| *data);
        let text = granted.access_token.filter(|token| !token.is_empty()).ok_or_else(unreadable)?;
        let life = granted.token_ttl.map_or(USUAL_TTL, Duration::from_secs);
        Ok(Token { text: text.into(), renew_at: asked + renewed_after(life) })
    }
}

/// As the SDKs do, a tenth of its life before it ends, but for tokens that live a few seconds.
fn renewed_after(life: Duration) -> Duration {
    life - (life / 10).max(LEAST_MARGIN).min(life / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_a_tenth_of_its_life_and_at_least_2_s_before_it_ends() {
        let renewed = |seconds| renewed_after(Duration::from_secs(seconds)).as_millis();
        assert_eq!(
            [18_000, 20, 10, 5, 4, 2, 0].map(renewed),
            [16_200_000, 18_000, 8_000, 3_000, 2_000, 1_000, 0]
        );
    }
}
