//! Who the watchers are to a server with a login.
//!
//! Every SDK process logs in by itself. Here one login serves the whole fleet, straight at a server and not through a
//! proxy: a real server spends about 100 ms of a core on each (bcrypt), which thousands would turn into the measurement.
//! What each client does with the token, or without, is its own habit. The SDKs look at theirs every 5 s, each process on
//! its own phase (nacos-facts.md §1.8); the one token of the fleet is looked at more often, because its lapse would be
//! that of every watcher at one instant.

use std::sync::Arc;
use std::time::Duration;

use shakedown_model::plan::{Login, LoginHabit};
use shakedown_nacos::admin::AdminClient;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

/// How often the token is looked at.
const LOOKS_EVERY: Duration = Duration::from_millis(500);
/// The pause after a login that failed: that of the SDKs (nacos-facts.md §1.8).
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long a connection waits for the first login. Then it goes on without, and is denied.
const FIRST_LOGIN: Duration = Duration::from_secs(3);

/// What the watchers of a group show of themselves.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    /// Nothing: the server has no login.
    Nobody,
    /// The fleet's token.
    Token {
        keeper: Arc<Keeper>,
        /// How often at most a denial makes the fleet log in again.
        after_denial: Option<Duration>,
    },
    /// Name and password, form-encoded.
    EachRequest(Arc<str>),
}

/// The fleet's token and the wish for another.
#[derive(Debug)]
pub(super) struct Keeper {
    token: watch::Sender<Option<Arc<str>>>,
    denied: Notify,
}

impl Keeper {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { token: watch::Sender::new(None), denied: Notify::new() })
    }

    /// Keeps the token fresh until it is dropped. After a denial it logs in again, at most every `after_denial`; until
    /// then the token goes on being renewed in time.
    pub(super) async fn keep(self: Arc<Self>, admin: AdminClient, after_denial: Option<Duration>) {
        let mut logged_in = Instant::now();
        let mut is_denied = false;
        loop {
            if is_denied && after_denial.is_some_and(|pause| logged_in.elapsed() >= pause) {
                (logged_in, is_denied) = (Instant::now(), false);
                admin.forget_token().await;
            }
            match admin.token().await {
                Ok(token) => {
                    let is_other = *self.token.borrow() != token;
                    if is_other {
                        (logged_in, is_denied) = (Instant::now(), false);
                        self.token.send_replace(token);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "watchers cannot log in");
                    sleep(AFTER_FAILURE).await;
                    continue;
                }
            }
            if is_denied {
                sleep(LOOKS_EVERY).await;
            } else {
                is_denied = timeout(LOOKS_EVERY, self.denied.notified()).await.is_ok();
            }
        }
    }
}

impl Credentials {
    pub(super) fn new(login: &Login, habit: LoginHabit, keeper: &Arc<Keeper>) -> Self {
        match habit {
            LoginHabit::Token { after_denial } => Self::Token { keeper: Arc::clone(keeper), after_denial },
            LoginHabit::EachRequest => {
                let form = form_urlencoded::Serializer::new(String::new())
                    .append_pair("username", &login.username)
                    .append_pair("password", login.password.reveal())
                    .finish();
                Self::EachRequest(form.into())
            }
        }
    }

    /// Waits until the fleet has logged in, for a while.
    pub(super) async fn first_login(&self) {
        if let Self::Token { keeper, .. } = self {
            let mut token = keeper.token.subscribe();
            // Denied is what a client is that could not log in.
            drop(timeout(FIRST_LOGIN, token.wait_for(Option::is_some)).await);
        }
    }

    pub(super) fn token(&self) -> Option<Arc<str>> {
        match self {
            Self::Token { keeper, .. } => keeper.token.borrow().clone(),
            Self::Nobody | Self::EachRequest(_) => None,
        }
    }

    /// The parameters of an HTTP request, form-encoded.
    pub(super) fn params(&self) -> String {
        match self {
            Self::Nobody => String::new(),
            Self::EachRequest(form) => form.to_string(),
            Self::Token { .. } => self.token().map_or_else(String::new, |token| {
                form_urlencoded::Serializer::new(String::new()).append_pair("accessToken", &token).finish()
            }),
        }
    }

    /// The server denied a request.
    pub(super) fn denied(&self) {
        if let Self::Token { keeper, after_denial: Some(_) } = self {
            keeper.denied.notify_one();
        }
    }
}
