//! Known bugs as scenarios: what the headers of `scenarios/defects` say is what its README and `ci/real.d/defects` go by.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shakedown_model::Offset;
use shakedown_model::plan::Plan;

use super::committed::{files_below, scenarios};
use super::*;

fn folder() -> PathBuf {
    scenarios().join("defects")
}

fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    files_below(&folder(), &mut files);
    files
}

/// The one header line that begins with `key`.
fn header<'a>(text: &'a str, key: &str) -> &'a str {
    let said: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(key)).collect();
    assert_eq!(said.len(), 1, "`{key}` stands once in a header:\n{text}");
    said[0]
}

/// Guarantees that must be violated, and gates that must fail.
fn verdict(line: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut violated, mut gates) = (Vec::new(), Vec::new());
    for part in line.split("; ") {
        match part.split_once(' ') {
            Some(("violated", names)) => violated.extend(names.split(' ')),
            Some(("gate", names)) => gates.extend(names.split(' ')),
            _ => panic!("`{part}` is neither `violated GUARANTEE…` nor `gate MEASURE…`"),
        }
    }
    (violated, gates)
}

fn plan_of(file: &Path) -> Plan {
    load(file, &Overrides::new()).unwrap_or_else(|problems| panic!("{problems}")).plan
}

#[test]
fn every_defect_says_what_it_comes_to_in_words_that_its_scenario_has() {
    let files = files();
    assert!(files.len() >= 20, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let plan = plan_of(&file);
        let (violated, gates) = verdict(header(&text, "# Verdict: "));
        assert!(violated.len() + gates.len() > 0, "{}", file.display());
        let required: Vec<String> = plan.required.iter().map(ToString::to_string).collect();
        for name in violated {
            assert!(required.iter().any(|one| one == name), "{}: `{name}` of {required:?}", file.display());
        }
        for name in gates {
            let has = plan.gates.iter().any(|gate| gate.text.split(' ').next() == Some(name));
            assert!(has, "{}: `{name}`", file.display());
        }
        assert!(plan.watcher_count() < 200, "{}", file.display());
        assert!(plan.end() <= Offset::from_secs(40), "{}: {}", file.display(), plan.end());
        let issues = header(&text, "# Issues: ");
        assert!(issues.contains('#') || issues.starts_with("none; read in"), "{}: {issues}", file.display());
    }
}

#[test]
fn every_defect_has_its_row_in_the_readme_and_every_row_its_defect() {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let rows: BTreeSet<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| [")?.split_once(']').map(|(name, _)| name))
        .collect();
    let files = files();
    let names: BTreeSet<&str> =
        files.iter().map(|file| file.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(rows, names);
    for name in names {
        assert!(readme.contains(&format!("| [{name}]({name}.yaml) |")), "{name}");
        let text = std::fs::read_to_string(folder().join(format!("{name}.yaml"))).unwrap();
        let row = readme.lines().find(|line| line.starts_with(&format!("| [{name}]"))).unwrap();
        assert!(row.contains(&format!("`shakedown run scenarios/defects/{name}.yaml`")), "{name}");
        for part in header(&text, "# Issues: ").split([' ', ';', ',']).filter(|part| part.contains('#')) {
            let (_, number) = part.split_once('#').unwrap();
            assert!(row.contains(&format!("#{number}")), "{name}: #{number} is not in its row");
        }
        let (violated, gates) = verdict(header(&text, "# Verdict: "));
        for what in violated.iter().chain(&gates) {
            assert!(row.contains(what), "{name}: `{what}` is not in its row");
        }
    }
}
