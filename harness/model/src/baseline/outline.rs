//! What an experiment does, in lines that two runs must share to be comparable.

use crate::Plan;

/// What a plan does, a line per phase, fault, group and load.
///
/// It leaves out what a comparison is about: servers, proxies, links, clients and their policies, and the seed. It also
/// leaves out what only judges: gates and guarantees.
#[must_use]
pub fn outline(plan: &Plan) -> Vec<String> {
    let secs = |ns: u64| format!("{}s", trimmed(ns));
    let mut lines = Vec::new();
    for phase in &plan.phases {
        let measured = if phase.is_measured { "" } else { ", not measured" };
        lines.push(format!("phase {}: {}{measured}", phase.name, secs(phase.until.0 - phase.from.0)));
    }
    for fault in &plan.faults {
        let groups: Vec<_> =
            fault.groups.iter().map(|group| plan.groups[group.index()].name.as_str()).collect();
        lines.push(format!(
            "fault {}: {} on {}, {} to {}",
            fault.name,
            fault.action.kind(),
            groups.join(" "),
            secs(fault.from.0),
            secs(fault.until.0)
        ));
    }
    for group in &plan.groups {
        let own = if group.own == 0 { String::new() } else { format!(" and {} own", group.own) };
        lines.push(format!(
            "group {}: {} watchers, {} shared{own} items each",
            group.name, group.count, group.shared
        ));
    }
    let items = &plan.items;
    lines.push(short(format!("items: {} shared, {:?}", items.shared, items.payload)));
    lines.push(short(format!("mutations: {:?}", plan.mutator.arrivals)));
    let kinds = &plan.mutator.kinds;
    if kinds.delete > 0 || kinds.gray > 0 || plan.mutator.cas {
        let cas = if plan.mutator.cas { ", compare-and-set" } else { "" };
        lines
            .push(format!("kinds: write {}, delete {}, gray {}{cas}", kinds.write, kinds.delete, kinds.gray));
    }
    lines.push(format!("delivery-timeout: {}", secs(crate::time::nanos(plan.delivery_timeout))));
    lines
}

/// A line that a person reads: a long one, such as a trace of arrivals, is cut and told apart by a hash.
fn short(line: String) -> String {
    const LONGEST: usize = 240;
    if line.chars().count() <= LONGEST {
        return line;
    }
    let hash = xxhash_rust::xxh3::xxh3_64(line.as_bytes());
    let start: String = line.chars().take(LONGEST - 30).collect();
    format!("{start}… #{hash:016x}")
}

/// Seconds without needless digits.
fn trimmed(ns: u64) -> String {
    let (whole, rest) = (ns / 1_000_000_000, ns % 1_000_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:09}").trim_end_matches('0').to_owned()
}

/// The first lines that two outlines do not share, in words.
#[must_use]
pub fn difference(old: &[String], new: &[String]) -> Option<String> {
    let missing = old.iter().find(|line| !new.contains(line));
    let added = new.iter().find(|line| !old.contains(line));
    match (missing, added) {
        (None, None) => None,
        (Some(missing), Some(added)) => Some(format!("`{missing}` there, `{added}` here")),
        (Some(missing), None) => Some(format!("`{missing}` is not here")),
        (None, Some(added)) => Some(format!("`{added}` is new")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_no_needless_digits() {
        assert_eq!(trimmed(20_000_000_000), "20");
        assert_eq!(trimmed(1_500_000_000), "1.5");
        assert_eq!(trimmed(0), "0");
    }

    #[test]
    fn long_lines_are_cut_and_still_differ() {
        let (a, b) = (short("x".repeat(1000)), short("x".repeat(1001)));
        assert!(a != b && a.chars().count() <= 240, "{a}");
        assert_eq!(short("y".into()), "y");
    }

    #[test]
    fn outlines_differ_in_words() {
        let lines = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (old, new) = (lines(&["a", "group x: 5"]), lines(&["a", "group x: 6"]));
        assert_eq!(difference(&old, &old), None);
        assert_eq!(difference(&old, &new).unwrap(), "`group x: 5` there, `group x: 6` here");
        assert_eq!(difference(&old, &old[..1]).unwrap(), "`group x: 5` is not here");
        assert_eq!(difference(&old[..1], &old).unwrap(), "`group x: 5` is new");
    }
}
