//! A Toxiproxy that somebody else runs: found by its address, never started or stopped.

use std::net::SocketAddr;
use std::time::Duration;

use shakedown_model::plan::ExternalProxy;
use tokio::time::Instant;

use super::{ProxiesError, container};
use crate::names;

/// How long its API is tried.
const WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn find(external: &ExternalProxy) -> Result<SocketAddr, ProxiesError> {
    let unreachable = |why| ProxiesError::Unreachable { api: external.api.clone(), why };
    let api = names::resolve(&external.api).await.map_err(unreachable)?;
    let deadline = Instant::now() + WITHIN;
    while !container::answers(api).await {
        if Instant::now() >= deadline {
            let tried =
                format!("GET /version at {api} had no answer of Toxiproxy for {} s", WITHIN.as_secs());
            return Err(unreachable(tried));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(api)
}
