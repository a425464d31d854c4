//! The scenarios that defects are planted in. They are part of the program, so that a self-test needs no files.

use serde::Serialize;

/// A scenario of the self-test; `scenarios/selftest/` holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Without a fault: some defects of servers hide behind one.
    Calm,
    /// Jitter, a cut, a crash and a cold start.
    Rough,
    /// The only server is stopped after the last change, and started again.
    Restart,
    /// Everything that befalls links.
    Links,
    /// Everything that befalls watchers and the control plane.
    Watchers,
    /// Everything that befalls servers.
    Servers,
    /// Everything that befalls the TLS before servers.
    Tls,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 7] =
        [Self::Calm, Self::Rough, Self::Restart, Self::Links, Self::Watchers, Self::Servers, Self::Tls];

    /// The name of its scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "selftest-calm",
            Self::Rough => "selftest-rough",
            Self::Restart => "selftest-restart",
            Self::Links => "selftest-links",
            Self::Watchers => "selftest-watchers",
            Self::Servers => "selftest-servers",
            Self::Tls => "selftest-tls",
        }
    }

    /// The scenario.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Calm => include_str!("../../../scenarios/selftest/selftest-calm.yaml"),
            Self::Rough => include_str!("../../../scenarios/selftest/selftest-rough.yaml"),
            Self::Restart => include_str!("../../../scenarios/selftest/selftest-restart.yaml"),
            Self::Links => include_str!("../../../scenarios/selftest/selftest-links.yaml"),
            Self::Watchers => include_str!("../../../scenarios/selftest/selftest-watchers.yaml"),
            Self::Servers => include_str!("../../../scenarios/selftest/selftest-servers.yaml"),
            Self::Tls => include_str!("../../../scenarios/selftest/selftest-tls.yaml"),
        }
    }

    /// Whether it is there for its faults, each of which is tried without teeth; it has no gates.
    #[must_use]
    pub const fn is_of_faults(self) -> bool {
        matches!(self, Self::Links | Self::Watchers | Self::Servers | Self::Tls)
    }

    /// The gates as they are written in the scenario.
    pub fn gates(self) -> impl Iterator<Item = &'static str> {
        let after = self.text().lines().skip_while(|line| *line != "gates:").skip(1);
        after.map_while(|line| line.strip_prefix("  - "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_its_name_and_gates() {
        for stage in Stage::ALL {
            assert!(stage.text().contains(&format!("\nname: {}\n", stage.name())), "{stage:?}");
            assert_eq!(stage.gates().count() == 0, stage.is_of_faults(), "{stage:?}");
            assert!(stage.gates().all(|gate| gate.contains('<')), "{stage:?}");
        }
    }
}
