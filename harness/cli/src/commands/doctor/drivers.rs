//! The drivers of real SDKs: which are built, and whether what they are built with is there.

use shakedown_drivers::{Cache, Catalogue, Driver};
use shakedown_model::Plan;

use super::finding::Finding;
use crate::commands::runtime;
use crate::exit::Failure;

/// A line for each driver; one that the scenario needs and cannot have fails.
pub(super) fn findings(plan: Option<&Plan>) -> Result<Vec<Finding>, Failure> {
    let catalogue = Catalogue::built_in();
    let cache = Cache::of_user().ok();
    let is_needed = |driver: &Driver| {
        plan.is_some_and(|plan| {
            let of_groups = plan.groups.iter().filter_map(|group| group.client.driver.as_ref());
            of_groups.into_iter().any(|spec| spec.command.is_none() && spec.name == driver.name)
        })
    };
    runtime()?.block_on(async {
        let mut findings = Vec::new();
        for driver in catalogue.drivers() {
            findings.push(finding(driver, cache.as_ref(), is_needed(driver)).await);
        }
        Ok(findings)
    })
}

async fn finding(driver: &Driver, cache: Option<&Cache>, is_needed: bool) -> Finding {
    const NAME: &str = "driver";
    let what = format!("{} ({} {})", driver.name, driver.sdk.name, driver.sdk.version);
    let mut found = Vec::new();
    for toolchain in &driver.toolchains {
        match toolchain.find().await {
            Ok(tool) => found.push(format!("{} {}", tool.name, tool.version.unwrap_or_default())),
            Err(missing) if is_needed => {
                return Finding::fail(NAME, format!("{what}: cannot be built"), missing.to_string());
            }
            Err(missing) => return Finding::ok(NAME, format!("{what}: not to be had here; {missing}")),
        }
    }
    let built = match cache {
        None => return Finding::warn(NAME, what, "set XDG_CACHE_HOME or HOME, where drivers are built"),
        Some(cache) if cache.built(driver).is_some() => "built",
        Some(_) => "built on first use",
    };
    Finding::ok(NAME, format!("{what}: {built}, with {}", found.join(", ")))
}
