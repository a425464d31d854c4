//! By which path content came, and the change that took longest.

use shakedown_check::result::PathFigure;
use shakedown_model::GroupId;
use shakedown_model::gate::Scope;

use super::Lines;
use crate::input::{ReportInput, path_name};
use crate::slowest;

/// Both, where there are any.
pub(super) fn by_path(out: &mut Lines, input: ReportInput<'_>) {
    let groups: Vec<(GroupId, String)> =
        input.groups().filter_map(|group| Some((group, of_group(input, group)?))).collect();
    let slowest = slowest::change(input);
    if groups.is_empty() && slowest.is_none() {
        return;
    }
    out.title("How changes came");
    for (group, text) in groups {
        out.wrapped(2, &format!("{}: {text}", input.group_name(group)));
    }
    if let Some(slowest) = slowest {
        out.wrapped(2, &slowest);
    }
}

/// `push 97.2 %, push retry (inferred) 2.8 %`, of the whole run, the most frequent first.
fn of_group(input: ReportInput<'_>, group: GroupId) -> Option<String> {
    let paths = input.paths();
    let of = |is_wanted: fn(Scope) -> bool| -> Vec<&PathFigure> {
        paths.iter().copied().filter(|figure| figure.group == group && is_wanted(figure.scope)).collect()
    };
    let mut of_run = of(|scope| scope == Scope::Run);
    if of_run.is_empty() {
        return None;
    }
    of_run.sort_by_key(|figure| (std::cmp::Reverse(figure.count), figure.path));
    let words = of_run.into_iter().map(|figure| {
        let inferred = if figure.is_inferred { " (inferred)" } else { "" };
        format!("{}{inferred} {}", path_name(figure.path), input.path_share(figure))
    });
    Some(words.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use crate::fixture::Fixture;
    use crate::terminal::{Look, summary};

    #[test]
    fn the_slowest_change_and_the_paths_are_lines() {
        let text = summary(Fixture::rough_run().input(), Look { width: 100, is_coloured: false });
        let line =
            |start: &str| text.lines().find(|line| line.trim_start().starts_with(start)).map(str::to_owned);
        let modern = line("modern: ").expect("a line of paths");
        assert!(modern.contains("push 98.") && modern.contains("push retry (inferred) 1."), "{modern}");
        let slowest = line("slowest change: ").expect("a slowest change");
        assert!(
            slowest.contains("in cut") && slowest.contains("100 of 210 watchers did not hold it"),
            "{slowest}"
        );
    }

    #[test]
    fn a_run_without_changes_has_no_such_lines() {
        let text = summary(Fixture::empty_run().input(), Look { width: 100, is_coloured: false });
        assert!(!text.contains("How changes came"));
    }
}
