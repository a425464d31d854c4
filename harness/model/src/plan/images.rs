//! Which images servers and proxies in containers are of.

use super::{ProxySpec, ServerSpec};

/// The official image of Nacos, but for the tag, which is the version with a `v` before it.
const NACOS: &str = "nacos/nacos-server";
/// The official image of the Toxiproxy that the driver was tried with.
const TOXIPROXY: &str = "ghcr.io/shopify/toxiproxy:2.12.0";

impl ServerSpec {
    /// The image of a node, as it is started.
    #[must_use]
    pub fn image(&self) -> String {
        self.container.image.clone().unwrap_or_else(|| official(&self.version))
    }

    /// The image of a node after an upgrade, if there is one.
    #[must_use]
    pub fn upgraded_image(&self) -> Option<String> {
        let upgrade = self.upgrade.as_ref()?;
        Some(upgrade.image.clone().unwrap_or_else(|| official(&upgrade.version)))
    }
}

impl ProxySpec {
    /// The image of Toxiproxy in a container.
    #[must_use]
    pub fn image(&self) -> &str {
        self.image.as_deref().unwrap_or(TOXIPROXY)
    }
}

fn official(version: &str) -> String {
    format!("{NACOS}:v{}", version.trim_start_matches('v'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::UpgradeSpec;

    #[test]
    fn the_official_image_of_the_version_is_taken_unless_another_is_named() {
        let mut spec = ServerSpec::default();
        assert_eq!((spec.image().as_str(), spec.upgraded_image()), ("nacos/nacos-server:v2.5.0", None));
        spec.upgrade = Some(UpgradeSpec { version: "v3.1.0".into(), home: None, image: None });
        assert_eq!(spec.upgraded_image().as_deref(), Some("nacos/nacos-server:v3.1.0"));
        spec.container.image = Some("mine:1".into());
        assert_eq!(spec.image(), "mine:1");
        assert_eq!(ProxySpec::default().image(), TOXIPROXY);
    }
}
