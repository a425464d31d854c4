//! What this process must not print: the values that the scenario took from the environment.

use std::borrow::Cow;
use std::sync::OnceLock;

use shakedown_model::secrets::Secrets;

/// Set once, when the scenario was read; a process reads one scenario.
static SECRETS: OnceLock<Secrets> = OnceLock::new();

/// From here on these values are printed as `${env:NAME}`.
pub(crate) fn hide(secrets: &Secrets) {
    if SECRETS.set(secrets.clone()).is_err() {
        tracing::debug!("secrets are known already");
    }
}

/// The text as it may be printed.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    match SECRETS.get() {
        Some(secrets) if secrets.are_in(text) => Cow::Owned(secrets.redact(text)),
        _ => Cow::Borrowed(text),
    }
}
