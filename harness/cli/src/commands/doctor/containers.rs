//! What runs left on the container engine.

use shakedown_topology::{ContainerError, Orphan, Orphans};

use super::finding::Finding;

const NAME: &str = "left in engine";

/// Containers, networks and volumes of runs, where an engine answers; nothing is said without one.
pub(super) fn finding() -> Option<Finding> {
    let runtime = crate::commands::runtime().ok()?;
    match runtime.block_on(shakedown_topology::orphans()) {
        Ok(orphans) => Some(told(&orphans)),
        // Whether there is an engine is another line.
        Err(ContainerError::NoEngine { .. }) => None,
        Err(error) => Some(Finding::warn(NAME, error.to_string(), "look at the engine's own log")),
    }
}

fn told(orphans: &Orphans) -> Finding {
    let mut found = Vec::new();
    for (these, whose) in [
        (&orphans.dead, "whose harness is gone"),
        (&orphans.elsewhere, "whose harness cannot be seen from here"),
        (&orphans.living, "under way"),
    ] {
        if !these.is_empty() {
            found.push(format!("{whose}: {}", listed(these)));
        }
    }
    let found = if found.is_empty() {
        "nothing of any run".to_owned()
    } else {
        format!("of runs {}", found.join("; "))
    };
    match (orphans.dead.is_empty(), orphans.elsewhere.is_empty()) {
        (false, _) => Finding::warn(NAME, found, "remove what dead runs left: shakedown doctor --sweep"),
        (true, false) => Finding::warn(
            NAME,
            found,
            "sweep where those runs were started, or remove it by hand by its labels org.shakedown.*",
        ),
        (true, true) => Finding::ok(NAME, found),
    }
}

fn listed(orphans: &[Orphan]) -> String {
    let each: Vec<_> = orphans.iter().map(|orphan| format!("{} ({})", orphan.run, orphan.what)).collect();
    each.join(", ")
}

/// Removes what dead runs left, and says what; whether all of it is gone.
pub(super) fn sweep() -> Result<Vec<Finding>, ContainerError> {
    let Ok(runtime) = crate::commands::runtime() else { return Ok(Vec::new()) };
    let sweep = runtime.block_on(shakedown_topology::sweep())?;
    let mut findings = Vec::new();
    if !sweep.swept.is_empty() {
        findings.push(Finding::ok(NAME, format!("removed: {}", listed(&sweep.swept))));
    }
    for (run, why) in sweep.trouble {
        findings.push(Finding::fail(NAME, format!("{run}: {why}"), "run `shakedown doctor --sweep` again"));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn orphan() -> Vec<Orphan> {
        vec![Orphan { run: "quickstart-1".into(), what: "2 containers".into() }]
    }

    #[test]
    fn only_what_nobody_holds_is_to_be_looked_at() {
        let nothing = told(&Orphans::default());
        assert_eq!(nothing.level, Level::Ok);
        let living = told(&Orphans { living: orphan(), ..Orphans::default() });
        assert!(
            living.level == Level::Ok
                && living.lines(false).contains("under way: quickstart-1 (2 containers)")
        );
        let dead = told(&Orphans { dead: orphan(), living: orphan(), ..Orphans::default() });
        assert!(dead.level == Level::Warn && dead.lines(false).contains("--sweep"), "{dead:?}");
        let elsewhere = told(&Orphans { elsewhere: orphan(), ..Orphans::default() });
        assert!(
            elsewhere.level == Level::Warn && !elsewhere.lines(false).contains("doctor --sweep"),
            "{elsewhere:?}"
        );
    }
}
