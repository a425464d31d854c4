//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::output::complain;

/// A receiver that turns true at the first SIGINT or SIGTERM, after `what_happens` was said.
///
/// A second signal ends the process at once with 130: the guard still ends what was started.
///
/// # Errors
/// When the handlers cannot be installed.
pub(crate) fn stop_signal(what_happens: &'static str) -> std::io::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let mut is_second = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if is_second {
                #[expect(clippy::exit, reason = "the person asked twice; the guard ends what is left")]
                std::process::exit(130);
            }
            is_second = true;
            complain(what_happens);
            sender.send_replace(true);
        }
    });
    Ok(receiver)
}
