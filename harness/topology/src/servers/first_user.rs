//! The account of a server that was just made: its first user, until that can log in at every node.

use std::net::SocketAddr;
use std::time::Duration;

use shakedown_model::plan::{Generation, Login};
use shakedown_nacos::admin::AdminClient;
use tokio::time::Instant;

use super::ServersError;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// A node that does not let the user in yet is asked this often.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// How long all of it may take. A node reads its users every 15 s; a new cluster may have no leader for the write at
/// first.
const WITHIN: Duration = Duration::from_secs(60);

/// Makes the first user of servers over one empty store, and waits until it can log in at each of `nodes` (HTTP).
///
/// The servers ask for a login and are ready otherwise; `login` names [`shakedown_nacos::admin::FIRST_USER`], which the
/// scenario's checks see to.
///
/// # Errors
/// [`ServersError::NoLogin`] when that does not come about within 60 s.
pub(super) async fn make_first_user(
    generation: Generation,
    login: &Login,
    nodes: &[SocketAddr],
) -> Result<(), ServersError> {
    let deadline = Instant::now() + WITHIN;
    let Some(first) = nodes.first() else { return Ok(()) };
    let admin = client(*first, generation, None);
    // A user who is there already is as good: whether the password fits is seen by the login.
    until(deadline, *first, || async { admin.make_first_user(login.password.reveal()).await.map(drop) })
        .await?;
    for node in nodes {
        let admin = client(*node, generation, Some(login));
        until(deadline, *node, || async { admin.token().await.map(drop) }).await?;
    }
    Ok(())
}

fn client(node: SocketAddr, generation: Generation, login: Option<&Login>) -> AdminClient {
    AdminClient::new(node, CALL_TIMEOUT).speaking(generation).logging_in(login)
}

/// Tries again and again until it works or the time is up.
async fn until<F, Trial>(deadline: Instant, http: SocketAddr, trial: F) -> Result<(), ServersError>
where
    F: Fn() -> Trial,
    Trial: Future<Output = Result<(), shakedown_nacos::admin::AdminError>>,
{
    loop {
        let Err(error) = trial().await else { return Ok(()) };
        if Instant::now() >= deadline {
            return Err(ServersError::NoLogin { http, why: format!("{error}, for {} s", WITHIN.as_secs()) });
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}
