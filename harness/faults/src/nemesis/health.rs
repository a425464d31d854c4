//! The proxies' health before and after a fault, and the removal of what a fault left behind.

use shakedown_model::FaultId;

use crate::canary::LEAD;
use crate::fault::{TOXIC_PREFIX, in_words};
use crate::proxies::ProxyAddress;
use crate::toxiproxy::{ProxyApi, ProxyState};

/// What is wrong with the fault's proxies, if anything.
pub(super) async fn before(api: &dyn ProxyApi, targets: &[ProxyAddress]) -> Option<String> {
    if targets.is_empty() {
        return None;
    }
    // The onset waits for this look: a slow API must not move it.
    match tokio::time::timeout(LEAD, api.proxies()).await {
        Err(_) => Some("the proxy's API did not answer in time".into()),
        Ok(Err(error)) => Some(in_words(&error)),
        Ok(Ok(states)) => unhealthy(&states, targets),
    }
}

/// Removes what the fault left behind, such as a toxic whose call timed out and was carried out later, and says what
/// is wrong.
pub(super) async fn clean_up(api: &dyn ProxyApi, targets: &[ProxyAddress], fault: FaultId) -> Option<String> {
    if targets.is_empty() {
        return None;
    }
    let states = match api.proxies().await {
        Err(error) => return Some(in_words(&error)),
        Ok(states) => states,
    };
    let prefix = format!("{TOXIC_PREFIX}{fault}-");
    let mut troubles: Vec<String> = unhealthy(&states, targets).into_iter().collect();
    for proxy in states.iter().filter(|proxy| targets.iter().any(|target| target.name == proxy.name)) {
        for toxic in proxy.toxics.iter().filter(|toxic| toxic.name.starts_with(&prefix)) {
            let removed = match api.remove_toxic(&proxy.name, &toxic.name).await {
                Err(error) if !error.is_not_found() => {
                    format!("and could not be removed: {}", in_words(&error))
                }
                Ok(()) | Err(_) => "and was removed".into(),
            };
            troubles.push(format!("`{}` was still on `{}` {removed}", toxic.name, proxy.name));
        }
    }
    (!troubles.is_empty()).then(|| troubles.join("; "))
}

fn unhealthy(states: &[ProxyState], targets: &[ProxyAddress]) -> Option<String> {
    let sick: Vec<String> = targets
        .iter()
        .filter_map(|target| match states.iter().find(|state| state.name == target.name) {
            None => Some(format!("proxy `{}` is gone", target.name)),
            // Another fault may be between closing and opening it; one that stays closed is seen after that fault.
            Some(state) if !state.enabled => Some(format!("proxy `{}` is disabled", target.name)),
            Some(_) => None,
        })
        .collect();
    (!sick.is_empty()).then(|| sick.join(", "))
}
